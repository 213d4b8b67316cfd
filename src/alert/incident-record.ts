/** What the `incidents` table holds of an incident: the incident as people see it, and what the machine needs to carry on. */
import { z } from "zod";
import { type Incident, type IncidentMember, incidentStates, severities, severityRank } from "../core/incident.ts";
import { incidentBeginningSchema } from "../core/incident-beginning.ts";
import { causeReportSchema } from "../core/incident-cause.ts";
import { subjectKinds } from "../core/summary.ts";
import { type Episode, endOf, episodeSchema, memberKey } from "./episode.ts";
import { incidentTitle } from "./incident-text.ts";

const memberSchema = z.object({
  rule: z.string(),
  severity: z.enum(severities),
  version: z.string(),
  variant: z.string(),
  segment: z.string().optional(),
  subject_kind: z.enum(subjectKinds),
  subject: z.string(),
  metric: z.string(),
  value: z.number().nullable(),
  threshold: z.number().nullable(),
  direction: z.enum(["above", "below"]),
  window_start: z.number(),
  window_end: z.number(),
  n: z.number(),
  fired_at: z.number(),
  cleared_at: z.number().nullable(),
  firing: z.boolean(),
  data_missing: z.boolean(),
  onset: z.number().optional(),
  onset_from: z.number().optional(),
  onset_to: z.number().optional(),
  finding: z.string().optional(),
});

/** An incident as JSON: the `incident` of a stored record and of a notification. */
export const incidentSchema = z.object({
  incident_id: z.string(),
  model: z.string(),
  window: z.string(),
  severity: z.enum(severities),
  state: z.enum(incidentStates),
  onset: z.number(),
  opened_at: z.number(),
  resolved_at: z.number().nullable(),
  members: z.array(memberSchema),
  title: z.string(),
  actions: z.array(z.object({ action: z.string(), requested: z.boolean(), reason: z.string() })).optional(),
  causes: causeReportSchema.optional(),
  beginning: incidentBeginningSchema.optional(),
});

/** The JSON in the column `body` of `incidents`. */
export const incidentRecordSchema = z.object({
  incident: incidentSchema,
  sequence: z.number(),
  episodes: z.array(episodeSchema),
  /** True once late data have shown that it should never have opened. */
  withdrawn: z.boolean(),
  /** Clock time since which no firing member has had data enough; null while one has. */
  data_missing_since: z.number().nullable(),
  /** Whether people have been told that data are missing: once per incident at most. */
  data_missing_told: z.boolean(),
  /** Number of the newest reminder. */
  reminders: z.number(),
  /** Clock time of the opening, from which reminders count. */
  recorded_at: z.number(),
});

export interface IncidentRecord extends Omit<z.output<typeof incidentRecordSchema>, "incident"> {
  readonly incident: Incident;
}

/**
 * An incident as it was after the windows that end at `at` or before; infinity for the present.
 *
 * @param base what does not change: identity, onset, opening
 */
export function incidentAt(
  base: Pick<
    Incident,
    "incident_id" | "model" | "window" | "onset" | "opened_at" | "severity" | "actions" | "causes" | "beginning"
  >,
  episodes: readonly Episode[],
  at: number,
): Incident {
  const present = at === Number.POSITIVE_INFINITY;
  const known = episodes.filter((episode) => episode.fired.window_end <= at);
  const latest = new Map<string, Episode>();
  for (const episode of known) {
    const before = latest.get(memberKey(episode));
    if (before === undefined || before.fired.window_end < episode.fired.window_end)
      latest.set(memberKey(episode), episode);
  }
  const members = [...latest.values()].map((episode) => memberOf(episode, at, present)).sort(mostUrgentFirst);
  const firing = known.filter((episode) => endOf(episode) > at || endOf(episode) === Number.POSITIVE_INFINITY);
  const recovering = present && firing.every((episode) => episode.good > 0);
  return {
    ...base,
    state: firing.length === 0 ? "resolved" : recovering ? "recovering" : "firing",
    resolved_at: firing.length === 0 ? Math.max(base.opened_at, ...known.map(endOf)) : null,
    members,
    title: incidentTitle(base.model, base.window, members),
  };
}

function memberOf(episode: Episode, at: number, present: boolean): IncidentMember {
  const { rule, severity, version, variant, segment, subject_kind, subject, metric } = episode;
  const cleared = episode.cleared !== null && episode.cleared.window_end <= at ? episode.cleared : null;
  const firing = cleared === null;
  return {
    rule,
    severity,
    version,
    variant,
    ...(segment === undefined ? {} : { segment }),
    subject_kind,
    subject,
    metric,
    ...(cleared ?? episode.fired),
    fired_at: episode.fired.window_end,
    cleared_at: cleared?.window_end ?? null,
    firing,
    data_missing: present && firing && episode.data_missing,
    ...(episode.finding === undefined ? {} : { onset: episode.onset, finding: episode.finding }),
    ...(episode.onset_from === undefined ? {} : { onset_from: episode.onset_from }),
    ...(episode.onset_to === undefined ? {} : { onset_to: episode.onset_to }),
  };
}

/** Firing before cleared, then by severity, the whole before its segments, then what fired first; the rest only makes the order a fixed one. */
function mostUrgentFirst(one: IncidentMember, other: IncidentMember): number {
  return (
    Number(other.firing) - Number(one.firing) ||
    severityRank(other.severity) - severityRank(one.severity) ||
    Number(one.segment !== undefined) - Number(other.segment !== undefined) ||
    one.fired_at - other.fired_at ||
    compareText(memberKey(one), memberKey(other))
  );
}

export function compareText(one: string, other: string): number {
  return one < other ? -1 : one > other ? 1 : 0;
}
