/** `on_failure` of a KPI: what is to happen when it fails, and which of the model's actions that asks for. */
import { z } from "zod";
import { actions } from "../act/actions/index.ts";
import { type ActionPurpose, actionPurposes } from "../core/action.ts";
import { actionNames } from "./actions.ts";
import type { ModelConfig } from "./schema.ts";

const words = ["tell", ...actionPurposes, "fall_back"] as const;
const named = z.string().min(1).describe("Name of the action, where the model has several that do this.");

export const onFailureSchema = z
  .array(z.union([z.enum(words), z.strictObject({ retrain: named }), z.strictObject({ roll_back: named })]))
  .min(1)
  .describe(
    "What is to happen when the KPI fails, by its limit, a rule, the page tier or its estimate: `tell` the channels, `retrain` and `roll_back` by the model's action that does so (`{ retrain: NAME }` where it has several), `fall_back`: the model's state becomes `failing`, else it is `degraded`. Nothing else happens then. Left out: the channels are told, actions go by their own `on`, and severity `page` makes the state `failing`.",
  );
export type FailureStep = z.output<typeof onFailureSchema>[number];

export interface KpiPlan {
  /** Whether the channels are told. */
  readonly tells: boolean;
  /** Whether the model's state becomes `failing`. */
  readonly fallsBack: boolean;
  /** Names of the actions that are asked for. */
  readonly actions: readonly string[];
}

/** What a step asks of an action: what for, and which one where it says so; null where it asks nothing of any. */
export function demandOfStep(
  step: FailureStep,
): { readonly purpose: ActionPurpose; readonly name: string | null } | null {
  if (step === "tell" || step === "fall_back") return null;
  if (typeof step === "string") return { purpose: step, name: null };
  return "retrain" in step
    ? { purpose: "retrain", name: step.retrain }
    : { purpose: "roll_back", name: step.roll_back };
}

/** The plan that steps are, in a configuration without contradictions. */
export function planOf(steps: readonly FailureStep[], { actions: all }: Pick<ModelConfig, "actions">): KpiPlan {
  const names = actionNames(all);
  const asked = steps.flatMap((step) => {
    const demand = demandOfStep(step);
    return demand === null
      ? []
      : names.filter((name, index) =>
          demand.name === null ? all[index]?.does === demand.purpose : name === demand.name,
        );
  });
  return { tells: steps.includes("tell"), fallsBack: steps.includes("fall_back"), actions: [...new Set(asked)] };
}

const writtenAction = z.looseObject({
  use: z.string(),
  name: z.string().optional(),
  does: z.enum(actionPurposes).optional(),
});
const writtenModel = z.looseObject({
  kpis: z.array(z.unknown()),
  actions: z.array(writtenAction),
});
const writtenKpi = z.looseObject({ on_failure: onFailureSchema });

/** A model as written, where actions that a plan asks for and that do not say `on` have `on: plan`: drift does not trigger them too. */
export function withPlannedActions(model: unknown): unknown {
  const parsed = writtenModel.safeParse(model);
  if (!parsed.success) return model;
  const steps = parsed.data.kpis.flatMap((kpi) => writtenKpi.safeParse(kpi).data?.on_failure ?? []);
  const demands = steps.flatMap((step) => demandOfStep(step) ?? []);
  const names = actionNames(parsed.data.actions);
  return {
    ...parsed.data,
    actions: parsed.data.actions.map((action, index) => {
      const does = action.does ?? actions.find(({ name }) => name === action.use)?.does;
      const isPlanned = demands.some(({ purpose, name }) => (name === null ? purpose === does : name === names[index]));
      return isPlanned && !Object.hasOwn(action, "on") ? { ...action, on: "plan" } : action;
    }),
  };
}
