/**
 * Incidents of models that the configuration has no more: nobody computes their windows, so they would stay open for ever. They end with
 * that as their reason, and not as if it had recovered. Where such a model comes back and it still fires, it opens a new incident.
 */
import { type Incident, MODEL_REMOVED, modelsOf } from "../core/incident.ts";
import type { Episode } from "./episode.ts";
import { changeOf, type RecordedChange } from "./incident-changes.ts";
import type { IncidentRecord } from "./incident-record.ts";
import { plainName } from "./incident-text.ts";
import { incidentAt } from "./incident-view.ts";

/** What follows for open and pending incidents; a second time nothing. @param models names of those that the configuration has */
export function endRemoved(records: readonly IncidentRecord[], models: ReadonlySet<string>): RecordedChange[] {
  return records.flatMap((record) => {
    const gone = modelsOf(record.incident).filter((model) => !models.has(model));
    if (gone.length === 0) return [];
    const why = `${MODEL_REMOVED}: ${gone.map(plainName).join(", ")} ${gone.length === 1 ? "is" : "are"} not in the configuration any more`;
    if (record.incident.state === "pending") return [lapsed(record, why)];
    return endedParts(record, new Set(gone), why);
  });
}

function lapsed(record: IncidentRecord, why: string): RecordedChange {
  const { incident } = record;
  const after: Incident = { ...incident, state: "resolved", resolved_at: incident.opened_at };
  return changeOf(record, {
    kind: "amended",
    occurrence: 1,
    told: null,
    reason: `pending → resolved: ${why}`,
    after: { ...record, withdrawn: true, incident: after },
  });
}

/** The parts that these models have; nothing where they have ended already. */
function endedParts(record: IncidentRecord, gone: ReadonlySet<string>, why: string): RecordedChange[] {
  const { incident } = record;
  const goesOn = ({ model, cleared, accepted }: Episode) => gone.has(model) && cleared === null && accepted !== true;
  if (!record.episodes.some(goesOn)) return [];
  // Like one whose drift is accepted: it has ended, with the number at which it fired.
  const episodes = record.episodes.map((episode) => (goesOn(episode) ? { ...episode, accepted: true } : episode));
  const context = { weigh: weightsOf(incident), explanations: incident.explanations ?? [] };
  const now = incidentAt(incident, episodes, Number.POSITIVE_INFINITY, context);
  const after = { ...record, episodes, incident: now, data_missing_since: null };
  if (now.state !== "resolved")
    return [
      changeOf(record, { kind: "amended", occurrence: 1, told: null, reason: `still ${now.state}: ${why}`, after }),
    ];
  const told = record.told === null ? null : "resolved";
  return [
    changeOf(record, { kind: "resolved", occurrence: 1, told, reason: `${incident.state} → resolved: ${why}`, after }),
  ];
}

/** As they were weighed: the references of these models are not at hand. */
function weightsOf({ model: lead, members }: Incident): (episode: Episode) => number {
  const keyOf = (of: { readonly model: string; readonly metric: string; readonly subject: string }) =>
    JSON.stringify([of.model, of.metric, of.subject]);
  const known = new Map(members.map((member) => [keyOf({ model: lead, ...member }), member.weight ?? 1]));
  return (episode) => known.get(keyOf(episode)) ?? 1;
}
