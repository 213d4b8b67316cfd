/** Field cases of labels, KPIs and silence: each test names its case. Events are written as ingestion would store them. */
import assert from "node:assert/strict";
import { after, test } from "node:test";
import { z } from "zod";
import { createEvaluation } from "../../src/evaluate/evaluation.ts";
import { readMetrics } from "../../src/evaluate/metric-writer.ts";
import { prepareModel } from "../../src/evaluate/prepare-model.ts";
import { sql } from "../../src/store/sql.ts";
import { assertNear, findRow, openStage } from "../support/evaluation-stage.ts";
import { modelConfig, type WrittenEvent, writeBatch } from "../support/event-writer.ts";

const T0 = Date.parse("2026-03-02T10:00:00Z");
const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const clock = { now: () => T0 + 48 * HOUR, sleep: () => Promise.resolve() };
const { store, lane, scene, referenceFile, close } = await openStage(clock);
after(close);

test("single-class-window: what one class leaves undefined is insufficient, never 0, 0.5 or 1", async () => {
  const kpis = [
    "accuracy",
    "precision",
    { use: "recall", min: 0.5 },
    "f1",
    "specificity",
    { use: "roc_auc", min: 0.8 },
  ];
  const { evaluation, write, rows } = await scene({
    name: "fraud",
    task: "binary",
    windows: ["1h", "2h"],
    min_rows: 1,
    kpis,
  });
  const hour = (
    start: number,
    id: string,
    predictions: readonly number[],
    scores: readonly number[],
    labels: readonly number[],
  ): WrittenEvent[] =>
    predictions.flatMap((prediction, i): WrittenEvent[] => [
      {
        kind: "prediction",
        id: `${id}${i}`,
        version: "7",
        timestamp: start + i * 5 * MINUTE,
        prediction,
        score: scores[i] ?? 0,
        features: { x: 1 },
      },
      { kind: "label", id: `${id}${i}`, timestamp: start + 59 * MINUTE, label: labels[i] ?? 0 },
    ]);
  // Second hour: three of four positives and one false alarm; the pair 0.40/0.40 is a tie.
  await write(
    [
      ...hour(T0, "a", [0, 0, 1, 0, 0, 0, 0, 0], [0.1, 0.2, 0.6, 0.05, 0.3, 0.15, 0.25, 0.4], [0, 0, 0, 0, 0, 0, 0, 0]),
      ...hour(
        T0 + HOUR,
        "b",
        [1, 1, 1, 1, 0, 0, 0, 0],
        [0.9, 0.8, 0.7, 0.55, 0.4, 0.4, 0.2, 0.1],
        [1, 1, 1, 0, 1, 0, 0, 0],
      ),
    ],
    0,
  );
  await evaluation.run({ final: true });
  const hourly = await rows("1h");
  assertNear(findRow(hourly, T0, "accuracy").value, 0.875);
  assertNear(findRow(hourly, T0, "specificity").value, 0.875);
  assertNear(findRow(hourly, T0, "precision").value, 0);
  const f1 = findRow(hourly, T0, "f1");
  assertNear(f1.value, 0);
  assert.deepEqual(JSON.parse(f1.detail), { tp: 0, fp: 1, fn: 0, tn: 7, sums: [0.5, 0] });
  for (const metric of ["recall", "roc_auc"]) {
    const row = findRow(hourly, T0, metric);
    assert.deepEqual([row.status, row.value, row.breached], ["insufficient", null, false]);
    assert.match(JSON.parse(row.detail).reason, /label/);
  }
  assertNear(findRow(hourly, T0 + HOUR, "roc_auc").value, (3 * 4 + 2.5) / 16);
  assertNear(findRow(hourly, T0 + HOUR, "recall").value, 0.75);
  const both = await rows("2h");
  assertNear(findRow(both, T0, "accuracy").value, 0.8125);
  assertNear(findRow(both, T0, "precision").value, 0.6);
  assertNear(findRow(both, T0, "f1").value, 2 / 3);
  // Over all pairs, not the mean of two hours: ten negatives below the positive at 0.4, one tie in each hour, 0.6 and 0.55 above it.
  assertNear(findRow(both, T0, "roc_auc").value, (3 * 12 + (8 + 0.5 * 2)) / 48);
});

