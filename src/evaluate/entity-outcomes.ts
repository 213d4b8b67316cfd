/**
 * Labels by entity, joined to predictions into `entity_outcomes`. A label is of the latest prediction of its entity at or before its
 * time, no further back than `join_labels.within`, in each version and variant; of a prediction's labels the one with the greatest
 * (timestamp, source, partition, offset) holds. Of predictions of one entity and instant the one with the greatest id is the latest;
 * later copies of a prediction are none.
 *
 * What an event can change is joined anew from all that is stored, so the order of arrival does not matter: a label waits for its
 * prediction, and a prediction that comes late takes over the labels that lie nearer to it.
 */
import { z } from "zod";
import { predictionsTable } from "../store/model-tables.ts";
import { join, name, type Sql, sql, time } from "../store/sql.ts";
import type { Lane } from "../store/store.ts";
import { type CommitRecord, inRecords, recordChunks } from "./commit-records.ts";
import { type Span, withinSpan } from "./kept-rows.ts";
import { nearPanes } from "./pane-runs.ts";
import type { PreparedModel } from "./prepare-model.ts";

/** The hashed keys of entities, as a SELECT of `e`, and the event time of those of their predictions whose labels may be others now. */
interface Affected {
  readonly entities: Sql;
  readonly predictions: Span;
}

/** Joins the labels of the records; returns the panes of the predictions that have got one of them. */
export async function joinEntityLabels(
  lane: Lane,
  prepared: PreparedModel,
  records: readonly CommitRecord[],
): Promise<number[]> {
  const { name: model, join_labels: how, pane } = prepared.config;
  if (how.by === "id") return [];
  const touched = new Set<number>();
  for (const chunk of recordChunks(
    records.filter((record) => record.labels > 0),
    (record) => record.labels,
  )) {
    const fresh = sql`FROM entity_labels WHERE model = ${model} AND ${inRecords(chunk)}`;
    const times = await spanOf(lane, fresh);
    if (times === null) continue;
    const predictions = { from: times.from - how.within, to: times.to };
    await joinAnew(lane, prepared, how.within, { entities: sql`SELECT e ${fresh}`, predictions });
    const joined = sql`SELECT timestamp, label_source AS source, label_partition AS partition, label_offset AS offset
      FROM entity_outcomes WHERE model = ${model} AND ${withinSpan(predictions)}`;
    for (const start of await panesOf(lane, pane, sql`SELECT timestamp FROM (${joined}) WHERE ${inRecords(chunk)}`))
      touched.add(start);
  }
  return [...touched];
}

/**
 * Joins labels that are there already to the predictions of the records; returns the panes of other predictions, which may have lost
 * a label to these. The panes of the predictions themselves are dirty already.
 */
export async function joinEntitiesOfPredictions(
  lane: Lane,
  prepared: PreparedModel,
  records: readonly CommitRecord[],
): Promise<number[]> {
  const { name: model, join_labels: how, pane, dedupe_within: dedupe } = prepared.config;
  if (how.by === "id") return [];
  const touched = new Set<number>();
  for (const chunk of recordChunks(
    records.filter((record) => record.predictions > 0),
    (record) => record.predictions,
  )) {
    const panes = nearPanes(
      chunk.flatMap((record) => record.predictionPanes),
      pane,
    );
    const fresh = sql`FROM ${name(predictionsTable(model))} WHERE ${panes} AND ${inRecords(chunk)} AND entity != ''`;
    const times = await spanOf(lane, fresh);
    if (times === null) continue;
    // A copy that is the earlier one now also takes the labels of the later one, or gives them away.
    const reach = dedupe + how.within;
    const entities = sql`SELECT l.e AS e FROM (SELECT e, timestamp FROM entity_labels WHERE model = ${model} AND ${withinSpan({ from: times.from, to: times.to + reach })}) AS l
      INNER JOIN (SELECT sipHash64(entity) AS e, min(timestamp) AS least, max(timestamp) AS most ${fresh} GROUP BY e) AS p ON l.e = p.e
      WHERE l.timestamp >= p.least AND l.timestamp <= p.most + toIntervalMillisecond(${reach})`;
    const [early] = await lane.query(
      sql`SELECT count() AS labels FROM (${entities})`,
      z.object({ labels: z.number() }),
    );
    if ((early?.labels ?? 0) === 0) continue;
    const predictions = { from: times.from - how.within, to: times.to + dedupe };
    const hasCopies = await joinAnew(lane, prepared, how.within, { entities, predictions });
    const before = hasCopies
      ? sql`SELECT timestamp FROM entity_outcomes WHERE model = ${model} AND ${withinSpan(predictions)} AND e IN (${entities})`
      : sql`SELECT p.timestamp AS timestamp FROM (SELECT sipHash64(entity) AS e, version, variant, timestamp ${fresh} AND sipHash64(entity) IN (${entities})) AS f
          ASOF INNER JOIN (SELECT e, version, variant, timestamp FROM prediction_entities WHERE model = ${model} AND e IN (${entities}) AND ${withinSpan(predictions)}) AS p
          ON f.e = p.e AND f.version = p.version AND f.variant = p.variant AND f.timestamp > p.timestamp`;
    for (const start of await panesOf(lane, pane, before)) touched.add(start);
  }
  return [...touched];
}

