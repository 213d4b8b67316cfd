/** Incidents as they are now, their changes, and what was delivered because of them. */
import { z } from "zod";
import { causeSentence } from "../../alert/cause-text.ts";
import { type Incident, incidentStates, modelsOf, severities } from "../../core/incident.ts";
import { incidentBeginningSchema } from "../../core/incident-beginning.ts";
import { type CauseReport, causeReportSchema } from "../../core/incident-cause.ts";
import { actionDecisionSchema, explanationSchema, incidentSchema, memberSchema } from "../../core/incident-schema.ts";
import { type Rebuild, rebuildSentence, rebuiltSince } from "../../core/rebuild.ts";
import { beginningBody, causesBody, onsetBody } from "../../core/webhook-body.ts";
import { join, type Sql, sql } from "../../store/sql.ts";
import type { Lane } from "../../store/store.ts";

/** When a member fired and cleared is the machine's affair. */
const member = memberSchema.omit({ fired_at: true, cleared_at: true });
const { models, owner, labels, reason, title, onset } = incidentSchema.shape;

/** What the page and the API need of an incident's body; later additions to it are let through. */
const body = z.object({
  models,
  owner,
  labels,
  reason,
  explanations: z
    .array(explanationSchema.omit({ rebased: true, rebasedSegments: true, earliest: true }))
    .exactOptional(),
  members: z.array(member),
  title,
  onset,
  actions: z.array(actionDecisionSchema.omit({ asked: true })).exactOptional(),
  // What an older version has written of causes may have another shape: it is then left out.
  causes: causeReportSchema.optional().catch(undefined),
  beginning: incidentBeginningSchema.optional().catch(undefined),
});
export type IncidentMemberView = z.output<typeof member>;

const row = z
  .object({
    id: z.string(),
    sequence: z.number(),
    model: z.string(),
    window: z.string(),
    state: z.enum(incidentStates),
    severity: z.enum(severities),
    opened_ms: z.number(),
    resolved_ms: z.number().nullable(),
    at_ms: z.number(),
    transition: z.string(),
    body: z.string(),
  })
  .transform((raw, context) => {
    const parsed = body.safeParse(tryJson(raw.body));
    if (!parsed.success) {
      context.addIssue({ code: "custom", message: `body of incident ${raw.id}: ${z.prettifyError(parsed.error)}` });
      return z.NEVER;
    }
    return {
      incident_id: raw.id,
      sequence: raw.sequence,
      model: raw.model,
      window: raw.window,
      state: raw.state,
      severity: raw.severity,
      opened_at: raw.opened_ms,
      resolved_at: raw.resolved_ms,
      changed_at: raw.at_ms,
      transition: raw.transition,
      ...parsed.data,
    };
  });
export type IncidentView = z.output<typeof row>;

function tryJson(text: string): unknown {
  try {
    const parsed: unknown = JSON.parse(text);
    // The body is the incident, or the change that holds it.
    const change = z.object({ incident: z.unknown() }).safeParse(parsed);
    return change.success && change.data.incident !== undefined ? change.data.incident : parsed;
  } catch {
    return null;
  }
}

const columns = sql`toString(incident_id) AS id, sequence, model, window, state, severity, toUnixTimestamp64Milli(opened_at) AS opened_ms,
  if(isNull(resolved_at), NULL, toUnixTimestamp64Milli(assumeNotNull(resolved_at))) AS resolved_ms, toUnixTimestamp64Milli(at) AS at_ms, transition, body`;

export interface IncidentsFilter {
  readonly model?: string | undefined;
  /** `open` is all but pending and resolved. */
  readonly state?: "open" | Incident["state"] | undefined;
  readonly limit: number;
}

/**
 * The newest state of each incident: open ones first, then by severity, then the newest. What is only pending, or never became more, is
 * left out unless it is asked for.
 */
