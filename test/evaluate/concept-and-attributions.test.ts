/** Concept drift once labels are there, and attributions against those of the reference, on the embedded engine. */
import assert from "node:assert/strict";
import { after, test } from "node:test";
import type { MetricRow } from "../../src/core/metric.ts";
import { readReference } from "../../src/evaluate/references/stored-reference.ts";
import { normalisedDiscountedGain } from "../../src/math/normalised-discounted-gain.ts";
import { assertNear, findRow, openStage } from "../support/evaluation-stage.ts";
import type { WrittenEvent } from "../support/event-writer.ts";
import { uniform } from "../support/golden.ts";

const T0 = Date.parse("2026-03-02T10:00:00Z");
const HOUR = 3_600_000;
const stage = await openStage({ now: () => T0 + 10 * HOUR, sleep: () => Promise.resolve() });
after(() => stage.close());

const detailOf = (row: MetricRow): Record<string, unknown> => JSON.parse(row.detail);

/** Scores that are exact probabilities, but for `extra`; `power` moves the scores alone. */
function scored(rows: number, seed: number, extra = 0, power = 1) {
  const draw = uniform(seed);
  return Array.from({ length: rows }, () => {
    const score = draw() ** power;
    return { score, prediction: score >= 0.5 ? 1 : 0, label: draw() < Math.min(1, score + extra) ? 1 : 0 };
  });
}

const predictionsOf = (rows: ReturnType<typeof scored>, start: number): WrittenEvent[] =>
  rows.map(({ score, prediction }, index) => ({
    kind: "prediction",
    id: `${start}-${index}`,
    timestamp: start + index * 500,
    prediction,
    score,
    features: { x: 1 },
  }));

const labelsOf = (rows: ReturnType<typeof scored>, start: number): WrittenEvent[] =>
  rows.map(({ label }, index) => ({ kind: "label", id: `${start}-${index}`, timestamp: start + HOUR + index, label }));

test("concept drift: not before the labels, not for other scores, and by as much as equal scores come true more often", async () => {
  const file = await stage.referenceFile(
    "scored.ndjson",
    scored(5000, 1).map((row) => ({ ...row, x: 1 })),
  );
  const scene = await stage.scene({
    name: "concept",
    task: "binary",
    windows: ["1h"],
    reference: { file },
    kpis: ["accuracy"],
    detectors: ["volume"],
  });
  const windows = [scored(4000, 2), scored(4000, 3, 0, 2), scored(4000, 4, 0.1)];
  for (const [hour, rows] of windows.entries()) await scene.write(predictionsOf(rows, T0 + hour * HOUR), hour * 10_000);
  await scene.evaluation.run({ final: true });
  const early = findRow(await scene.rows("1h"), T0, "concept-drift");
  assert.equal(early.status, "insufficient");
  assert.equal(early.value, null);
  assert.equal(early.breached, false);
  for (const [hour, rows] of windows.entries())
    await scene.write(labelsOf(rows, T0 + hour * HOUR), 100_000 + hour * 10_000);
  await scene.evaluation.run({ final: true });
  const rows = await scene.rows("1h");
  const [same, other, drifted] = windows.map((_, hour) => findRow(rows, T0 + hour * HOUR, "concept-drift"));
  assert.ok(same !== undefined && other !== undefined && drifted !== undefined);
  for (const row of [same, other]) {
    assert.equal(row.breached, false, row.detail);
    assert.equal(row.coverage, 1);
    assert.equal(row.n, 4000);
    assert.ok((row.value ?? 1) < (row.threshold ?? 0));
  }
  assert.equal(drifted.breached, true);
  const turned = windows[2] ?? [];
  const more = turned.reduce((sum, { label, score }) => sum + label - score, 0) / turned.length;
  assert.ok(more > 0.07);
  assertNear(drifted.value, more, 0.01);
  assert.ok(Number(detailOf(drifted)["upper99"]) < 0.05);
  assert.equal(Array(detailOf(drifted)["bins"]).flat().length, 10);
  assert.deepEqual(await scene.evaluation.run({ final: true }), [], "a second run changes nothing");
});

