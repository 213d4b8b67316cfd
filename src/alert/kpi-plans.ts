/** What a KPI's plan (`on_failure`) says of the members of an incident: whoever has found that it fails, its plan holds. */
import { kpiName as nameOf } from "../config/kpi-checks.ts";
import { type KpiPlan, planOf } from "../config/kpi-plans.ts";
import type { ModelConfig } from "../config/schema.ts";
import type { IncidentMember } from "../core/incident.ts";
import { isEstimated, realisedBy } from "./rules.ts";

type Spoken = Pick<IncidentMember, "subject_kind" | "metric" | "subject" | "segment">;

/** The plan of the KPI that a member of a model speaks of; null where it speaks of none that has one. */
export type Plans = (model: string, member: Spoken) => KpiPlan | null;

/** The KPI that an episode or a member speaks of: the page tier's is its subject. */
export const kpiName = ({ metric, subject }: Pick<Spoken, "metric" | "subject">): string =>
  subject === "kpi" ? metric : subject;

/** An estimate without a plan of its own has that of the KPI which it stands for. */
export function createPlans(models: readonly Pick<ModelConfig, "name" | "kpis" | "actions">[]): Plans {
  const plans = new Map<string, KpiPlan>();
  for (const model of models)
    for (const kpi of model.kpis)
      if (kpi.on_failure !== undefined) plans.set(keyOf(model.name, nameOf(kpi)), planOf(kpi.on_failure, model));
  return (model, member) => {
    // A plan is for the KPI of the whole: that it falls in one segment is no reason to fall back from all of the model.
    if (member.subject_kind !== "kpi" || member.segment !== undefined || plans.size === 0) return null;
    const name = kpiName(member);
    const own = plans.get(keyOf(model, name));
    return own ?? (isEstimated(name) ? plans.get(keyOf(model, realisedBy(name))) : undefined) ?? null;
  };
}

const keyOf = (model: string, kpi: string): string => JSON.stringify([model, kpi]);
