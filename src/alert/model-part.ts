/** The part that one model has in an incident: what is asked of its machines, and what its state is, goes by that part alone. */
import { type Explanation, type Incident, type IncidentMember, modelsOf, type Severity } from "../core/incident.ts";
import { arranged, greatest } from "./incident-view.ts";
import { expected } from "./telling.ts";

/** The members of a model, as they stand in the incident. */
export const membersOf = (incident: Incident, model: string): readonly IncidentMember[] =>
  incident.members.filter((member) => (member.model ?? incident.model) === model);

/**
 * The greatest severity of what is news among members; of what is muted where something upstream is broken, as for the incident as a whole.
 * What is explained by something that is meant to be (a new version, accepted drift) is `info`.
 */
export function severityOfMembers(members: readonly IncidentMember[], explanations: readonly Explanation[]): Severity {
  const news = members.filter(({ muted }) => muted === undefined);
  if (news.length > 0) return greatest(news.map(({ severity }) => severity));
  const isMeant = explanations.length > 0 && explanations.every(({ kind }) => expected.has(kind));
  return isMeant ? "info" : greatest(members.map(({ severity }) => severity));
}

/**
 * An incident as far as it is one model's: the incident itself where there is no other, null where the model has no part in it. Causes and
 * beginning are looked up for the model at which it was seen first, and stay with it.
 */
export function partOf(incident: Incident, model: string): Incident | null {
  if (!modelsOf(incident).includes(model)) return null;
  if (incident.models === undefined) return incident;
  const own = membersOf(incident, model);
  const [first] = [...own].sort((a, b) => a.fired_at - b.fired_at);
  if (first === undefined) return null;
  const { models: _, causes: __, beginning: ___, retrained: ____, retrained_others: _____, ...shared } = incident;
  const explanations = (incident.explanations ?? []).filter((one) => one.model === model);
  const window = first.window ?? incident.window;
  const isOver = own.every(({ firing }) => !firing);
  const isLead = model === incident.model;
  return arranged({
    ...shared,
    ...(isLead && incident.causes !== undefined ? { causes: incident.causes } : {}),
    ...(isLead && incident.beginning !== undefined ? { beginning: incident.beginning } : {}),
    model,
    window,
    severity: severityOfMembers(own, explanations),
    ...(isOver ? { state: "resolved" } : {}),
    onset: isLead ? incident.onset : Math.min(...own.map(({ onset, window_start }) => onset ?? window_start)),
    opened_at: isLead ? incident.opened_at : first.fired_at,
    resolved_at: isOver ? Math.max(...own.map(({ cleared_at, fired_at }) => cleared_at ?? fired_at)) : null,
    explanations,
    members: own.map(({ model: ______, window: of = incident.window, ...member }) =>
      of === window ? member : { ...member, window: of },
    ),
  });
}