/** From the first to just past the last time of the rows; null where there are none. */
async function spanOf(lane: Lane, rows: Sql): Promise<Span | null> {
  const [found] = await lane.query(
    sql`SELECT count() AS n, toUnixTimestamp64Milli(min(timestamp)) AS least, toUnixTimestamp64Milli(max(timestamp)) AS most ${rows}`,
    z.object({ n: z.number(), least: z.number(), most: z.number() }),
  );
  return found === undefined || found.n === 0 ? null : { from: found.least, to: found.most + 1 };
}

async function panesOf(lane: Lane, pane: number, rows: Sql): Promise<number[]> {
  const found = await lane.query(
    sql`SELECT DISTINCT intDiv(toUnixTimestamp64Milli(timestamp), ${pane}) * ${pane} AS pane FROM (${rows})`,
    z.object({ pane: z.number() }),
  );
  return found.map((row) => row.pane);
}

const KEY = sql`id, version, variant, timestamp, e`;
/** One number for a version and variant, as in `prediction_ids`: joins by numbers cost half of those by texts. */
const twinOf = (version: Sql, variant: Sql): Sql => sql`cityHash64(toString(${version}), toString(${variant}))`;
const NO_LABEL = sql`(CAST(NULL AS Nullable(Float64)), CAST('' AS LowCardinality(String)), ${time(0)}, CAST('' AS LowCardinality(String)), toUInt32(0), toUInt64(0))`;

/**
 * Writes what differs from what is stored: a row for each prediction whose label is another one now, or none any more.
 *
 * @returns whether these entities have later copies of predictions
 */
