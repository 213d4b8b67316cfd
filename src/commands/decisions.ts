/** `driftline silence | acknowledge | accept | feedback | end`: what people decide about incidents. Thin: the routes take the same. */
import { Command, Option } from "commander";
import { z } from "zod";
import { type DecisionKind, type DecisionRequest, decisionRequests } from "../alert/decide.ts";
import { feedbackVerdicts } from "../alert/decisions.ts";
import { matcherNames } from "../alert/telling.ts";
import { DriftlineError } from "../core/errors.ts";
import { decideFromHere } from "../requests/decide.ts";
import { configOption, ownerOption, readConfig } from "./options.ts";

const forOption = () => new Option("--for <duration>", "how long it holds, for example 7d");
const untilOption = () => new Option("--until <time>", "until when it holds, ISO 8601");

type Written = Readonly<Record<string, string | undefined>> & { readonly config: string };

async function run<Kind extends DecisionKind>(
  kind: Kind,
  config: string,
  schema: z.ZodType<DecisionRequest[Kind]>,
  written: unknown,
): Promise<void> {
  const request = schema.safeParse(defined(written));
  if (!request.success) throw new DriftlineError("request_invalid", z.prettifyError(request.error));
  process.stdout.write(`${await decideFromHere(readConfig(config), kind, request.data)}\n`);
}

/** Options that were not given are left out. */
const defined = (written: unknown): unknown =>
  JSON.parse(JSON.stringify(written, (_, value: unknown) => (value === undefined ? undefined : value)));

const silenceCommand = (): Command => {
  const command = new Command("silence")
    .description("Hold back messages of what matches, until it expires. Incidents are recorded all the same.")
    .addOption(configOption());
  for (const name of matcherNames) command.option(`--${name} <text>`, `the ${name}; * stands for any characters`);
  return command
    .addOption(forOption())
    .addOption(untilOption())
    .addOption(ownerOption())
    .requiredOption("--reason <text>", "why")
    .addHelpText(
      "after",
      '\nExample:\n  driftline silence --model census --subject RELP --for 7d --owner ana --reason "the survey changes its codes this week"',
    )
    .action((options: Written) => {
      const matchers = Object.fromEntries(matcherNames.map((name) => [name, options[name]]));
      const { for: ms, until, owner, reason } = options;
      return run("silence", options.config, decisionRequests.silence, { matchers, for: ms, until, owner, reason });
    });
};

const acknowledgeCommand = (): Command =>
  new Command("acknowledge")
    .description("Take an incident on: no reminders any more.")
    .argument("<incident>", "id of the incident")
    .addOption(configOption())
    .addOption(ownerOption())
    .option("--reason <text>", "a note")
    .action((incident_id: string, { config, owner, reason }: Written) =>
      run("acknowledgement", config, decisionRequests.acknowledgement, { incident_id, owner, reason }),
    );

const acceptCommand = (): Command =>
  new Command("accept")
    .description("Accept the drift of a feature as the new normal, until it expires.")
    .addOption(configOption())
    .requiredOption("--model <name>", "the model")
    .requiredOption("--subject <name>", "the feature, prediction or score")
    .option("--segment <segment>", "only in this segment, for example country=DE")
    .addOption(forOption())
    .addOption(untilOption())
    .addOption(ownerOption())
    .requiredOption("--reason <text>", "why")
    .addHelpText(
      "after",
      '\nExample:\n  driftline accept --model census --subject RELP --for 90d --owner ana --reason "group quarters are surveyed apart now"',
    )
    .action(({ config, model, subject, segment, for: ms, until, owner, reason }: Written) =>
      run("acceptance", config, decisionRequests.acceptance, {
        model,
        subject,
        segment,
        for: ms,
        until,
        owner,
        reason,
      }),
    );

const feedbackCommand = (): Command =>
  new Command("feedback")
    .description("Say whether an incident was real or noise; it is recorded with the incident.")
    .argument("<incident>", "id of the incident")
    .argument("<verdict>", feedbackVerdicts.join(" or "))
    .addOption(configOption())
    .addOption(ownerOption())
    .option("--reason <text>", "a note")
    .action((incident_id: string, verdict: string, { config, owner, reason }: Written) =>
      run("feedback", config, decisionRequests.feedback, { incident_id, verdict, owner, reason }),
    );

const endCommand = (): Command =>
  new Command("end")
    .description("Take a silence, an acknowledgement or an acceptance back before it expires.")
    .argument("<decision>", "its id: GET /v1/decisions lists them")
    .addOption(configOption())
    .addOption(ownerOption())
    .option("--reason <text>", "a note")
    .action((decision_id: string, { config, owner, reason }: Written) =>
      run("end", config, decisionRequests.end, { decision_id, owner, reason }),
    );

export const decisionCommands = (): readonly Command[] => [
  silenceCommand(),
  acknowledgeCommand(),
  acceptCommand(),
  feedbackCommand(),
  endCommand(),
];
