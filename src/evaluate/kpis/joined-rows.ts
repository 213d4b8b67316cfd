/** The rows that KPIs are computed from: kept predictions with their labels, and the window that each belongs to. */
import { join, name, type Sql, sql } from "../../store/sql.ts";
import type { Lane } from "../../store/store.ts";
import { keptRows, type Span, withinSpan } from "../kept-rows.ts";
import type { PreparedModel } from "../prepare-model.ts";

export interface WindowRows {
  /** Event time that the rows lie in. */
  readonly span: Span;
  /** Int64 ms over `timestamp`, `id`, `version` and `variant`: start of the window that a row belongs to. */
  readonly key: Sql;
  readonly where: Sql;
}

interface JoinOptions {
  /** Names to read from the unknown features of an event, where the schema lacks them. */
  readonly features: readonly string[];
  /** False where no row of the span has a label: then nothing is joined. */
  readonly labelled: boolean;
}

/**
 * A SELECT of slice, version, variant and the columns that KPI expressions may name: prediction, prediction_text, score,
 * probabilities, label, label_text, features.<name>, segments, and `labelled`.
 */
export async function joinedRows(
  lane: Lane,
  prepared: PreparedModel,
  rows: WindowRows,
  options: JoinOptions,
): Promise<Sql> {
  const { name: model, task, join_labels: how } = prepared.config;
  const kept = await keptRows(lane, prepared.dedupe, rows.span);
  const outcomes = sql`SELECT id, version, variant, timestamp, label, label_text, label_timestamp, true AS found FROM outcomes FINAL WHERE model = ${model} AND ${withinSpan(rows.span)}`;
  const unknown = options.features.map(
    (feature) => sql`, nullIf(extra[${feature}], '') AS ${name(`features.${feature}`)}`,
  );
  const found = sql`SELECT *, ${rows.key} AS slice${join(unknown, "")} FROM (${kept}) WHERE ${rows.where}`;
  if (!options.labelled)
    return sql`SELECT *, CAST(NULL AS Nullable(Float64)) AS label, CAST('' AS LowCardinality(String)) AS label_text, CAST(NULL AS Nullable(DateTime64(3, 'UTC'))) AS label_timestamp, false AS labelled FROM (${found})`;
  const labelled = task === "regression" ? sql`isNotNull(o.label)` : sql`o.label_text != ''`;
  const byId = sql`SELECT p.*, o.label AS label, o.label_text AS label_text, o.label_timestamp AS label_timestamp, o.found AND ${labelled} AS labelled
    FROM (${found}) AS p
    ANY LEFT JOIN (${outcomes}) AS o ON p.id = o.id AND p.version = o.version AND p.variant = o.variant AND p.timestamp = o.timestamp`;
  return how.by === "id" ? byId : withEntityLabels(model, rows.span, byId, labelled);
}

/** A label by id goes before one by entity. The row's own entity decides: a copy with another may have been joined too. */
function withEntityLabels(model: string, span: Span, byId: Sql, labelled: Sql): Sql {
  const ofEntities = sql`SELECT id, version, variant, timestamp, e, label, label_text, label_timestamp, true AS found FROM entity_outcomes FINAL WHERE model = ${model} AND ${withinSpan(span)}`;
  return sql`SELECT r.* EXCEPT (label, label_text, label_timestamp, labelled), if(r.labelled, r.label, o.label) AS label,
      if(r.labelled, r.label_text, o.label_text) AS label_text, if(r.labelled, r.label_timestamp, o.label_timestamp) AS label_timestamp,
      r.labelled OR (o.found AND ${labelled}) AS labelled
    FROM (${byId}) AS r
    ANY LEFT JOIN (${ofEntities}) AS o
    ON r.id = o.id AND r.version = o.version AND r.variant = o.variant AND r.timestamp = o.timestamp AND sipHash64(r.entity) = o.e`;
}
