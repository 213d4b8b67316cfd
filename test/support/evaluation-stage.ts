/** A model set up for a test of evaluation: its store, its configuration, and a way to write events and read rows. */
import assert from "node:assert/strict";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import os from "node:os";
import path from "node:path";
import type { ModelConfig } from "../../src/config/schema.ts";
import type { Clock } from "../../src/core/clock.ts";
import type { MetricRow } from "../../src/core/metric.ts";
import { createEvaluation, type Evaluation } from "../../src/evaluate/evaluation.ts";
import { readMetrics } from "../../src/evaluate/metric-writer.ts";
import { type PreparedModel, prepareModel } from "../../src/evaluate/prepare-model.ts";
import { openStore } from "../../src/store/open.ts";
import { sql } from "../../src/store/sql.ts";
import type { Lane, Store } from "../../src/store/store.ts";
import { modelConfig, type WrittenEntityLabel, type WrittenEvent, writeBatch } from "./event-writer.ts";

export interface Scene {
  readonly config: ModelConfig;
  readonly prepared: PreparedModel;
  readonly evaluation: Evaluation;
  readonly write: (events: readonly (WrittenEvent | WrittenEntityLabel)[], offset: number) => Promise<void>;
  readonly rows: (window: string) => Promise<MetricRow[]>;
}

export interface Stage {
  readonly store: Store;
  readonly lane: Lane;
  readonly folder: string;
  readonly scene: (written: Readonly<Record<string, unknown>>) => Promise<Scene>;
  /** Writes a reference of lines; those that are no text as JSON. */
  readonly referenceFile: (name: string, rows: readonly unknown[]) => Promise<string>;
  readonly close: () => Promise<void>;
}

/** One store in a folder of its own; a process may open one only. */
export async function openStage(clock: Clock): Promise<Stage> {
  const folder = await mkdtemp(path.join(os.tmpdir(), "driftline-evaluation-"));
  const store = await openStore({ embedded: path.join(folder, "store") });
  const lane = store.lane("control");
  return {
    store,
    lane,
    folder,
    async scene(written) {
      const config = modelConfig(written);
      const prepared = await prepareModel(lane, config, clock);
      return {
        config,
        prepared,
        evaluation: createEvaluation({ store, models: [prepared], clock }),
        write: (events, offset) => writeBatch(lane, config, prepared.schema, events, { source: config.name, offset }),
        rows: (window) => readMetrics(lane, { model: config.name, window, where: sql`true` }),
      };
    },
    async referenceFile(name, rows) {
      const file = path.join(folder, name);
      await writeFile(file, rows.map((row) => (typeof row === "string" ? row : JSON.stringify(row))).join("\n"));
      return file;
    },
    async close() {
      await store.close();
      await rm(folder, { recursive: true, force: true });
    },
  };
}

/** The one row of a metric in a window. */
export function findRow(rows: readonly MetricRow[], start: number, metric: string, subject?: string): MetricRow {
  const found = rows.filter(
    (row) => row.window_start === start && row.metric === metric && (subject === undefined || row.subject === subject),
  );
  assert.equal(
    found.length,
    1,
    `${metric} of ${subject ?? "any"} at ${new Date(start).toISOString()}: ${found.length} rows`,
  );
  const [row] = found;
  assert.ok(row !== undefined);
  return row;
}

export function assertNear(found: number | null | undefined, expected: number, tolerance = 1e-9): void {
  assert.ok(Math.abs((found ?? Number.NaN) - expected) <= tolerance, `${found} is not ${expected}`);
}
