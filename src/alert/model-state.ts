/**
 * Whether a model can be relied on now, by its open incidents and the plans of its KPIs: what an inference service asks before it trusts its
 * model. A pure function of what is stored, so that whoever asks and whoever is told hear the same.
 */
import { type Incident, modelsOf, severityRank } from "../core/incident.ts";
import type { ModelState } from "../core/model-state.ts";
import type { Lane } from "../store/store.ts";
import { readOpenIncidents } from "./alert-store.ts";
import { compareText } from "./incident-view.ts";
import { createPlans, type Plans } from "./kpi-plans.ts";
import { partOf, severityOfMembers } from "./model-part.ts";

type PlannedModel = Parameters<typeof createPlans>[0][number];

interface Trouble {
  readonly incident: Incident;
  /** Event time since which the model has failed because of it; null where it has not. */
  readonly failingSince: number | null;
  readonly since: number;
}

/**
 * `failing` while a KPI fires whose plan falls back. A model none of whose plans does so fails by whatever else fires with the severity page.
 * An incident that recovers, or is only a ticket, leaves it `degraded`.
 */
export function stateOfModel(model: PlannedModel, open: readonly Incident[], plans: Plans): ModelState {
  const { name } = model;
  const hasFallback = model.kpis.some(({ on_failure: steps }) => steps?.includes("fall_back") === true);
  const troubles = open
    .flatMap((incident) => troubleOf(incident, name, hasFallback, plans) ?? [])
    .sort(
      (a, b) =>
        Number(b.failingSince !== null) - Number(a.failingSince !== null) ||
        severityRank(b.incident.severity) - severityRank(a.incident.severity) ||
        b.since - a.since ||
        compareText(a.incident.incident_id, b.incident.incident_id),
    );
  const [worst] = troubles;
  if (worst === undefined)
    return { model: name, state: "healthy", reason: "no incident is open", since: null, incidents: [] };
  const failing = troubles.flatMap(({ failingSince }) => failingSince ?? []);
  const isFailing = failing.length > 0;
  const more = (isFailing ? failing.length : troubles.length) - 1;
  return {
    model: name,
    state: isFailing ? "failing" : "degraded",
    reason: `${worst.incident.title}${more === 0 ? "" : ` (and ${more} more)`}`,
    since: new Date(Math.min(...(isFailing ? failing : troubles.map(({ since }) => since)))).toISOString(),
    incidents: troubles.map(({ incident }) => incident.incident_id),
  };
}

/** What an incident means for a model; null where it means nothing: it has no part in it, its part is over or is mere information. */
function troubleOf(whole: Incident, model: string, hasFallback: boolean, plans: Plans): Trouble | null {
  const part = partOf(whole, model);
  if (part === null || part.state === "resolved" || part.state === "pending") return null;
  const firing = part.members.filter((member) => member.firing);
  if (severityOfMembers(firing, part.explanations ?? []) === "info") return null;
  const news = firing.filter(({ muted }) => muted === undefined);
  const failing = news.filter((member) => {
    const plan = plans(model, member);
    return hasFallback ? plan?.fallsBack === true : plan === null && member.severity === "page";
  });
  const isFailing = failing.length > 0 && part.state !== "recovering";
  const since = (members: typeof firing) => Math.min(...members.map(({ fired_at }) => fired_at));
  return { incident: part, failingSince: isFailing ? since(failing) : null, since: since(firing) };
}

/** The state of each model. */
export async function readModelStates(
  lane: Lane,
  models: readonly PlannedModel[],
): Promise<ReadonlyMap<string, ModelState>> {
  const plans = createPlans(models);
  const open = await readOpenIncidents(lane);
  return new Map(
    models.map((model) => [
      model.name,
      stateOfModel(
        model,
        open.filter((incident) => modelsOf(incident).includes(model.name)),
        plans,
      ),
    ]),
  );
}
