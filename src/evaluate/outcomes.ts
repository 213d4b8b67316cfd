/**
 * Labels joined to their predictions, once, into `outcomes`. Of an id's labels the one with the greatest (timestamp, source,
 * partition, offset) holds: by event time first, on equal times the later position, whatever was read first. A later join sees all
 * that an earlier one saw, so the row that was written last is the right one.
 */
import { z } from "zod";
import { predictionsTable } from "../store/model-tables.ts";
import { name, type Sql, sql } from "../store/sql.ts";
import type { Lane } from "../store/store.ts";
import { type CommitRecord, inRecords, recordChunks } from "./commit-records.ts";
import { nearPanes } from "./pane-runs.ts";
import type { PreparedModel } from "./prepare-model.ts";

/** Joins the labels of the records; returns the panes of the predictions that may have got another label. */
export async function joinNewLabels(
  lane: Lane,
  prepared: PreparedModel,
  records: readonly CommitRecord[],
): Promise<number[]> {
  const model = prepared.config.name;
  const touched = new Set<number>();
  for (const chunk of recordChunks(
    records.filter((record) => record.labels > 0),
    (record) => record.labels,
  )) {
    const fresh = sql`SELECT id FROM labels WHERE model = ${model} AND ${inRecords(chunk)}`;
    const panes = await panesOf(
      lane,
      prepared,
      sql`SELECT cityHash64(id) FROM labels WHERE model = ${model} AND ${inRecords(chunk)}`,
    );
    if (panes.length === 0) continue;
    // Their very times prune more than their panes do.
    const times = sql`timestamp IN (SELECT timestamp FROM prediction_ids WHERE model = ${model} AND h IN (SELECT cityHash64(id) FROM labels WHERE model = ${model} AND ${inRecords(chunk)}))`;
    await joinLabels(lane, prepared, fresh, sql`${nearPanes(panes, prepared.config.pane)} AND ${times}`);
    for (const pane of panes) touched.add(pane);
  }
  return [...touched];
}

/** Joins labels that came before their predictions, for the predictions of the records. Their panes are dirty already. */
export async function joinEarlierLabels(
  lane: Lane,
  prepared: PreparedModel,
  records: readonly CommitRecord[],
): Promise<void> {
  const { name: model } = prepared.config;
  const committed = records.filter((record) => record.predictions > 0);
  if (committed.length === 0 || !(await hasLabels(lane, model))) return;
  for (const chunk of recordChunks(committed, (record) => record.predictions)) {
    const panes = nearPanes(
      chunk.flatMap((record) => record.predictionPanes),
      prepared.config.pane,
    );
    const ids = sql`SELECT id FROM ${name(predictionsTable(model))} WHERE ${panes} AND ${inRecords(chunk)}`;
    const [early] = await lane.query(
      sql`SELECT count() AS labels FROM labels WHERE model = ${model} AND id IN (${ids})`,
      z.object({ labels: z.number() }),
    );
    if ((early?.labels ?? 0) > 0) await joinLabels(lane, prepared, ids, panes);
  }
}

async function hasLabels(lane: Lane, model: string): Promise<boolean> {
  return (
    (await lane.query(sql`SELECT 1 AS one FROM labels WHERE model = ${model} LIMIT 1`, z.object({ one: z.number() })))
      .length > 0
  );
}

/** Panes that hold a prediction of one of the ids (`hashes`: a SELECT of cityHash64(id)). */
async function panesOf(lane: Lane, { config }: PreparedModel, hashes: Sql): Promise<number[]> {
  const rows = await lane.query(
    sql`SELECT DISTINCT intDiv(toUnixTimestamp64Milli(timestamp), ${config.pane}) * ${config.pane} AS pane FROM prediction_ids WHERE model = ${config.name} AND h IN (${hashes})`,
    z.object({ pane: z.number() }),
  );
  return rows.map((row) => row.pane);
}

/** Every copy of a prediction gets its label; which copy counts is decided where rows are read. */
async function joinLabels(lane: Lane, prepared: PreparedModel, ids: Sql, where: Sql): Promise<void> {
  const model = prepared.config.name;
  const best = sql`SELECT id, for_version, w.1 AS label, w.2 AS label_text, w.3 AS ts, w.4 AS src, w.5 AS part, w.6 AS off
    FROM (SELECT id, version AS for_version, argMax((label, label_text, timestamp, source, partition, offset), (timestamp, source, partition, offset)) AS w
      FROM labels WHERE model = ${model} AND id IN (${ids}) GROUP BY id, for_version)`;
  const predictions = sql`SELECT DISTINCT version, variant, timestamp, id FROM ${name(predictionsTable(model))} WHERE ${where} AND id IN (${ids})`;
  await lane.command(sql`INSERT INTO outcomes (model, version, variant, timestamp, id, label, label_text, label_timestamp, label_source, label_partition, label_offset)
    SETTINGS async_insert = 0, max_partitions_per_insert_block = 0
    SELECT ${model}, p.version, p.variant, p.timestamp, p.id, l.label, l.label_text, l.ts, l.src, l.part, l.off
    FROM (${predictions}) AS p ALL INNER JOIN (${best}) AS l ON p.id = l.id
    WHERE l.for_version IN ('', p.version)
    ORDER BY l.ts DESC, l.src DESC, l.part DESC, l.off DESC LIMIT 1 BY p.id, p.version, p.variant, p.timestamp`);
}
