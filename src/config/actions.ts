/** `actions:`: what machines are asked to do; the choices come from the folder's index. */
import { z } from "zod";
import { actions } from "../act/actions/index.ts";
import { type Action, actionPurposes } from "../core/action.ts";
import { duration } from "./duration.ts";

const names = (what: string) => z.array(z.string()).min(1).optional().describe(what);

const triggers = ["info", "ticket", "page", "plan"] as const;

const when = {
  name: z
    .string()
    .regex(/^[A-Za-z0-9][A-Za-z0-9 ._-]{0,59}$/, "letters, digits, ' ', '.', '_' and '-', at most 60")
    .optional()
    .describe("What a KPI's `on_failure` and people call it; left out: `airflow`, and `airflow 2` for a second one."),
  on: z
    .enum(triggers)
    .default("ticket")
    .describe(
      "Least severity of an incident that triggers the action. `plan`: only where a KPI's `on_failure` asks for it, which is the default of an action that one does ask for.",
    ),
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
    .extend({
      use: z.literal(action.name).describe("The action."),
      does: z
        .enum(actionPurposes)
        .default(action.does)
        .describe("What a KPI's `on_failure` may ask it for: to retrain, or to roll back to an older version."),
      ...when,
    })
    .meta({ id: `action-${action.name}`, title: action.title, description: action.description });

const [first, ...rest] = actions;

/** What every action has beside its own options, as it is once the configuration has been read. */
export const actionRulesSchema = z.looseObject({
  use: z.string(),
  does: z.enum(actionPurposes),
  name: z.string().optional(),
  on: z.enum(triggers),
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

/** What each action of a model is called: its name, else its kind, and "webhook 2" for a second one of the kind. */
export function actionNames(actions: readonly Pick<ActionRules, "use" | "name">[]): readonly string[] {
  const seen = new Map<string, number>();
  return actions.map(({ use, name }) => {
    const count = (seen.get(use) ?? 0) + 1;
    seen.set(use, count);
    return name ?? (count === 1 ? use : `${use} ${count}`);
  });
}

/** Keys that all actions share; the others are the action's own options. */
export const sharedActionKeys: ReadonlySet<string> = new Set(["use", "does", ...Object.keys(when)]);

/** The last step changes nothing but the type. */
export const actionSchema = z.discriminatedUnion("use", [option(first), ...rest.map(option)]).pipe(actionRulesSchema);
