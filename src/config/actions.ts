/** `actions:`: what machines are asked to do; the choices come from the folder's index. */
import { z } from "zod";
import { actions } from "../act/actions/index.ts";
import type { Action } from "../core/action.ts";
import { duration } from "./duration.ts";

const names = (what: string) => z.array(z.string()).min(1).optional().describe(what);

const when = {
  on: z
    .enum(["info", "ticket", "page"])
    .default("ticket")
    .describe("Least severity of an incident that triggers the action."),
  only_for: z
    .strictObject({
      metrics: names("Detectors and KPIs."),
      subjects: names("Features, prediction or score."),
      rules: names("Names of rules."),
      windows: names("Windows, as in `windows`."),
    })
    .prefault({})
    .describe(
      "The action is asked for only if one firing member of the incident fits all lists; a list left out fits all.",
    ),
  cooldown: duration()
    .prefault("1d")
    .describe(
      "At most one request in this time, per model, counted in event time from the opening of the incident that was acted upon.",
    ),
  max_per_month: z
    .int()
    .min(1)
    .default(4)
    .describe("At most so many requests in a calendar month (UTC, event time), however long the cooldown."),
  approval: z
    .boolean()
    .default(false)
    .describe("A person must agree first: the model's channels get a link that can be used once."),
  approval_within: duration({ least: 60_000 })
    .prefault("1d")
    .describe("How long the link holds; nothing is asked for after it."),
  dry_run: z.boolean().default(false).describe("Decide and show everything, but send nothing."),
  timeout: duration({ least: 60_000 })
    .prefault("1d")
    .describe(
      "How long a run may take. While one is in flight no other is asked for; after this time it is given up, and people are told.",
    ),
  stuck_after: duration({ least: 1_000 })
    .prefault("1h")
    .describe("People are told once of a run that was accepted and has not begun after this time."),
  poll_every: duration({ least: 1_000 })
    .prefault("1m")
    .describe("How often the receiver is asked what has become of a run, where it can be asked."),
  recover_within: duration({ least: 60_000 })
    .prefault("7d")
    .describe(
      "How long after a new version its numbers may take to be good; after this time people are told that it did not help.",
    ),
};

const option = (action: Action) =>
  action.options
    .extend({ use: z.literal(action.name).describe("The action."), ...when })
    .meta({ id: `action-${action.name}`, title: action.title, description: action.description });

const [first, ...rest] = actions;

/** What every action has beside its own options, as it is once the configuration has been read. */
export const actionRulesSchema = z.looseObject({
  use: z.string(),
  on: z.enum(["info", "ticket", "page"]),
  only_for: z.object({
    metrics: z.array(z.string()).optional(),
    subjects: z.array(z.string()).optional(),
    rules: z.array(z.string()).optional(),
    windows: z.array(z.string()).optional(),
  }),
  cooldown: z.number(),
  max_per_month: z.number(),
  approval: z.boolean(),
  approval_within: z.number(),
  dry_run: z.boolean(),
  timeout: z.number(),
  stuck_after: z.number(),
  poll_every: z.number(),
  recover_within: z.number(),
});
export type ActionRules = z.output<typeof actionRulesSchema>;

/** Keys that all actions share; the others are the action's own options. */
export const sharedActionKeys: ReadonlySet<string> = new Set(["use", ...Object.keys(when)]);

/** The last step changes nothing but the type. */
export const actionSchema = z.discriminatedUnion("use", [option(first), ...rest.map(option)]).pipe(actionRulesSchema);
