/**
 * Writes events and commit records straight into the store, as ingestion would, so that evaluation is tested on its own: batches in
 * any order, of any size, from any partition.
 */
import type { ModelConfig } from "../../src/config/schema.ts";
import { modelSchema } from "../../src/config/schema.ts";
import { classLabel } from "../../src/core/class-label.ts";
import type { ModelSchema } from "../../src/core/model-schema.ts";
import { vectorOf } from "../../src/core/vector.ts";
import { predictionsTable, vectorColumn } from "../../src/store/model-tables.ts";
import type { Column } from "../../src/store/native-block.ts";
import type { Lane } from "../../src/store/store.ts";

export interface WrittenPrediction {
  readonly kind: "prediction";
  readonly id: string;
  readonly timestamp: number;
  readonly version?: string;
  readonly variant?: string;
  /** Stored where the model's labels are joined by entity. */
  readonly entity?: string;
  readonly prediction?: number | string | boolean | null;
  readonly score?: number | null;
  readonly features?: ReadonlyMap<string, unknown> | Readonly<Record<string, unknown>>;
  readonly probabilities?: Readonly<Record<string, number>>;
  readonly segments?: Readonly<Record<string, string>>;
  readonly attributions?: Readonly<Record<string, number>>;
}

export interface WrittenLabel {
  readonly kind: "label";
  readonly id: string;
  readonly timestamp: number;
  readonly version?: string;
  readonly label: number | string | boolean;
}

/** A label that names no prediction. */
export interface WrittenEntityLabel {
  readonly kind: "entity label";
  readonly entity: string;
  readonly timestamp: number;
  readonly version?: string;
  readonly label: number | string | boolean;
}

export type WrittenEvent = WrittenPrediction | WrittenLabel;

export interface BatchPlace {
  readonly source?: string;
  readonly partition?: number;
  readonly offset: number;
  /** Wall clock of the insert, ms: what an idle partition is measured by. Now, if left out; two weeks back is dropped by the table. */
  readonly insertedAt?: number;
}

/** A model's configuration with every default, as YAML would give it. */
export const modelConfig = (written: Readonly<Record<string, unknown>>): ModelConfig => modelSchema.parse(written);

/** Rows first, then the commit record. The n-th event has the offset `offset + n`. */
export async function writeBatch(
  lane: Lane,
  config: ModelConfig,
  schema: ModelSchema,
  events: readonly (WrittenEvent | WrittenEntityLabel)[],
  place: BatchPlace,
): Promise<void> {
  const { source = "test", partition = 0, offset, insertedAt } = place;
  const placed = events.map((event, index) => ({ event, offset: offset + index }));
  const predictions = placed.flatMap(({ event, offset: at }) =>
    event.kind === "prediction" ? [{ ...event, offset: at }] : [],
  );
  const labels = placed.flatMap(({ event, offset: at }) => (event.kind === "label" ? [{ ...event, offset: at }] : []));
  await lane.insertBlock(
    predictionsTable(config.name),
    predictionColumns(config, schema, predictions, source, partition),
  );
  const ofEntities = placed.flatMap(({ event, offset: at }) =>
    event.kind === "entity label" ? [{ ...event, id: event.entity, offset: at }] : [],
  );
  await lane.insertBlock("labels", labelColumns(config, labels, source, partition, "id"));
  await lane.insertBlock("entity_labels", labelColumns(config, ofEntities, source, partition, "entity"));
  const touched = new Map<string, { kind: string; pane: number; n: number }>();
  for (const { kind: written, timestamp } of events) {
    const kind = written === "prediction" ? written : "label";
    const pane = Math.floor(timestamp / config.pane) * config.pane;
    const entry = touched.get(`${kind} ${pane}`) ?? { kind, pane, n: 0 };
    entry.n++;
    touched.set(`${kind} ${pane}`, entry);
  }
  await lane.insertRows("batches", [
    {
      source,
      partition,
      first_offset: offset,
      last_offset: offset + events.length - 1,
      max_timestamp: Math.max(...events.map((event) => event.timestamp)),
      rows: events.length,
      dead: 0,
      touched: [...touched.values()].map((entry) => ({ model: config.name, ...entry })),
      ...(insertedAt === undefined ? {} : { inserted_at: insertedAt }),
    },
  ]);
}

type LabelRow = Omit<WrittenLabel, "kind"> & { readonly offset: number };

