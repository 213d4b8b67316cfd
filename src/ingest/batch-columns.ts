/** The rows of a batch as columns of the store's tables. */

import { featureColumn, vectorColumn } from "../store/model-tables.ts";
import type { Column } from "../store/native-block.ts";
import type { DeadRow, HalfRows, LabelRows, PredictionRows } from "./events/event-rows.ts";

/** Which rows of a block: all up to a number, or those of a list. */
export type RowChoice = number | readonly number[];

function chosen<Value>(values: readonly Value[], rows: RowChoice): readonly Value[] {
  if (typeof rows !== "number") return rows.map((row) => values[row] as Value);
  return values.length === rows ? values : values.slice(0, rows);
}

function chosenNumbers(values: Float64Array, rows: RowChoice): Float64Array {
  return typeof rows === "number"
    ? values.subarray(0, rows)
    : Float64Array.from(rows, (row) => values[row] ?? Number.NaN);
}

/** Columns of a model's predictions table. Optional columns that no row fills are left to their defaults. */
export function predictionColumns(model: PredictionRows, rows: RowChoice): Column[] {
  const { used } = model;
  const columns: Column[] = [
    { name: "version", type: "LowCardinality(String)", values: chosen(model.version, rows) },
    { name: "timestamp", type: "DateTime64(3, 'UTC')", values: chosen(model.timestamp, rows) },
    { name: "id", type: "String", values: chosen(model.id, rows) },
    { name: "source", type: "LowCardinality(String)", values: chosen(model.source, rows) },
    { name: "partition", type: "UInt32", values: chosen(model.partition, rows) },
    { name: "offset", type: "UInt64", values: chosen(model.offset, rows) },
    { name: "variant", type: "LowCardinality(String)", values: chosen(model.variant, rows) },
    { name: "prediction", type: "Nullable(Float64)", values: chosen(model.prediction, rows) },
    { name: "prediction_text", type: "LowCardinality(String)", values: chosen(model.predictionText, rows) },
    { name: "score", type: "Nullable(Float64)", values: chosen(model.score, rows) },
  ];
  if (model.schema.entity !== undefined)
    columns.push({ name: "entity", type: "String", values: chosen(model.entity, rows) });
  if (used.probabilities)
    columns.push({ name: "probabilities", type: "Map(String, Float64)", values: chosen(model.probabilities, rows) });
  if (used.segments)
    columns.push({ name: "segments", type: "Map(String, String)", values: chosen(model.segments, rows) });
  if (used.invalid)
    columns.push({ name: "invalid", type: "Array(LowCardinality(String))", values: chosen(model.invalid, rows) });
  if (used.extra) columns.push({ name: "extra", type: "Map(String, String)", values: chosen(model.extra, rows) });
  if (used.attributions)
    columns.push({ name: "attributions", type: "Map(String, Float64)", values: chosen(model.attributions, rows) });
  for (const { feature, numeric, categorical, numbers, texts, vectors } of model.features) {
    const name = featureColumn(feature.name);
    if (!numeric && !categorical)
      columns.push({ name: vectorColumn(feature.name), type: "Array(Float32)", values: chosen(vectors, rows) });
    else if (numeric) columns.push({ name, type: "Nullable(Float64)", values: chosenNumbers(numbers, rows) });
    else columns.push({ name, type: "LowCardinality(Nullable(String))", values: chosen(texts, rows) });
  }
  return columns;
}

