/** What the tests of ingestion share: a store in a fresh folder, a model and a writer over them, and messages. */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { z } from "zod";
import { eventMappingSchema } from "../../src/config/event-mapping.ts";
import type { Clock } from "../../src/core/clock.ts";
import type { RawMessage } from "../../src/core/event.ts";
import type { ModelSchema } from "../../src/core/model-schema.ts";
import { type BatchWriter, type BatchWriterOptions, createBatchWriter } from "../../src/ingest/batch-writer.ts";
import { createJsonDecoder, type DecoderOptions } from "../../src/ingest/events/json-events.ts";
import { ensureModelTables } from "../../src/store/model-tables.ts";
import { openStore } from "../../src/store/open.ts";
import { sql, written } from "../../src/store/sql.ts";
import type { Lane, Store } from "../../src/store/store.ts";
import type { Log } from "../../src/telemetry/log.ts";

export const silentLog: Log = { debug() {}, info() {}, warn() {}, error() {}, with: () => silentLog };

/** A clock whose time stands still until it is moved; it sleeps for real, so that timers pass. */
export function clockAt(iso: string): Clock & { set(iso: string): void } {
  let now = Date.parse(iso);
  return {
    now: () => now,
    set: (next) => {
      now = Date.parse(next);
    },
    sleep: (ms, signal) =>
      new Promise((resolve) => {
        if (signal?.aborted === true) return resolve();
        const timer = setTimeout(resolve, ms);
        signal?.addEventListener("abort", () => {
          clearTimeout(timer);
          resolve();
        });
      }),
  };
}

export function schema(
  model: string,
  features: Readonly<Record<string, "numeric" | "categorical">>,
  more: Partial<ModelSchema> = {},
): ModelSchema {
  return {
    model,
    task: "binary",
    classes: ["0", "1"],
    features: Object.entries(features).map(([name, kind]) => ({ name, kind })),
    ...more,
  };
}

export const defaultMapping = eventMappingSchema.parse({});

export function decoderOptions(
  clock: Clock,
  schemas: readonly ModelSchema[],
  more: Partial<DecoderOptions> = {},
): DecoderOptions {
  return {
    mapping: defaultMapping,
    models: schemas.map((item) => ({ schema: item, maxFutureMs: 3_600_000 })),
    clock,
    maxMessageBytes: 1024 * 1024,
    deadLetterBytes: 1024 * 1024,
    ...more,
  };
}

/** Messages of one partition at successive offsets. */
export function messages(lines: readonly (string | Buffer)[], from = 0, source = "test", partition = 0): RawMessage[] {
  return lines.map((value, index) => ({
    source,
    partition,
    offset: from + index,
    value: typeof value === "string" ? Buffer.from(value) : value,
  }));
}

/** A writer over a lane, with the decoder of native JSON for every source. */
export function writerOver(
  lane: Lane,
  clock: Clock,
  schemas: readonly ModelSchema[],
  more: Partial<BatchWriterOptions> & { readonly decoder?: Partial<DecoderOptions> } = {},
): BatchWriter {
  const decoder = createJsonDecoder(decoderOptions(clock, schemas, more.decoder));
  return createBatchWriter({
    lane,
    clock,
    log: silentLog,
    models: schemas.map((item) => ({ schema: item, paneMs: 60_000 })),
    decoderOf: () => decoder,
    batchRows: 20_000,
    batchBytes: 32 * 1024 * 1024,
    batchWaitMs: 20,
    deadLetterBytes: 1024 * 1024,
    ...more,
  });
}

/** The embedded engine in a fresh folder, with the tables of the models. */
export async function openFreshStore(
  schemas: readonly ModelSchema[],
): Promise<{ store: Store; folder: string; end: () => Promise<void> }> {
  const folder = await mkdtemp(path.join(tmpdir(), "driftline-ingest-"));
  const store = await openStore({ embedded: path.join(folder, "data") });
  for (const item of schemas) await ensureModelTables(store.lane("control"), item);
  return {
    store,
    folder,
    end: async () => {
      await store.close();
      await rm(folder, { recursive: true, force: true });
    },
  };
}

/** Empties what ingestion writes, so that the cases of one file do not see each other. */
export async function emptyTables(store: Store, schemas: readonly ModelSchema[]): Promise<void> {
  for (const table of [
    "labels",
    "entity_labels",
    "batches",
    "positions",
    "dead_letters",
    "prediction_ids",
    ...schemas.map((item) => `predictions_${item.model}`),
  ])
    await store.lane("control").command(sql`TRUNCATE TABLE ${written(`\`${table}\``)}`);
}

/** Rows of any shape. */
export function rowsOf(store: Store, statement: string): Promise<Record<string, unknown>[]> {
  return store.lane("control").query(written(statement), z.record(z.string(), z.unknown()));
}
