/**
 * Every number of a window is a pure function of what is stored: the same events in other batches, partitions and orders, with copies,
 * late, evaluated after every batch or once, give the same rows in all but `revision` and `computed_at`.
 */
import assert from "node:assert/strict";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import os from "node:os";
import path from "node:path";
import { after, test } from "node:test";
import { z } from "zod";
import { detectors } from "../../detectors/index.ts";
import type { MetricRow } from "../../src/core/metric.ts";
import { createEvaluation } from "../../src/evaluate/evaluation.ts";
import { readMetrics } from "../../src/evaluate/metric-writer.ts";
import { prepareModel } from "../../src/evaluate/prepare-model.ts";
import { seededRandom } from "../../src/math/seeded-random.ts";
import { openStore } from "../../src/store/open.ts";
import { sql } from "../../src/store/sql.ts";
import { modelConfig, type WrittenEvent, writeBatch } from "../support/event-writer.ts";

const folder = await mkdtemp(path.join(os.tmpdir(), "driftline-purity-"));
const store = await openStore({ embedded: path.join(folder, "store") });
after(async () => {
  await store.close();
  await rm(folder, { recursive: true, force: true });
});
const lane = store.lane("control");
const T0 = Date.parse("2026-01-30T00:00:00Z");
const HOUR = 3_600_000;

function shuffled<Item>(items: readonly Item[], next: () => number): Item[] {
  const out = [...items];
  for (let at = out.length - 1; at > 0; at--) {
    const other = Math.floor(next() * (at + 1));
    const item = out[at];
    const swap = out[other];
    if (item !== undefined && swap !== undefined) [out[at], out[other]] = [swap, item];
  }
  return out;
}

const next = seededRandom(7);
/** 59 hours across the end of a month, two versions, a silence of five hours, many equal timestamps, re-sent ids, corrected labels. */
const events: WrittenEvent[] = [];
for (let i = 0; i < 1300; i++) {
  const hour = Math.floor(i / 24);
  const timestamp = T0 + (hour >= 20 ? hour + 5 : hour) * HOUR + Math.floor(next() * 360) * 10_000;
  const x = next() + (hour > 40 ? 0.4 : 0);
  const version = next() < 0.7 ? "1" : "2";
  const id = `e${i}`;
  const score = Math.round(next() * 20) / 20;
  const features = {
    x,
    y: 1 - x * x,
    colour: ["red", "green", "blue", hour > 30 ? "new" : "red"][Math.floor(next() * 4)],
  };
  const prediction = {
    kind: "prediction",
    id,
    version,
    timestamp,
    prediction: score > 0.5 ? 1 : 0,
    score,
    features,
  } as const;
  events.push(prediction);
  if (next() < 0.03) events.push({ ...prediction, timestamp: timestamp + Math.floor(next() * 20) * HOUR });
  if (next() < 0.8) events.push({ kind: "label", id, timestamp: timestamp + 2 * HOUR, label: next() < score ? 1 : 0 });
  if (next() < 0.05)
    events.push({
      kind: "label",
      id,
      timestamp: timestamp + (1 + Math.floor(next() * 3)) * HOUR,
      label: next() < 0.5 ? 1 : 0,
    });
}
// Labels of one id and one instant are told apart by their position, which the shuffles change: keep one of each.
const seen = new Set<string>();
const distinct = events.filter((event) => {
  const key = `${event.kind} ${event.id} ${event.timestamp}`;
  if (seen.has(key)) return false;
  seen.add(key);
  return true;
});

const reference = path.join(folder, "reference.ndjson");
await writeFile(
  reference,
  Array.from({ length: 2000 }, (_, i) =>
    JSON.stringify({
      ...((x) => ({ x, y: 1 - x * x }))(next()),
      colour: ["red", "green", "blue"][i % 3],
      prediction: i % 2,
      score: Math.round(next() * 20) / 20,
    }),
  ).join("\n"),
);

interface Way {
  readonly name: string;
  readonly order: readonly WrittenEvent[];
  readonly batch: number;
  readonly partitions: number;
  readonly everyBatch: boolean;
  /** A new process, which knows nothing, for every evaluation. */
  readonly restarts?: boolean;
}

const byTime = [...distinct].sort((a, b) => a.timestamp - b.timestamp);
const ways: readonly Way[] = [
  { name: "once", order: byTime, batch: 100_000, partitions: 1, everyBatch: false },
  { name: "stream", order: byTime, batch: 800, partitions: 1, everyBatch: true },
  { name: "shuffled", order: shuffled(byTime, seededRandom(1)), batch: 900, partitions: 1, everyBatch: true },
  {
    name: "copies",
    order: [...shuffled(byTime, seededRandom(2)), ...byTime.slice(0, 1000)],
    batch: 1200,
    partitions: 3,
    everyBatch: true,
  },
  {
    name: "restarts",
    order: [...byTime.slice(1500), ...byTime.slice(0, 1500)],
    batch: 900,
    partitions: 2,
    everyBatch: true,
    restarts: true,
  },
];