/** Columns of the `labels` table, or with `key` "entity" of `entity_labels`. */
export function labelColumns(labels: LabelRows, rows: RowChoice, key: "id" | "entity"): Column[] {
  return [
    { name: "model", type: "LowCardinality(String)", values: chosen(labels.model, rows) },
    { name: "version", type: "LowCardinality(String)", values: chosen(labels.version, rows) },
    { name: key, type: "String", values: chosen(labels.id, rows) },
    { name: "timestamp", type: "DateTime64(3, 'UTC')", values: chosen(labels.timestamp, rows) },
    { name: "label", type: "Nullable(Float64)", values: chosen(labels.label, rows) },
    { name: "label_text", type: "LowCardinality(String)", values: chosen(labels.labelText, rows) },
    { name: "source", type: "LowCardinality(String)", values: chosen(labels.source, rows) },
    { name: "partition", type: "UInt32", values: chosen(labels.partition, rows) },
    { name: "offset", type: "UInt64", values: chosen(labels.offset, rows) },
  ];
}

/** Columns of the `halves` table. */
export function halfColumns(halves: HalfRows, rows: RowChoice, now: number): Column[] {
  return [
    { name: "id", type: "String", values: chosen(halves.id, rows) },
    { name: "exchange", type: "LowCardinality(String)", values: chosen(halves.exchange, rows) },
    { name: "side", type: "LowCardinality(String)", values: chosen(halves.side, rows) },
    { name: "source", type: "LowCardinality(String)", values: chosen(halves.source, rows) },
    { name: "partition", type: "UInt32", values: chosen(halves.partition, rows) },
    { name: "offset", type: "UInt64", values: chosen(halves.offset, rows) },
    { name: "timestamp", type: "DateTime64(3, 'UTC')", values: chosen(halves.timestamp, rows) },
    { name: "format", type: "LowCardinality(String)", values: chosen(halves.format, rows) },
    { name: "body", type: "String", values: chosen(halves.body, rows) },
    {
      name: "stored_at",
      type: "DateTime64(3, 'UTC')",
      values: Array.from({ length: typeof rows === "number" ? rows : rows.length }, () => now),
    },
  ];
}

const envelopeText = (envelope: DeadRow["envelope"]): string =>
  Object.keys(envelope).length === 0 ? "" : JSON.stringify(envelope);

/** Columns of the `dead_letters` table. */
export function deadLetterColumns(dead: readonly DeadRow[]): Column[] {
  return [
    { name: "source", type: "LowCardinality(String)", values: dead.map((letter) => letter.source) },
    { name: "partition", type: "UInt32", values: dead.map((letter) => letter.partition) },
    { name: "offset", type: "UInt64", values: dead.map((letter) => letter.offset) },
    { name: "item", type: "UInt32", values: dead.map((letter) => letter.item) },
    { name: "format", type: "LowCardinality(String)", values: dead.map((letter) => letter.format) },
    { name: "reason", type: "LowCardinality(String)", values: dead.map((letter) => letter.reason) },
    { name: "detail", type: "String", values: dead.map((letter) => letter.detail) },
    { name: "raw", type: "String", values: dead.map((letter) => letter.raw) },
    { name: "envelope", type: "String", values: dead.map((letter) => envelopeText(letter.envelope)) },
  ];
}

const MOST_MONTHS = 90;
const LONGEST_MONTH_MS = 31 * 86_400_000;

/**
 * Cuts rows so that no block spans more monthly partitions than the engine takes in one insert (100). Nearly always one piece.
 */
export function piecesByMonth(timestamps: readonly number[], rows: number): RowChoice[] {
  let least = Number.POSITIVE_INFINITY;
  let greatest = Number.NEGATIVE_INFINITY;
  for (let row = 0; row < rows; row++) {
    const ms = timestamps[row] ?? 0;
    if (ms < least) least = ms;
    if (ms > greatest) greatest = ms;
  }
  if (greatest - least < (MOST_MONTHS - 2) * 28 * 86_400_000) return [rows];
  const buckets = new Map<number, number[]>();
  for (let row = 0; row < rows; row++) {
    const bucket = Math.floor((timestamps[row] ?? 0) / (MOST_MONTHS * LONGEST_MONTH_MS * 0.9));
    const list = buckets.get(bucket);
    if (list === undefined) buckets.set(bucket, [row]);
    else list.push(row);
  }
  return [...buckets.values()];
}
