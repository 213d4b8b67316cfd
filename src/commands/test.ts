/** `driftline test channel|action`: does what is configured arrive? */
import { Command } from "commander";
import { systemClock } from "../core/clock.ts";
import { type TestAnswer, testAction, testChannel } from "../requests/test-message.ts";
import { configOption, readConfig } from "./options.ts";

export const testCommand = (): Command =>
  new Command("test")
    .description("Send a message or a request that is marked as a test, and print what was answered.")
    .addCommand(channelCommand())
    .addCommand(actionCommand());

const channelCommand = (): Command =>
  new Command("channel")
    .description(
      "Send a test message through a channel; one that shows open incidents is told of the end of the test too.",
    )
    .argument("<name>", "name of the channel in the configuration")
    .addOption(configOption())
    .addHelpText("after", "\nExit status 1 where it was not delivered.\n\nExample:\n  driftline test channel ml-oncall")
    .action(async (name: string, options: { config: string }) =>
      show(await testChannel(readConfig(options.config), name, systemClock)),
    );

const actionCommand = (): Command =>
  new Command("action")
    .description("Make the request of an action and show it; with --really, send it.")
    .argument("<name>", 'the action as the page names it: "webhook", and "webhook 2" for a second one')
    .requiredOption("--model <name>", "the model that has the action")
    .option("--really", "send it: the system that is asked may begin a retraining")
    .addOption(configOption())
    .addHelpText("after", "\nExample:\n  driftline test action webhook --model fraud")
    .action(async (name: string, { config, model, really }: { config: string; model: string; really?: true }) =>
      show(await testAction(readConfig(config), { name, model, really: really === true }, systemClock)),
    );

function show({ delivered, lines }: TestAnswer): void {
  process.stdout.write(`${lines.join("\n")}\n`);
  if (!delivered) process.exitCode = 1;
}
