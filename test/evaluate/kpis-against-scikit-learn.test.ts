/** KPIs of several classes and of numbers, as scikit-learn computes them from the same rows (test/fixtures/golden/kpis.py). */
import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { after, test } from "node:test";
import { z } from "zod";
import type { Clock } from "../../src/core/clock.ts";
import { assertNear, findRow, openStage } from "../support/evaluation-stage.ts";
import type { WrittenEvent } from "../support/event-writer.ts";

const T0 = Date.parse("2026-03-02T10:00:00Z");
const HOUR = 3_600_000;
const clock: Clock = { now: () => T0 + 9 * HOUR, sleep: () => Promise.resolve() };
const stage = await openStage(clock);
after(() => stage.close());

const numbers = z.record(z.string(), z.number());
const golden = z
  .object({
    classes: z.array(z.string()),
    rows: z.array(z.object({ label: z.string(), prediction: z.string(), probabilities: numbers })),
    expected: numbers,
    per_class: z.record(z.string(), numbers),
    numbers: z.array(z.object({ label: z.number(), prediction: z.number() })),
    expected_numbers: numbers,
    delays: z.array(z.number()),
    expected_delays: numbers,
  })
  .parse(JSON.parse(await readFile("test/fixtures/golden/kpis.json", "utf8")));

/** Predictions within an hour, and their labels after it, so many seconds later each. */
function eventsOf(
  rows: readonly { label: number | string; prediction: number | string; probabilities?: Record<string, number> }[],
  delayOf: (row: number) => number,
): WrittenEvent[] {
  return rows.flatMap(({ label, ...prediction }, row) => {
    const timestamp = T0 + row * 1_000;
    const at = timestamp + Math.round(1000 * delayOf(row));
    return [
      { kind: "prediction", id: `${row}`, timestamp, features: {}, ...prediction },
      { kind: "label", id: `${row}`, timestamp: at, label },
    ] satisfies WrittenEvent[];
  });
}

const base = { windows: ["1h"], detectors: ["volume"], min_rows: 100 };
const detailOf = z.looseObject({
  plain: z.number().optional(),
  per_class: numbers.optional(),
  left_out: z.number().optional(),
  covered: z.number().optional(),
  sums: z.unknown().optional(),
});

test("several classes: macro and weighted means, ranks, areas and calibration", async () => {
  const { ece_plain: ecePlain, ...expected } = golden.expected;
  const kpis = [...Object.keys(expected), "ece"];
  const scene = await stage.scene({ ...base, name: "classes", task: "multiclass", classes: golden.classes, kpis });
  await scene.write(
    eventsOf(golden.rows, () => HOUR / 1000),
    0,
  );
  await scene.evaluation.run({ final: true });
  const rows = await scene.rows("1h");
  for (const [metric, value] of Object.entries(expected)) {
    const row = findRow(rows, T0, metric);
    assert.equal(row.status, "ok", `${metric}: ${row.detail}`);
    assertNear(row.value, value, 1e-9);
    if (row.lower !== null) assert.ok(row.lower < value && value < (row.upper ?? 0), metric);
  }
  const detail = (metric: string) => detailOf.parse(JSON.parse(findRow(rows, T0, metric).detail));
  for (const [metric, classes] of Object.entries(golden.per_class))
    for (const [name, value] of Object.entries(classes)) assertNear(detail(metric).per_class?.[name], value);
  assertNear(detail("ece").plain, ecePlain ?? Number.NaN, 1e-8);
  // Judged by window alone: the page tier has nothing to test.
  assert.equal(detail("ece").sums, undefined);
  for (const metric of ["precision", "recall", "weighted_recall", "top_3_accuracy", "ece"])
    assert.notEqual(findRow(rows, T0, metric).lower, null, metric);
});

test("numbers: bias, shares of the truth, the median error, a predicted quantile; and how late the labels were", async () => {
  const kpis = [
    "bias",
    "mape",
    "median_absolute_error",
    { use: "pinball_loss", quantile: 0.8 },
    "label_delay",
    { use: "label_delay_p90", max: 1800 },
  ];
  const scene = await stage.scene({ ...base, name: "numbers", task: "regression", kpis });
  await scene.write(
    eventsOf(golden.numbers, (row) => golden.delays[row] ?? 0),
    0,
  );
  await scene.evaluation.run({ final: true });
  const rows = await scene.rows("1h");
  const { left_out: leftOut, covered, ...expected } = golden.expected_numbers;
  for (const [metric, value] of Object.entries({ ...expected, ...golden.expected_delays })) {
    const row = findRow(rows, T0, metric);
    assert.equal(row.status, "ok", `${metric}: ${row.detail}`);
    assertNear(row.value, value, 1e-9 * Math.max(1, value));
    assert.ok((row.lower ?? Number.NaN) < value && value < (row.upper ?? Number.NaN), metric);
  }
  const detail = (metric: string) => detailOf.parse(JSON.parse(findRow(rows, T0, metric).detail));
  assert.equal(detail("mape").left_out, leftOut);
  assertNear(detail("pinball_loss").covered, covered ?? Number.NaN);
  assert.equal(findRow(rows, T0, "label_delay_p90").breached, true);
});

test("a mean of shares says nothing where many labels are near zero, and areas nothing without a class or probabilities", async () => {
  const near = golden.numbers.map((row, index) => ({ ...row, label: index % 10 === 0 ? 0 : row.label }));
  const zero = await stage.scene({ ...base, name: "zeros", task: "regression", kpis: ["mape"] });
  await zero.write(
    eventsOf(near, () => 1),
    0,
  );
  await zero.evaluation.run({ final: true });
  const row = findRow(await zero.rows("1h"), T0, "mape");
  assert.equal(row.status, "insufficient");
  assert.match(row.detail, /of 301 labels are too near to zero to divide by; look at mae/);

  const plain = golden.rows.map(({ label, prediction }) => ({ label, prediction }));
  const kpis = ["roc_auc", "ece", "top_2_accuracy", "label_delay"];
  const bare = await stage.scene({ ...base, name: "bare", task: "multiclass", classes: golden.classes, kpis });
  await bare.write(
    eventsOf(plain, () => 1),
    0,
  );
  await bare.evaluation.run({ final: true });
  const rows = await bare.rows("1h");
  for (const metric of ["roc_auc", "ece", "top_2_accuracy"]) {
    assert.equal(findRow(rows, T0, metric).status, "insufficient");
    assert.match(findRow(rows, T0, metric).detail, /probabilit/);
  }
  assert.equal(findRow(rows, T0, "label_delay").value, 1);
});