test("label-corrected-in-the-same-instant: the greater timestamp, then the later position, whatever came first", async () => {
  const prediction = (id: string, value: number, at: number): WrittenEvent => ({
    kind: "prediction",
    id,
    timestamp: T0 + at * MINUTE,
    prediction: value,
  });
  const label = (id: string, value: number, timestamp: string): WrittenEvent => ({
    kind: "label",
    id,
    timestamp: Date.parse(timestamp),
    label: value,
  });
  const lines: readonly WrittenEvent[] = [
    prediction("a1", 1, 0),
    prediction("a2", 0, 1),
    label("a2", 0, "2026-03-03T09:00:00Z"),
    label("a1", 0, "2026-03-03T09:00:00Z"),
    label("a1", 1, "2026-03-03T09:00:00Z"),
    label("a1", 0, "2026-03-03T08:59:59Z"),
  ];
  const order: Readonly<Record<string, readonly number[][]>> = {
    at_once: [[0, 1, 2, 3, 4, 5]],
    line_by_line: [[0], [1], [2], [3], [4], [5]],
    rebalanced: [[0, 1, 2], [4, 5], [3]],
    twice: [
      [0, 1, 2, 3, 4, 5],
      [0, 1, 2, 3, 4, 5],
    ],
  };
  for (const [name, batches] of Object.entries(order)) {
    const { evaluation, write, rows } = await scene({
      name,
      task: "binary",
      windows: ["1h"],
      min_rows: 1,
      kpis: ["accuracy"],
    });
    for (const [index, batch] of batches.entries()) {
      const events = batch.map((line) => lines[line]).filter((event) => event !== undefined);
      await write(events, 8 + (batch[0] ?? 0));
      if (index < batches.length - 1 || name === "line_by_line")
        await evaluation.run(name === "line_by_line" && index >= 3 ? { final: true } : {});
    }
    await evaluation.run({ final: true });
    const row = findRow(await rows("1h"), T0, "accuracy");
    assert.deepEqual([row.value, row.n, row.status], [1, 2, "ok"], name);
    if (name !== "line_by_line") continue;
    const history = await lane.query(
      sql`SELECT value, revision FROM metric_history WHERE model = ${name} AND metric = 'accuracy' AND window_start = toDateTime64('2026-03-02 10:00:00', 3, 'UTC') ORDER BY revision`,
      z.object({ value: z.number().nullable(), revision: z.number() }),
    );
    assert.deepEqual(history.map(({ value }) => value).slice(-2), [0.5, 1]);
    assert.equal(new Set(history.map(({ revision }) => revision)).size, history.length);
  }
});

test("one-class-and-one-id-in-many-spellings: one class, one id, and an unknown label counts for nothing", async () => {
  const predictions = [1, "1", true, 1.0, 0, "0", false, 0, 0];
  const labels = [true, 1, "1", 1, "0", false, 0, 1];
  const ids = ["9007199254740992", "9007199254740993", "p3", "p4", "p5", "p6", "p7", "p8", "p9"];
  const file = await referenceFile(
    "churn.ndjson",
    Array.from({ length: 300 }, (_, i) => ({ x: 1, prediction: i % 2 === 0, label: i % 2 })),
  );
  const first: WrittenEvent[] = ids.map((id, i) => ({
    kind: "prediction",
    id,
    timestamp: T0 + i * MINUTE,
    prediction: predictions[i] ?? 0,
    features: { x: 1 },
  }));
  const second: WrittenEvent[] = labels.map((label, i) => ({
    kind: "label",
    id: ids[i] ?? "",
    timestamp: T0 + HOUR + i * MINUTE,
    label,
  }));
  const ways: Readonly<Record<string, readonly (readonly WrittenEvent[])[]>> = {
    in_order: [first, second],
    labels_first: [second, first],
    twice_over: [first, second, first, second],
  };
  for (const [name, batches] of Object.entries(ways)) {
    const { evaluation, write, rows, prepared } = await scene({
      name,
      task: "binary",
      reference: { file },
      windows: ["1h"],
      min_rows: 1,
      detectors: [{ use: "total-variation", min_rows: 1 }],
      kpis: ["accuracy", "precision", "recall", "label_coverage"],
    });
    assert.deepEqual(prepared.reference?.subjects.find(({ subjectKind }) => subjectKind === "prediction")?.categories, [
      "0",
      "1",
    ]);
    let offset = 0;
    for (const batch of batches) {
      await write(batch, offset);
      offset += batch.length;
      await evaluation.run();
    }
    await evaluation.run({ final: true });
    const found = await rows("1h");
    assertNear(findRow(found, T0, "accuracy").value, 7 / 8);
    assertNear(findRow(found, T0, "recall").value, 0.8);
    assertNear(findRow(found, T0, "precision").value, 1);
    assertNear(findRow(found, T0, "label_coverage").value, 8 / 9);
    // 4 of 9 positive against one half.
    assertNear(findRow(found, T0, "total-variation", "prediction").value, 1 / 18);
    // 5 of 8 labels positive against one half.
    assertNear(findRow(found, T0, "total-variation", "label").value, 1 / 8);
  }
});