const windows = ["1h", "6h", "60 events"];
const byDefault = detectors.filter((detector) => detector.byDefault).map(({ name }) => name);
const results = new Map<string, Map<string, MetricRow[]>>();
const steps = new Map<string, unknown>();
for (const way of ways) {
  const config = modelConfig({
    name: way.name,
    task: "binary",
    reference: { file: reference },
    pane: "10m",
    windows,
    anchor: "month",
    min_rows: 5,
    detectors: [
      ...byDefault,
      "domain-classifier",
      "correlation",
      // Eager ones, so that a stream that is read in another order shows.
      { use: "adwin", delta: 0.9, check_every: 1 },
      "ddm",
      { use: "cusum", on: "error", min_values: 30, threshold: 2 },
      { use: "page-hinkley", on: "volume", unit: 1, threshold: 3, min_values: 3 },
      { use: "ewma", on: "accuracy", min_values: 3, threshold: 1 },
      { use: "ewma", on: "jensen-shannon", min_values: 3, threshold: 1 },
    ],
    kpis: [
      "accuracy",
      "precision",
      "recall",
      "f1",
      "roc_auc",
      "log_loss",
      "brier",
      "label_coverage",
      { name: "mean_x", sql: "toFloat64(count()) / 7" },
    ],
  });
  const clock = { now: () => T0 + 1000 * HOUR, sleep: () => Promise.resolve() };
  const prepared = await prepareModel(lane, config, clock);
  let evaluation = createEvaluation({ store, models: [prepared], clock });
  const offsets = new Map<number, number>();
  for (let at = 0, batch = 0; at < way.order.length; at += way.batch, batch++) {
    const slice = way.order.slice(at, at + way.batch);
    const partition = batch % way.partitions;
    await writeBatch(lane, config, prepared.schema, slice, {
      partition,
      source: way.name,
      offset: offsets.get(partition) ?? 0,
    });
    offsets.set(partition, (offsets.get(partition) ?? 0) + slice.length);
    if (way.restarts === true)
      evaluation = createEvaluation({ store, models: [await prepareModel(lane, config, clock)], clock });
    if (way.everyBatch) await evaluation.run();
  }
  await evaluation.run({ final: true });
  results.set(way.name, new Map());
  for (const window of windows)
    results.get(way.name)?.set(window, await readMetrics(lane, { model: way.name, window, where: sql`true` }));
  const counted = z.object({ subject: z.string(), stream: z.string(), total: z.number() });
  steps.set(
    way.name,
    await lane.query(
      sql`SELECT subject_kind || ' ' || subject AS subject, stream, sum(arraySum(counts)) AS total FROM steps FINAL WHERE model = ${way.name} GROUP BY subject, stream ORDER BY subject, stream`,
      counted,
    ),
  );
}

/** Rows as text, ordered, without what may differ. */
const comparable = (rows: readonly MetricRow[] = []): string[] =>
  rows
    .map(({ revision: _revision, computed_at: _at, model: _model, monitor_hash: _hash, ...row }) =>
      JSON.stringify(row, Object.keys(row).sort()),
    )
    .sort();

for (const window of windows) {
  for (const way of ways.slice(1)) {
    test(`windows of ${window}: ${way.name} gives the rows of one evaluation of everything in order`, () => {
      const expected = comparable(results.get("once")?.get(window));
      assert.ok(expected.length > 50, `${expected.length} rows`);
      const found = comparable(results.get(way.name)?.get(window));
      const extra = found.filter((row) => !expected.includes(row)).slice(0, 3);
      const lacking = expected.filter((row) => !found.includes(row)).slice(0, 3);
      assert.deepEqual({ extra, lacking, count: found.length }, { extra: [], lacking: [], count: expected.length });
    });
  }
}

test("the silence has rows of status insufficient with n 0, in windows by time alone", () => {
  const rows = results.get("once")?.get("1h") ?? [];
  const silent = rows.filter((row) => row.window_start >= T0 + 20 * HOUR && row.window_start < T0 + 25 * HOUR);
  assert.ok(silent.some((row) => row.metric === "jensen-shannon" && row.version === "1"));
  for (const row of silent.filter((row) => row.metric !== "volume")) {
    assert.deepEqual([row.status, row.value, row.n], ["insufficient", null, 0], row.metric);
  }
});

test("windows by number begin anew with the month, and the short last one of a month has rows", () => {
  const rows = (results.get("once")?.get("60 events") ?? []).filter(
    (row) => row.metric === "label_coverage" && row.version === "1",
  );
  const february = Date.parse("2026-02-01T00:00:00Z");
  const first = rows.filter((row) => row.window_start < february).sort((a, b) => a.window_start - b.window_start);
  assert.ok(first.slice(0, -1).every((row) => row.n === 60));
  assert.ok((first[first.length - 1]?.n ?? 60) < 60);
  assert.ok((first[first.length - 1]?.window_end ?? february) <= february);
});

test("the detectors of several features together have verdicts here, so that their rows are compared too", () => {
  for (const metric of ["domain-classifier", "correlation"]) {
    const rows = (results.get("once")?.get("60 events") ?? []).filter((row) => row.metric === metric);
    assert.ok(rows.filter((row) => row.status === "ok").length > 5, `${metric}: ${rows.length} rows`);
  }
});

test("the online detectors have verdicts here, changes among them, so that their rows are compared too", () => {
  for (const [window, metrics] of [
    ["1h", ["adwin", "cusum", "page-hinkley", "ewma"]],
    ["60 events", ["adwin", "cusum", "ewma"]],
  ] as const) {
    for (const metric of [...metrics, "ddm"]) {
      const rows = (results.get("once")?.get(window) ?? []).filter((row) => row.metric === metric);
      assert.ok(rows.filter((row) => row.status === "ok").length > 5, `${metric} in ${window}: ${rows.length} rows`);
      // The errors and the volume of these events change too little for the two.
      if (metric !== "ddm" && metric !== "page-hinkley")
        assert.ok(
          rows.some((row) => row.breached),
          `${metric} finds no change in ${window}`,
        );
    }
  }
});

test("the steps of every way add up to the same counts", () => {
  const once = steps.get("once");
  assert.ok(Array.isArray(once) && once.length > 0);
  for (const way of ["stream"]) assert.deepEqual(steps.get(way), once, way);
});
