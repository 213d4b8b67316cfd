/** The census stream straight from its Parquet files into the store: SQL alone, with the commit records that ingestion would write. */
import path from "node:path";
import { z } from "zod";
import type { ModelConfig } from "../../src/config/schema.ts";
import type { ModelSchema } from "../../src/core/model-schema.ts";
import { featureColumn, featureType, predictionsTable } from "../../src/store/model-tables.ts";
import { join, name, sql, written } from "../../src/store/sql.ts";
import type { Lane } from "../../src/store/store.ts";

/** Finds the folder from the sources and from their built form alike. */
export const censusFolder = (root: string): string => path.join(root, "examples", "census");

const FIRST_ID = 68_785;
export const CENSUS_PREDICTIONS = 208_892;

/** Events `from` to `to` (not included) of the file, as one batch of the partition 0 (predictions) or 1 (labels). */
export async function writeCensusBatch(
  lane: Lane,
  config: ModelConfig,
  schema: ModelSchema,
  folder: string,
  kind: "prediction" | "label",
  from: number,
  to: number,
): Promise<void> {
  const file = path.join(folder, kind === "prediction" ? "predictions.parquet" : "labels.parquet");
  const rows = sql`SELECT *, toUInt64(substring(assumeNotNull(id), 2)) - ${FIRST_ID} AS place FROM file(${file}, 'Parquet') WHERE place >= ${from} AND place < ${to}`;
  const partition = kind === "prediction" ? 0 : 1;
  if (kind === "prediction") {
    const features = schema.features.map((feature) => sql`, ${name(featureColumn(feature.name))}`);
    const values = schema.features.map(
      (feature) => sql`, CAST(${name(feature.name)} AS ${written(featureType(feature))})`,
    );
    await lane.command(sql`INSERT INTO ${name(predictionsTable(config.name))} (version, timestamp, id, source, partition, offset, variant, prediction, prediction_text, score${join(features, "")})
      SELECT '1', assumeNotNull(timestamp), assumeNotNull(id), 'census', ${partition}, place, '', toFloat64(prediction), ifNull(toString(prediction), ''), predicted_probability${join(values, "")} FROM (${rows})`);
  } else {
    await lane.command(sql`INSERT INTO labels (model, version, id, timestamp, label, label_text, source, partition, offset)
      SELECT ${config.name}, '', assumeNotNull(id), assumeNotNull(timestamp), toFloat64(employed), ifNull(toString(employed), ''), 'census', ${partition}, place FROM (${rows})`);
  }
  const touched = await lane.query(
    sql`SELECT intDiv(toUnixTimestamp64Milli(assumeNotNull(timestamp)), ${config.pane}) * ${config.pane} AS pane, count() AS n, toUnixTimestamp64Milli(max(assumeNotNull(timestamp))) AS latest FROM (${rows}) GROUP BY pane ORDER BY pane`,
    z.object({ pane: z.number(), n: z.number(), latest: z.number() }),
  );
  await lane.insertRows("batches", [
    {
      source: "census",
      partition,
      first_offset: from,
      last_offset: to - 1,
      max_timestamp: Math.max(...touched.map((row) => row.latest)),
      rows: to - from,
      dead: 0,
      touched: touched.map(({ pane, n }) => ({ model: config.name, kind, pane, n })),
    },
  ]);
}