test("gaps-are-not-zero: windows without labels or events have no value, and no limit fires", async () => {
  const { evaluation, write, rows } = await scene({
    name: "gaps",
    task: "binary",
    windows: ["5m"],
    min_rows: 2,
    kpis: [{ use: "accuracy", min: 0.4 }],
  });
  const at = (minute: number, id: string, prediction: number): WrittenEvent => ({
    kind: "prediction",
    id,
    timestamp: T0 + minute * MINUTE,
    prediction,
  });
  const label = (id: string, value: number): WrittenEvent => ({
    kind: "label",
    id,
    timestamp: T0 + HOUR,
    label: value,
  });
  await write(
    [
      at(1, "u0", 1),
      label("u0", 1),
      at(2, "u1", 0),
      label("u1", 0),
      at(6, "u2", 1),
      label("u2", 1),
      at(7, "u3", 1),
      label("u3", 0),
      at(21, "u4", 1),
      label("u4", 1),
      at(22, "u5", 0),
      label("u5", 0),
      at(17, "u9", 1),
    ],
    0,
  );
  await evaluation.run({ final: true });
  const accuracy = (await rows("5m"))
    .filter((row) => row.metric === "accuracy")
    .sort((a, b) => a.window_start - b.window_start);
  assert.deepEqual(
    accuracy.map((row) => row.value),
    [1, 0.5, null, null, 1],
  );
  assert.deepEqual(
    accuracy.map((row) => row.n),
    [2, 2, 0, 0, 2],
  );
  assert.deepEqual(
    accuracy.map((row) => row.status),
    ["ok", "ok", "insufficient", "insufficient", "ok"],
  );
  assert.ok(accuracy.every((row) => !row.breached));
});

test("traffic-stops-while-an-incident-fires: silent windows have rows of status insufficient with n 0", async () => {
  let now = T0;
  const config = modelConfig({
    name: "stops",
    task: "regression",
    windows: ["5m"],
    kpis: [{ name: "mean_x", sql: "avg(toFloat64(features.x))", max: 80 }],
  });
  const moving = { now: () => now, sleep: () => Promise.resolve() };
  const prepared = await prepareModel(lane, config, moving);
  const evaluation = createEvaluation({ store, models: [prepared], clock: moving });
  const window = (index: number, shift: number): WrittenEvent[] =>
    Array.from({ length: 500 }, (_, i) => ({
      kind: "prediction",
      id: `w${index}-${i}`,
      timestamp: T0 + (index - 1) * 5 * MINUTE + i * 500,
      prediction: 1,
      features: { x: (i % 100) + shift },
    }));
  now = T0 + 20 * MINUTE;
  const real = Date.now();
  await writeBatch(
    lane,
    config,
    prepared.schema,
    [...window(1, 0), ...window(2, 0), ...window(3, 60), ...window(4, 60)],
    { source: "stops", offset: 0, insertedAt: real },
  );
  // The partition has been idle since: event time goes on with the clock, but never past it.
  now = real + 30 * MINUTE;
  await evaluation.run();
  const found = (await readMetrics(lane, { model: "stops", window: "5m", where: sql`metric = 'mean_x'` })).sort(
    (a, b) => a.window_start - b.window_start,
  );
  assert.deepEqual(
    found.slice(0, 4).map((row) => row.value),
    [49.5, 49.5, 109.5, 109.5],
  );
  assert.deepEqual(
    found.slice(0, 4).map((row) => row.breached),
    [false, false, true, true],
  );
  assert.ok(found.length >= 9 && found.length <= 10, `${found.length} windows`);
  for (const row of found.slice(4))
    assert.deepEqual([row.status, row.value, row.n, row.breached], ["insufficient", null, 0, false]);
});
