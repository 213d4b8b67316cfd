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
      FROM deliveries FINAL WHERE state IN ('sent', 'dead')`,
  },
  {
    kind: "retraining",
    rows: sql`SELECT concat(toString(retraining_id), '/', event, '/', key) AS id, model, min(at) AS at, argMin(detail, retrainings.at) AS content,
      if(JSONExtractString(content, 'by') = '', ${SELF}, JSONExtractString(content, 'by')) AS who, concat(any(action), ': ', event) AS what,
      JSONExtractString(content, 'message') AS why FROM retrainings GROUP BY model, retraining_id, event, key`,
  },
  {
    kind: "person",
    rows: sql`SELECT toString(decision_id) AS id, model, at, owner AS who, kind AS what, reason AS why,
      arrayStringConcat([kind, owner, reason, incident_id, matchers, model, subject, segment, verdict, ends, toString(until)], '\\n') || ifNull('\\n' || toString(since), '') AS content FROM decisions FINAL`,
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
  sql`SELECT ${kind} AS kind, id, model, at, who, CAST(what AS String) AS what, why, lower(hex(SHA256(content))) AS content_hash FROM (${rows})`;

const ALL = written(sources.map((source) => decisionsOf(source).text).join(" UNION ALL "));

/**
 * Decisions without an entry, in the order of their time.
 *
 * @param since older ones are not looked for, ms; null for all
 */
export async function readUnsealed(
  lane: Lane,
  since: number | null,
  monitorOf: (model: string) => string,
): Promise<readonly Decision[]> {
  const recent = since === null ? sql`true` : sql`at >= ${time(since)}`;
  const rows = await lane.query(
    sql`SELECT kind, id, model, toUnixTimestamp64Milli(at) AS at_ms, who, what, why, content_hash FROM (${ALL}) WHERE ${recent}
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
