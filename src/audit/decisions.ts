/** Where decisions lie: each kind is a query for its rows as decisions. A new kind is one entry here. */
import { z } from "zod";
import { type Sql, sql, time, written } from "../store/sql.ts";
import type { Lane } from "../store/store.ts";
import type { Decision } from "./chain.ts";

interface Source {
  readonly kind: string;
  /** Columns: id, model, at, who, what, why, content; one row a decision that will not change any more. */
  readonly rows: Sql;
}

/** Who decides where no person did. */
const SELF = "driftline";

const sources: readonly Source[] = [
  {
    kind: "incident",
    rows: sql`SELECT concat(toString(incident_id), '/', toString(sequence)) AS id, model, at, ${SELF} AS who, concat(transition, ', ', severity, ', ', state) AS what,
      JSONExtractString(body, 'incident', 'title') AS why, body AS content FROM incidents FINAL`,
  },
  {
    kind: "delivery",
    rows: sql`SELECT toString(delivery_id) AS id, model, at, ${SELF} AS who, concat(transition, ' to ', target, ': ', state) AS what, answer AS why, body AS content
      FROM deliveries FINAL WHERE state IN ('sent', 'dead', 'superseded')`,
  },
  {
    kind: "retraining",
    rows: sql`SELECT concat(toString(retraining_id), '/', event, '/', key) AS id, model, min(at) AS at, argMin(detail, retrainings.at) AS content,
      if(JSONExtractString(content, 'by') = '', ${SELF}, JSONExtractString(content, 'by')) AS who, concat(any(action), ': ', event) AS what,
      JSONExtractString(content, 'message') AS why FROM retrainings GROUP BY model, retraining_id, event, key`,
  },
  {
    // Of a silence without a model, or for several, the model is ''; of an end it is that of what it ends.
    kind: "person",
    rows: sql`SELECT toString(decision_id) AS id, at, owner AS who, reason AS why,
      multiIf(of_model != '', of_model, ended_model != '', ended_model, incident_model != '', incident_model, position(silenced, '*') = 0, silenced, '') AS model,
      concat(kind, multiIf(kind = 'feedback', concat(': ', verdict), kind = 'silence', concat(' of ', matchers), kind = 'end', concat(' of ', ended_kind),
        kind = 'acceptance', concat(' of ', subject, if(segment = '', '', concat(' in ', segment))), '')) AS what, content
      FROM (SELECT decision_id, kind, at, owner, reason, matchers, subject, segment, verdict, given.model AS of_model, ended_kind, ended_model,
          JSONExtractString(matchers, 'model') AS silenced, if(given.incident_id = '', ended_incident, given.incident_id) AS about,
          arrayStringConcat([kind, owner, reason, given.incident_id, matchers, given.model, subject, segment, verdict, ends, toString(until)], '\\n') || ifNull('\\n' || toString(since), '') AS content
        FROM (SELECT * FROM decisions FINAL) AS given
        LEFT JOIN (SELECT toString(decision_id) AS ended, toString(kind) AS ended_kind, toString(model) AS ended_model, incident_id AS ended_incident FROM decisions FINAL) AS earlier
          ON given.ends = earlier.ended) AS told
      LEFT JOIN (SELECT toString(incident_id) AS of_incident, toString(any(incidents.model)) AS incident_model FROM incidents GROUP BY incident_id) AS known
        ON told.about = known.of_incident`,
  },
  {
    // What lapses by itself was decided when it was made; that it no longer holds is a change all the same.
    kind: "expiry",
    rows: sql`SELECT toString(decision_id) AS id, model, assumeNotNull(until) AS at, ${SELF} AS who, concat(kind, ' expired') AS what, reason AS why,
      concat(toString(decision_id), toString(assumeNotNull(until))) AS content FROM decisions FINAL
      WHERE kind IN ('silence', 'acceptance') AND isNotNull(until) AND decision_id NOT IN (
        SELECT toUUIDOrZero(ended.ends) FROM decisions AS ended INNER JOIN decisions AS made ON ended.ends = toString(made.decision_id)
        WHERE ended.kind = 'end' AND ended.at < made.until)`,
  },
  {
    // Each time: unlike the two below, one that was in force before and is again.
    kind: "in force",
    rows: sql`SELECT concat(kind, '/', model, '/', toString(toUnixTimestamp64Milli(at)), '/', in_force.id) AS id, model, at, ${SELF} AS who,
      concat(kind, ' ', in_force.id, ' came into force') AS what, reason AS why, arrayStringConcat([in_force.id, reason, body], '\\n') AS content FROM in_force FINAL`,
  },
  {
    kind: "configuration",
    rows: sql`SELECT concat(model, '/', monitor_hash) AS id, model, first_at AS at, ${SELF} AS who, concat('configuration ', monitor_hash) AS what,
      concat('reference ', reference_id) AS why, concat(monitor_hash, values_hash, reference_id) AS content FROM monitors FINAL`,
  },
  {
    kind: "reference",
    rows: sql`SELECT concat(model, '/', reference_id) AS id, model, min(created_at) AS at, ${SELF} AS who, concat('reference ', reference_id) AS what,
      any(origin) AS why, arrayStringConcat(arraySort(groupArray(concat(subject_kind, subject, content_hash)))) AS content FROM \`references\` FINAL GROUP BY model, reference_id`,
  },
  {
    kind: "reference-build",
    rows: sql`SELECT concat(model, '/', build_id) AS id, model, built_at AS at, ${SELF} AS who, concat('built ', build_id) AS what, origin AS why,
      arrayStringConcat([build_id, selection, content_hash, toString(rows)], '\\n') AS content FROM reference_builds FINAL`,
  },
  {
    kind: "reference-choice",
    rows: sql`SELECT toString(choice_id) AS id, model, at, owner AS who, concat('uses ', if(build_id = '', 'the configured reference', build_id)) AS what,
      reason AS why, arrayStringConcat([model, build_id, replaces, owner, reason], '\\n') AS content FROM reference_choices FINAL`,
  },
  {
    // That it was asked for, and what came of it.
    kind: "rebuild",
    rows: sql`SELECT concat(model, '/', toString(epoch), '/', toString(toUnixTimestamp64Milli(asked_at)), '/', change) AS id, model, at, owner AS who,
      multiIf(change = 'asked', 'asked for the numbers to be computed again', change = 'failed', 'the numbers could not be computed again',
        concat('epoch ', toString(epoch), ': ', toString(rows), ' numbers computed again')) AS what, if(change = 'failed', problem, reason) AS why,
      arrayStringConcat([model, toString(epoch), owner, reason, ifNull(toString(from_at), ''), ifNull(toString(to_at), ''), toString(first_at), toString(last_at), toString(rows),
        monitor_hash, reference_id, problem], '\\n') AS content FROM rebuilds FINAL`,
  },
];

