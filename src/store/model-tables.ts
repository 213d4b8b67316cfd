/** A model's own predictions table: flat typed columns, one per feature, named with dots so that SQL reads `features.amount`. */
import { z } from "zod";
import type { FeatureColumn, ModelSchema } from "../core/model-schema.ts";
import { join, name, type Sql, sql, written } from "./sql.ts";
import type { Lane } from "./store.ts";

/** Name of the table of a model. */
export const predictionsTable = (model: string): string => `predictions_${model}`;

/** Column of a feature that is no vector. */
export const featureColumn = (feature: string): string => `features.${feature}`;

export const VECTOR_PREFIX = "vector_";

/**
 * Column of a vector. The engine takes arrays whose names agree up to a dot for one table, all as long as each other, so it has no dot; and a
 * feature that was a number or a category keeps the column that it had.
 */
export const vectorColumn = (feature: string): string =>
  `${VECTOR_PREFIX}${feature.replaceAll("%", "%25").replaceAll(".", "%2E")}`;

/** The feature that a column of vectors holds; null of another column. */
export const featureOfVectorColumn = (column: string): string | null =>
  column.startsWith(VECTOR_PREFIX)
    ? column.slice(VECTOR_PREFIX.length).replaceAll("%2E", ".").replaceAll("%25", "%")
    : null;

const columnOf = ({ name: feature, kind }: FeatureColumn): string =>
  kind === "vector" ? vectorColumn(feature) : featureColumn(feature);

export const featureType = ({
  kind,
}: FeatureColumn): "Nullable(Float64)" | "LowCardinality(Nullable(String))" | "Array(Float32)" => {
  if (kind === "vector") return "Array(Float32)";
  return kind === "numeric" ? "Nullable(Float64)" : "LowCardinality(Nullable(String))";
};

const definition = (feature: FeatureColumn): Sql => sql`${name(columnOf(feature))} ${written(featureType(feature))}`;

/** The numbers of a list that is there as JSON, in 32 bits; none where it is no list of numbers alone. `text` is a String. */
export function vectorInText(text: Sql): Sql {
  const numbers = sql`JSONExtract(${text}, 'Array(Nullable(Float32))')`;
  return sql`if(match(${text}, '^\\s*\\[[-+0-9.eE,\\s]*\\]\\s*$'), ${finiteVector(numbers)}, CAST([] AS Array(Float32)))`;
}

/** Array(Float32) of a list of numbers; none where one of them is missing or too large for 32 bits. */
export const finiteVector = (numbers: Sql): Sql =>
  sql`if(arrayAll(x -> isFinite(ifNull(toFloat32(x), nan)), ${numbers}), arrayMap(x -> ifNull(toFloat32(x), toFloat32(0)), ${numbers}), CAST([] AS Array(Float32)))`;

/**
 * A value that came before its feature had a column: events that name no feature of the reference keep it in `extra`, as JSON. So a reference
 * that is made of stored events finds them under its features.
 */
function keptAside({ name: feature, kind }: FeatureColumn): Sql {
  const raw = sql`extra[${feature}]`;
  if (kind === "vector") return vectorInText(raw);
  const text = sql`multiIf(NOT mapContains(extra, ${feature}) OR ${raw} = 'null', NULL, startsWith(${raw}, '"'), JSONExtractString(${raw}), match(${raw}, '^[-0-9]'), toString(toFloat64OrNull(${raw})), ${raw})`;
  return kind === "numeric" ? sql`toFloat64OrNull(ifNull(${text}, ''))` : text;
}

/**
 * Makes the table and its view, or adds the columns that the schema has and the table lacks. A feature whose kind has changed
 * gets its column's type changed; values that don't fit become null.
 */
export async function ensureModelTables(lane: Lane, schema: ModelSchema): Promise<void> {
  const table = predictionsTable(schema.model);
  const features = schema.features.map((feature) => sql`, ${definition(feature)}`);
  // Parts of equal size are merged ten at a time, not five: merging was the greatest cost of an event, and this halves it.
  await lane.command(sql`CREATE TABLE IF NOT EXISTS ${name(table)} (
    version LowCardinality(String), timestamp DateTime64(3, 'UTC') CODEC(Delta, ZSTD(1)), id String CODEC(ZSTD(1)),
    source LowCardinality(String), partition UInt32, offset UInt64 CODEC(Delta, ZSTD(1)),
    rank UInt64 MATERIALIZED bitShiftLeft(offset, 16) + bitAnd(cityHash64(source, partition), 65535) CODEC(Delta, ZSTD(1)),
    variant LowCardinality(String), prediction Nullable(Float64), prediction_text LowCardinality(String), score Nullable(Float64),
    probabilities Map(String, Float64), segments Map(String, String), invalid Array(LowCardinality(String)),
    extra Map(String, String), attributions Map(String, Float64)${join(features, "")}
  ) ENGINE = ReplacingMergeTree(rank) PARTITION BY toYYYYMM(timestamp) ORDER BY (timestamp, id, version, variant)
  SETTINGS fsync_after_insert = 1, fsync_part_directory = 1, merge_selector_base = 10`);
  await lane.command(sql`CREATE MATERIALIZED VIEW IF NOT EXISTS ${name(`prediction_ids_${schema.model}`)} TO prediction_ids AS
    SELECT ${schema.model} AS model, cityHash64(id) AS h, cityHash64(version, variant) AS twin, timestamp FROM ${name(table)}`);
  if (schema.entity !== undefined) await ensureEntities(lane, schema.model);
  const present = await lane.query(
    sql`SELECT name, type FROM system.columns WHERE database = currentDatabase() AND table = ${table}`,
    z.object({ name: z.string(), type: z.string() }),
  );
  const types = new Map(present.map((column) => [column.name, column.type]));
  for (const feature of schema.features) {
    const type = types.get(columnOf(feature));
    if (type === undefined)
      await lane.command(
        sql`ALTER TABLE ${name(table)} ADD COLUMN IF NOT EXISTS ${definition(feature)} DEFAULT ${keptAside(feature)}`,
      );
  }
}

/** The column of the entity's key, and the view that indexes it. Rows that were stored before have none. */
async function ensureEntities(lane: Lane, model: string): Promise<void> {
  const table = name(predictionsTable(model));
  await lane.command(sql`ALTER TABLE ${table} ADD COLUMN IF NOT EXISTS entity String CODEC(ZSTD(1))`);
  await lane.command(sql`CREATE MATERIALIZED VIEW IF NOT EXISTS ${name(`prediction_entities_${model}`)} TO prediction_entities AS
    SELECT ${model} AS model, sipHash64(entity) AS e, version, variant, timestamp, id FROM ${table} WHERE entity != ''`);
}