function labelColumns(
  config: ModelConfig,
  labels: readonly LabelRow[],
  source: string,
  partition: number,
  key: "id" | "entity",
): Column[] {
  return [
    { name: "model", type: "LowCardinality(String)", values: labels.map(() => config.name) },
    { name: "version", type: "LowCardinality(String)", values: labels.map((row) => row.version ?? "") },
    { name: key, type: "String", values: labels.map((row) => row.id) },
    { name: "timestamp", type: "DateTime64(3, 'UTC')", values: labels.map((row) => row.timestamp) },
    { name: "label", type: "Nullable(Float64)", values: labels.map((row) => numberOf(config, row.label)) },
    { name: "label_text", type: "LowCardinality(String)", values: labels.map((row) => textOf(config, row.label)) },
    { name: "source", type: "LowCardinality(String)", values: labels.map(() => source) },
    { name: "partition", type: "UInt32", values: labels.map(() => partition) },
    { name: "offset", type: "UInt64", values: labels.map((row) => row.offset) },
  ];
}

const numberOf = (config: ModelConfig, value: number | string | boolean | null): number | null => {
  if (value === null) return null;
  const number = config.task === "regression" ? Number(value) : Number(classLabel(value) ?? Number.NaN);
  return Number.isFinite(number) ? number : null;
};

const textOf = (config: ModelConfig, value: number | string | boolean | null): string =>
  value === null || config.task === "regression" ? "" : (classLabel(value) ?? "");

function predictionColumns(
  config: ModelConfig,
  schema: ModelSchema,
  rows: readonly (WrittenPrediction & { readonly offset: number })[],
  source: string,
  partition: number,
): Column[] {
  const maps = new Map(
    rows.map((row) => [
      row,
      row.features instanceof Map ? row.features : new Map<string, unknown>(Object.entries(row.features ?? {})),
    ]),
  );
  const valueOf = (row: WrittenPrediction & { readonly offset: number }, feature: string): unknown =>
    maps.get(row)?.get(feature);
  const known = new Set(schema.features.map((feature) => feature.name));
  return [
    { name: "version", type: "LowCardinality(String)", values: rows.map((row) => row.version ?? "") },
    { name: "timestamp", type: "DateTime64(3, 'UTC')", values: rows.map((row) => row.timestamp) },
    { name: "id", type: "String", values: rows.map((row) => row.id) },
    { name: "source", type: "LowCardinality(String)", values: rows.map(() => source) },
    { name: "partition", type: "UInt32", values: rows.map(() => partition) },
    { name: "offset", type: "UInt64", values: rows.map((row) => row.offset) },
    { name: "variant", type: "LowCardinality(String)", values: rows.map((row) => row.variant ?? "") },
    {
      name: "prediction",
      type: "Nullable(Float64)",
      values: rows.map((row) => numberOf(config, row.prediction ?? null)),
    },
    {
      name: "prediction_text",
      type: "LowCardinality(String)",
      values: rows.map((row) => textOf(config, row.prediction ?? null)),
    },
    { name: "score", type: "Nullable(Float64)", values: rows.map((row) => row.score ?? null) },
    {
      name: "probabilities",
      type: "Map(String, Float64)",
      values: rows.map((row) => Object.entries(row.probabilities ?? {})),
    },
    { name: "segments", type: "Map(String, String)", values: rows.map((row) => Object.entries(row.segments ?? {})) },
    {
      name: "attributions",
      type: "Map(String, Float64)",
      values: rows.map((row) => Object.entries(row.attributions ?? {})),
    },
    {
      name: "invalid",
      type: "Array(LowCardinality(String))",
      values: rows.map((row) =>
        schema.features
          .filter(({ name, kind }) => {
            const value = valueOf(row, name);
            if (kind === "vector") return value !== null && value !== undefined && typeof vectorOf(value) === "string";
            return kind === "numeric" && isInvalid(value);
          })
          .map(({ name }) => name),
      ),
    },
    {
      name: "extra",
      type: "Map(String, String)",
      values: rows.map((row) =>
        Object.entries(row.features instanceof Map ? {} : (row.features ?? {}))
          .filter(([feature]) => !known.has(feature))
          .map(([feature, value]) => [feature, typeof value === "string" ? value : JSON.stringify(value)]),
      ),
    },
    ...(schema.entity === undefined
      ? []
      : [{ name: "entity", type: "String", values: rows.map((row) => row.entity ?? "") } as const]),
    ...schema.features.map(({ name, kind }): Column => {
      const values = rows.map((row) => valueOf(row, name));
      if (kind === "vector")
        return {
          name: vectorColumn(name),
          type: "Array(Float32)",
          values: values.map((value) => {
            const vector = vectorOf(value);
            return typeof vector === "string" ? [] : vector;
          }),
        };
      return kind === "numeric"
        ? {
            name: `features.${name}`,
            type: "Nullable(Float64)",
            values: values.map((value) => (typeof value === "number" ? value : null)),
          }
        : {
            name: `features.${name}`,
            type: "LowCardinality(Nullable(String))",
            values: values.map((value) =>
              value === null || value === undefined ? null : typeof value === "string" ? value : JSON.stringify(value),
            ),
          };
    }),
  ];
}

const isInvalid = (value: unknown): boolean =>
  value !== null && value !== undefined && !(typeof value === "number" && Number.isFinite(value));