async function joinAnew(lane: Lane, prepared: PreparedModel, within: number, affected: Affected): Promise<boolean> {
  const { name: model } = prepared.config;
  const { entities, predictions: span } = affected;
  const index = await indexRows(lane, prepared, within, affected);
  const series = await lane.query(
    sql`SELECT DISTINCT version, variant FROM (${index.rows})`,
    z.object({ version: z.string(), variant: z.string() }),
  );
  if (series.length === 0) return index.hasCopies;
  const tuples = sql`[${join(series.map(({ version, variant }) => sql`(${version}, ${twinOf(sql`${version}`, sql`${variant}`)})`))}]`;
  const labels = sql`SELECT e, timestamp, label, label_text, source, partition, offset, s.2 AS twin FROM (
      SELECT e, timestamp, version AS of_version, label, label_text, source, partition, offset, arrayJoin(${tuples}) AS s FROM entity_labels
      WHERE model = ${model} AND ${withinSpan({ from: span.from, to: span.to + within })} AND e IN (${entities}))
    WHERE of_version IN ('', s.1)`;
  // Ids are read last, and only of predictions that have a label: they are most of what the index holds.
  const labelled = sql`SELECT p.e AS e, p.twin AS twin, p.timestamp AS timestamp,
      argMax((l.label, l.label_text, l.timestamp, l.source, l.partition, l.offset), (l.timestamp, l.source, l.partition, l.offset)) AS w
    FROM (${labels}) AS l ASOF INNER JOIN (SELECT e, ${twinOf(sql`version`, sql`variant`)} AS twin, timestamp FROM (${index.rows})) AS p
    ON l.e = p.e AND l.twin = p.twin AND l.timestamp >= p.timestamp
    WHERE l.timestamp <= p.timestamp + toIntervalMillisecond(${within}) AND p.timestamp < ${time(span.to)}
    GROUP BY e, twin, timestamp`;
  const joined = sql`SELECT max(p.id) AS id, toString(p.version) AS version, toString(p.variant) AS variant, p.timestamp AS timestamp, p.e AS e, any(l.w) AS w
    FROM (${index.rows}) AS p ALL INNER JOIN (${labelled}) AS l
    ON p.e = l.e AND ${twinOf(sql`p.version`, sql`p.variant`)} = l.twin AND p.timestamp = l.timestamp
    GROUP BY e, version, variant, timestamp`;
  const stored = sql`SELECT id, toString(version) AS version, toString(variant) AS variant, timestamp, e,
      (label, label_text, label_timestamp, label_source, label_partition, label_offset) AS w
    FROM entity_outcomes FINAL WHERE model = ${model} AND ${withinSpan(span)} AND e IN (${entities}) AND (isNotNull(label) OR label_text != '')`;
  const changed = sql`SELECT ${KEY}, if(empty(labels), ${NO_LABEL}, labels[1]) AS held
    FROM (SELECT ${KEY}, groupArrayIf(w, fresh) AS labels, groupArrayIf(w, NOT fresh) AS before
      FROM (SELECT ${KEY}, w, true AS fresh FROM (${joined}) UNION ALL SELECT ${KEY}, w, false AS fresh FROM (${stored})) GROUP BY ${KEY})
    WHERE toString(labels) != toString(before)`;
  await lane.command(sql`INSERT INTO entity_outcomes (model, version, variant, timestamp, id, e, label, label_text, label_timestamp, label_source, label_partition, label_offset)
    SETTINGS async_insert = 0, max_partitions_per_insert_block = 0
    SELECT ${model}, version, variant, timestamp, id, e, held.1, held.2, held.3, held.4, held.5, held.6 FROM (${changed})`);
  return index.hasCopies;
}

/** The predictions that may be the latest of a label, with `e`, `version`, `variant`, `timestamp` and `id`; copies may repeat a row. */
async function indexRows(
  lane: Lane,
  prepared: PreparedModel,
  within: number,
  { entities, predictions: span }: Affected,
): Promise<{ readonly rows: Sql; readonly hasCopies: boolean }> {
  const { name: model, dedupe_within: dedupe } = prepared.config;
  const wanted = sql`SELECT e, version, variant, timestamp, id FROM prediction_entities WHERE model = ${model} AND e IN (${entities})`;
  const to = span.to + within;
  const rows = sql`${wanted} AND ${withinSpan({ from: span.from, to })}`;
  if (dedupe === 0) return { rows, hasCopies: false };
  const copied = (columns: Sql, key: Sql) =>
    sql`SELECT ${columns} FROM (${wanted} AND ${withinSpan({ from: span.from - dedupe, to })}) GROUP BY ${key} HAVING min(timestamp) < max(timestamp)`;
  // By a hash first, which costs a third: most streams have no copies.
  const [any] = await lane.query(
    sql`SELECT count() AS n FROM (${copied(sql`1 AS one`, sql`cityHash64(e, version, variant, id)`)} LIMIT 1)`,
    z.object({ n: z.number() }),
  );
  if ((any?.n ?? 0) === 0) return { rows, hasCopies: false };
  const later = sql`SELECT e, version, variant, id, fromUnixTimestamp64Milli(arrayJoin(arrayFilter((t, p) -> t - p <= ${dedupe}, arrayPopFront(ts), arrayPopBack(ts))), 'UTC') AS later
    FROM (${copied(sql`e, version, variant, id, arraySort(groupUniqArray(toUnixTimestamp64Milli(timestamp))) AS ts`, sql`e, version, variant, id`)})`;
  return { rows: sql`${rows} AND (e, version, variant, id, timestamp) NOT IN (${later})`, hasCopies: true };
}