const row = z.object({
  kind: z.string(),
  id: z.string(),
  model: z.string(),
  at_ms: z.number(),
  who: z.string(),
  what: z.string(),
  why: z.string(),
  content_hash: z.string(),
});

const decisionsOf = ({ kind, rows }: Source): Sql =>
  sql`SELECT ${kind} AS kind, id, model, at, who, CAST(what AS String) AS what, why, lower(hex(SHA256(assumeNotNull(content)))) AS content_hash FROM (${rows})`;

const ALL = written(sources.map((source) => decisionsOf(source).text).join(" UNION ALL "));

/**
 * Decisions without an entry, in the order of their time.
 *
 * @param since older ones are not looked for, ms; null for all
 * @param now clock time, ms
 */
export async function readUnsealed(
  lane: Lane,
  { since, now }: { readonly since: number | null; readonly now: number },
  monitorOf: (model: string) => string,
): Promise<readonly Decision[]> {
  const recent = since === null ? sql`true` : sql`at >= ${time(since)}`;
  // What will expire has not yet.
  const past = sql`(kind != 'expiry' OR at <= ${time(now)})`;
  const rows = await lane.query(
    sql`SELECT kind, id, model, toUnixTimestamp64Milli(at) AS at_ms, who, what, why, content_hash FROM (${ALL}) WHERE ${recent} AND ${past}
      AND (kind, id) NOT IN (SELECT kind, id FROM audit WHERE ${recent}) ORDER BY at, kind, id`,
    row,
  );
  return rows.map(({ at_ms, content_hash, ...rest }) => ({
    ...rest,
    at: at_ms,
    contentHash: content_hash,
    monitorHash: monitorOf(rest.model),
  }));
}

/** Entries whose rows are no more, or hold something else than when they were sealed. */
export async function readChangedContents(
  lane: Lane,
): Promise<readonly { readonly kind: string; readonly id: string; readonly gone: boolean }[]> {
  const rows = await lane.query(
    sql`SELECT kind, id, present.content_hash = '' AS gone FROM (SELECT kind, id, any(content_hash) AS sealed FROM audit WHERE content_hash != '' GROUP BY kind, id) AS entries
      LEFT JOIN (SELECT kind, id, content_hash FROM (${ALL})) AS present USING (kind, id) WHERE present.content_hash != entries.sealed ORDER BY kind, id LIMIT 1000`,
    z.object({ kind: z.string(), id: z.string(), gone: z.number() }),
  );
  return rows.map(({ gone, ...rest }) => ({ ...rest, gone: gone === 1 }));
}