export function selectIncidents(lane: Lane, filter: IncidentsFilter): Promise<IncidentView[]> {
  const wanted: Sql[] = [sql`1`];
  if (filter.state === "open") wanted.push(sql`state != 'resolved'`);
  else if (filter.state !== undefined) wanted.push(sql`state = ${filter.state}`);
  if (filter.state !== "pending")
    wanted.push(sql`incident_id IN (SELECT incident_id FROM incidents WHERE transition = 'opened')`);
  if (filter.model !== undefined) wanted.push(sql`(model = ${filter.model} OR has(models, ${filter.model}))`);
  return lane.query(
    sql`SELECT ${columns} FROM (SELECT * FROM incidents ORDER BY sequence DESC LIMIT 1 BY incident_id)
      WHERE ${join(wanted, " AND ")}
      ORDER BY state = 'resolved', indexOf(['page', 'ticket', 'info'], severity), opened_at DESC, id LIMIT ${filter.limit}`,
    row,
  );
}

/** All changes of one incident, the newest first; empty where there is no such incident. */
export function selectIncidentChanges(lane: Lane, incidentId: string): Promise<IncidentView[]> {
  return lane.query(
    sql`SELECT ${columns} FROM incidents WHERE toString(incident_id) = ${incidentId} ORDER BY sequence DESC LIMIT 1 BY sequence LIMIT 500`,
    row,
  );
}

const delivery = z.object({
  kind: z.string(),
  target: z.string(),
  transition: z.string(),
  state: z.enum(["due", "sent", "failed", "dead"]),
  attempt: z.number(),
  at_ms: z.number(),
  due_ms: z.number(),
  answer: z.string(),
});
export type DeliveryView = z.output<typeof delivery>;

/** The newest attempt of each delivery of an incident, the newest first. */
export function selectDeliveries(lane: Lane, incidentId: string): Promise<DeliveryView[]> {
  return lane.query(
    sql`SELECT kind, target, transition, state, attempt, toUnixTimestamp64Milli(at) AS at_ms, toUnixTimestamp64Milli(due_at) AS due_ms, answer
      FROM deliveries FINAL WHERE toString(incident_id) = ${incidentId} ORDER BY at DESC, target LIMIT 200`,
    delivery,
  );
}

/** Those of the models of an incident. */
export const rebuildsOf = (incident: IncidentView, rebuilds: readonly Rebuild[]): readonly Rebuild[] => {
  const models = new Set(modelsOf(incident));
  return rebuilds.filter(({ model }) => models.has(model));
};

/** A rebuild as the API shows it. */
export const rebuildJson = (rebuild: Rebuild): Record<string, unknown> => ({
  epoch: rebuild.epoch,
  at: iso(rebuild.at),
  owner: rebuild.owner,
  reason: rebuild.reason,
  first_window_start: iso(rebuild.first_at),
  last_window_end: iso(rebuild.last_at),
  monitor_hash: rebuild.monitor_hash,
  reference_id: rebuild.reference_id,
  sentence: rebuildSentence(rebuild),
});

/**
 * An incident as the API shows it: times as ISO 8601.
 *
 * @param rebuilds of all models: `computed_again` is there where one has replaced the numbers that the incident was judged by
 */
export function incidentJson(incident: IncidentView, rebuilds: readonly Rebuild[]): Record<string, unknown> {
  const rebuild = rebuiltSince(incident, rebuildsOf(incident, rebuilds));
  return {
    ...incident,
    ...(rebuild === null ? {} : { computed_again: rebuildJson(rebuild) }),
    onset: iso(incident.onset),
    opened_at: iso(incident.opened_at),
    resolved_at: incident.resolved_at === null ? null : iso(incident.resolved_at),
    changed_at: iso(incident.changed_at),
    ...(incident.causes === undefined ? {} : { causes: withSentences(incident.causes) }),
    ...(incident.beginning === undefined ? {} : { beginning: beginningBody(incident.beginning) }),
    ...(incident.explanations === undefined
      ? {}
      : {
          explanations: incident.explanations.map((one) => ({ ...one, since: iso(one.since), until: iso(one.until) })),
        }),
    members: incident.members.map((one) => ({
      ...one,
      ...onsetBody(one),
      window_start: iso(one.window_start),
      window_end: iso(one.window_end),
    })),
  };
}

/** Each cause in words too. */
function withSentences(report: CauseReport): Record<string, unknown> {
  const told = {
    ...report,
    causes: report.causes.map((cause) => ({ ...cause, sentence: causeSentence(cause, report) })),
  };
  return causesBody(told);
}

const iso = (ms: number): string => new Date(ms).toISOString();