test("a shift beyond chance but too small to matter does not breach, nor does one of which few labels are there", async () => {
  const file = await stage.referenceFile(
    "large.ndjson",
    scored(60_000, 5).map((row) => ({ ...row, x: 1 })),
  );
  const scene = await stage.scene({
    name: "small",
    task: "binary",
    windows: ["1h"],
    reference: { file },
    kpis: ["accuracy"],
    detectors: ["volume"],
  });
  const slight = scored(7000, 6, 0.004);
  const large = scored(4000, 7, 0.2);
  await scene.write(predictionsOf(slight, T0), 0);
  await scene.write(labelsOf(slight, T0), 10_000);
  await scene.write(predictionsOf(large, T0 + HOUR), 20_000);
  await scene.write(labelsOf(large, T0 + HOUR).slice(0, 2000), 30_000);
  await scene.evaluation.run({ final: true });
  const rows = await scene.rows("1h");
  const row = findRow(rows, T0, "concept-drift");
  assert.equal(row.breached, false);
  assert.ok((row.threshold ?? 0) >= 0.02);
  const half = findRow(rows, T0 + HOUR, "concept-drift");
  assert.ok((half.value ?? 0) > (half.threshold ?? 1));
  assert.equal(half.breached, false);
  assert.match(half.detail, /not_judged/);
});

const FEATURES = ["a", "b", "c", "d", "e"];

/** Attributions of sizes about `sizes`, of either sign. */
function attributed(rows: number, seed: number, sizes: readonly number[]): Record<string, number>[] {
  const draw = uniform(seed);
  return Array.from({ length: rows }, () =>
    Object.fromEntries(FEATURES.map((feature, index) => [feature, (sizes[index] ?? 1) * (draw() * 2 - 1)])),
  );
}

test("attributions: the order of the features against the reference's, and each attribution as a stream of its own", async () => {
  const sizes = [8, 4, 2, 1, 0.5];
  const reference = attributed(3000, 8, sizes);
  const file = await stage.referenceFile(
    "attributed.ndjson",
    reference.map((row) => ({
      ...Object.fromEntries(FEATURES.map((feature) => [`shap_${feature}`, row[feature]])),
      ...Object.fromEntries(FEATURES.map((feature) => [feature, 1])),
      prediction: 1,
    })),
  );
  const scene = await stage.scene({
    name: "attributed",
    task: "regression",
    windows: ["1h"],
    reference: { file, attributions: "shap_*" },
    detectors: ["jensen-shannon", "missing-rate"],
  });
  assert.deepEqual(
    scene.prepared.schema.features.map(({ name }) => name),
    FEATURES,
    "a column of attributions is no feature",
  );
  const hours = [sizes, [0.5, 1, 2, 4, 8]].map((now, hour) => attributed(2000, 20 + hour, now));
  for (const [hour, rows] of hours.entries())
    await scene.write(
      rows.map((attributions, index) => ({
        kind: "prediction",
        id: `${hour}-${index}`,
        timestamp: T0 + hour * HOUR + index * 1000,
        prediction: 1,
        features: Object.fromEntries(FEATURES.map((feature) => [feature, 1])),
        // Half of the predictions are not explained.
        ...(index % 2 === 0 ? { attributions } : {}),
      })),
      hour * 10_000,
    );
  await scene.evaluation.run({ final: true });
  const rows = await scene.rows("1h");
  const steady = findRow(rows, T0, "attribution-ranking");
  assert.equal(steady.n, 1000);
  assertNear(steady.value, 1, 1e-9);
  assert.equal(steady.breached, false);
  const turned = findRow(rows, T0 + HOUR, "attribution-ranking");
  const mean = (list: readonly Record<string, number>[]) =>
    FEATURES.map((feature) => list.reduce((sum, row) => sum + Math.abs(row[feature] ?? 0), 0) / list.length);
  const expected = normalisedDiscountedGain(
    mean(reference),
    mean((hours[1] ?? []).filter((_, index) => index % 2 === 0)),
  );
  assertNear(turned.value, expected, 1e-6);
  assert.equal(turned.breached, true);
  assert.equal(turned.threshold, 0.9);
  const stream = (hour: number) =>
    rows.filter((row) => row.subject_kind === "attribution" && row.window_start === T0 + hour * HOUR);
  assert.deepEqual([...new Set(stream(0).map(({ metric }) => metric))], ["jensen-shannon"]);
  assert.deepEqual(
    stream(0).map(({ breached, n }) => [breached, n]),
    FEATURES.map(() => [false, 1000]),
  );
  const moved = stream(1).filter(({ breached }) => breached);
  assert.deepEqual(moved.map(({ subject }) => subject).sort(), ["a", "b", "d", "e"]);
  const stored = await readReference(stage.lane, "attributed");
  assert.deepEqual(
    stored?.importances.toSorted((x, y) => (x.feature < y.feature ? -1 : 1)),
    scene.prepared.reference?.importances.toSorted((x, y) => (x.feature < y.feature ? -1 : 1)),
  );
});
