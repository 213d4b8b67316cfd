/** `driftline status`: is it ready, how far has it come, what waits. */
import { Command } from "commander";
import { systemClock } from "../core/clock.ts";
import { statusOf } from "../requests/status-request.ts";
import { statusText } from "../service/status.ts";
import { configOption, readConfig } from "./options.ts";

export const statusCommand = (): Command =>
  new Command("status")
    .description("Show whether the service is ready, how far events are stored and evaluated, and what waits.")
    .addOption(configOption())
    .option("--json", "print it as JSON")
    .addHelpText(
      "after",
      "\nExit status 1 where the service is not ready, or does not run.\n\nExample:\n  driftline status",
    )
    .action(async (options: { config: string; json?: true }) => {
      const status = await statusOf(readConfig(options.config), systemClock);
      process.stdout.write(options.json === true ? `${JSON.stringify(status)}\n` : statusText(status));
      if (status.ready === false) process.exitCode = 1;
    });
