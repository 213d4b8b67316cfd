/** Estimates before labels and fairness over windows, on the embedded engine: what is known when, and what is refused with a reason. */
import assert from "node:assert/strict";
import { after, test } from "node:test";
import { assertNear, findRow, openStage } from "../support/evaluation-stage.ts";
import { uniform } from "../support/golden.ts";
import { detailOf, labels, type Person, predictions } from "../support/scored-people.ts";

const T0 = Date.parse("2026-03-02T10:00:00Z");
const HOUR = 3_600_000;
const stage = await openStage({ now: () => T0 + 10 * HOUR, sleep: () => Promise.resolve() });
after(() => stage.close());

/** `chance`: of a positive label, by the score. Women are scored a little lower. */
function people(count: number, seed: number, chance: (score: number) => number): Person[] {
  const draw = uniform(seed);
  return Array.from({ length: count }, (_, index) => {
    const sex = index % 100 === 0 ? "x" : index % 2 === 0 ? "f" : "m";
    const score = draw() * (sex === "f" ? 0.8 : 1);
    return { sex, score, prediction: score >= 0.5 ? 1 : 0, label: draw() < chance(score) ? 1 : 0 };
  });
}

const base = { task: "binary", windows: ["1h"], detectors: ["volume"], min_rows: 100 };

test("an estimate and demographic parity are there before the labels, the rest comes with them, and nothing changes after", async () => {
  const file = await stage.referenceFile(
    "calibrated.ndjson",
    people(4000, 1, (score) => score),
  );
  const scene = await stage.scene({
    ...base,
    name: "credit",
    reference: { file },
    kpis: ["accuracy", "roc_auc", { use: "recall", min: 0.99 }, "ece"],
    fairness: { groups: ["sex"], max_difference: 0.05, min_ratio: 0.95 },
  });
  const rows = people(2000, 2, (score) => score);
  await scene.write(predictions(rows, T0), 0);
  await scene.evaluation.run({ final: true });
  const early = await scene.rows("1h");
  assert.equal(findRow(early, T0, "accuracy").status, "insufficient");
  const estimate = findRow(early, T0, "estimated_accuracy");
  const expected = rows.reduce((sum, { score, prediction }) => sum + (prediction === 1 ? score : 1 - score), 0) / 2000;
  assert.equal(estimate.status, "ok");
  assertNear(estimate.value, expected, 1e-8);
  assert.equal(estimate.n, 2000);
  assert.equal(estimate.coverage, 1);
  assert.equal(estimate.breached, false);
  assert.ok(
    (estimate.lower ?? 1) < expected && expected < (estimate.upper ?? 0) && (estimate.threshold ?? 1) < expected,
  );
  assert.equal(detailOf(estimate)["calibration"], "none needed");
  assert.equal(detailOf(estimate)["realised"], undefined);
  // The user's limit holds for the estimate too, but opens no incident by itself.
  const recall = findRow(early, T0, "estimated_recall");
  assert.equal(recall.threshold, 0.99);
  assert.equal(recall.breached, true);

  const parity = findRow(early, T0, "demographic_parity_difference", "sex");
  const selected = (sex: string) => {
    const group = rows.filter((row) => row.sex === sex);
    return group.reduce((sum, { prediction }) => sum + prediction, 0) / group.length;
  };
  assert.equal(parity.status, "ok");
  assertNear(parity.value, selected("m") - selected("f"), 1e-12);
  assert.equal(parity.breached, true);
  assert.deepEqual(detailOf(parity)["left_out"], ["x"]);
  assert.deepEqual([detailOf(parity)["highest"], detailOf(parity)["lowest"]], ["m", "f"]);
  const ratio = findRow(early, T0, "demographic_parity_ratio", "sex");
  assertNear(ratio.value, selected("f") / selected("m"), 1e-12);
  assert.equal(ratio.breached, true);
  const opportunity = findRow(early, T0, "equal_opportunity_difference", "sex");
  assert.equal(opportunity.status, "insufficient");
  assert.match(String(detailOf(opportunity)["reason"]), /^No group has 30 labelled rows/);

  await scene.write(labels(rows, T0, T0 + 2 * HOUR), 2000);
  await scene.evaluation.run({ final: true });
  const late = await scene.rows("1h");
  const realised = findRow(late, T0, "accuracy").value;
  assertNear(realised, rows.filter((row) => row.label === row.prediction).length / 2000);
  const told = findRow(late, T0, "estimated_accuracy");
  assert.equal(told.value, estimate.value);
  assert.equal(detailOf(told)["realised"], realised);
  assertNear(Number(detailOf(told)["error"]), expected - (realised ?? 0), 1e-8);
  const odds = findRow(late, T0, "equalised_odds_difference", "sex");
  assert.equal(odds.status, "ok");
  assert.equal(odds.coverage, 1);
  const truePositives = (sex: string) => {
    const group = rows.filter((row) => row.sex === sex && row.label === 1);
    return group.reduce((sum, { prediction }) => sum + prediction, 0) / group.length;
  };
  assertNear(
    findRow(late, T0, "equal_opportunity_difference", "sex").value,
    truePositives("m") - truePositives("f"),
    1e-12,
  );
  const ece = findRow(late, T0, "ece");
  assert.ok(ece.value !== null && ece.value < 0.02 && Number(detailOf(ece)["plain"]) > ece.value);
  assert.deepEqual(await scene.evaluation.run({ final: true }), []);
});

test("poorly calibrated scores are corrected by the reference", async () => {
  const curve = (score: number) => 0.2 * score * score;
  const file = await stage.referenceFile("poor.ndjson", people(8000, 3, curve));
  const scene = await stage.scene({ ...base, name: "poor", reference: { file }, kpis: ["accuracy"] });
  const rows = people(4000, 4, curve);
  await scene.write(predictions(rows, T0), 0);
  await scene.evaluation.run({ final: true });
  const row = findRow(await scene.rows("1h"), T0, "estimated_accuracy");
  const realised = rows.filter((one) => one.label === one.prediction).length / rows.length;
  const raw =
    rows.reduce((sum, { score, prediction }) => sum + (prediction === 1 ? score : 1 - score), 0) / rows.length;
  assert.equal(detailOf(row)["calibration"], "isotonic");
  assertNear(row.value, realised, 0.02);
  assert.ok(Math.abs(raw - realised) > 0.1, "the raw scores would have been far off");
});

test("scores that say nothing in their order are refused, with a reason", async () => {
  const file = await stage.referenceFile(
    "hopeless.ndjson",
    people(4000, 5, (score) => (score < 0.4 ? 0.9 : 0.1)),
  );
  const scene = await stage.scene({
    ...base,
    name: "hopeless",
    reference: { file },
    kpis: ["accuracy", "estimated_f1"],
  });
  await scene.write(
    predictions(
      people(500, 6, () => 0),
      T0,
    ),
    0,
  );
  await scene.evaluation.run({ final: true });
  const rows = await scene.rows("1h");
  const row = findRow(rows, T0, "estimated_f1");
  assert.equal(row.status, "insufficient");
  assert.equal(row.value, null);
  assert.equal(row.breached, false);
  assert.match(row.detail, /no probabilities|calibration error/);
  assert.equal(rows.filter((one) => one.metric === "estimated_accuracy").length, 0, "an estimate that is not listed");
});

test("a reference without labels or with few rows gives no estimates, and a listed one says why", async () => {
  const rows = people(4000, 7, (score) => score);
  const bare = await stage.referenceFile(
    "bare.ndjson",
    rows.map(({ sex, score, prediction }) => ({ sex, score, prediction })),
  );
  const few = await stage.referenceFile("few.ndjson", rows.slice(0, 300));
  for (const [name, file, reason] of [
    ["bare", bare, /no rows with a prediction, a label and a probability/],
    ["few", few, /has 300 rows with a score and a label/],
  ] as const) {
    const scene = await stage.scene({ ...base, name, reference: { file }, kpis: ["accuracy", "estimated_accuracy"] });
    await scene.write(predictions(rows.slice(0, 500), T0), 0);
    await scene.evaluation.run({ final: true });
    const row = findRow(await scene.rows("1h"), T0, "estimated_accuracy");
    assert.equal(row.status, "insufficient");
    assert.match(row.detail, reason);
  }
});

test("many classes: the expected confusion matrix from the probabilities of each", async () => {
  const classes = ["a", "b", "c"];
  const draw = uniform(9);
  const rows = Array.from({ length: 3000 }, () => {
    const raw = classes.map(() => draw() ** 3 + 0.01);
    const sum = raw.reduce((total, p) => total + p, 0);
    const p = raw.map((value) => value / sum);
    const u = draw();
    const label = u < (p[0] ?? 0) ? "a" : u < (p[0] ?? 0) + (p[1] ?? 0) ? "b" : "c";
    return { p, prediction: classes[p.indexOf(Math.max(...p))] ?? "a", label };
  });
  const file = await stage.referenceFile(
    "classes.ndjson",
    rows.map(({ p, prediction, label }) => ({ pa: p[0], pb: p[1], pc: p[2], prediction, label, x: 1 })),
  );
  const scene = await stage.scene({
    ...base,
    name: "classes",
    task: "multiclass",
    classes,
    reference: { file, probabilities: { a: "pa", b: "pb", c: "pc" } },
    kpis: ["accuracy", "f1"],
  });
  assert.deepEqual(
    scene.prepared.schema.features.map((feature) => feature.name),
    ["x"],
  );
  await scene.write(
    rows.map(({ p, prediction }, index) => ({
      kind: "prediction",
      id: `${index}`,
      timestamp: T0 + index * 100,
      prediction,
      probabilities: { a: p[0] ?? 0, b: p[1] ?? 0, c: p[2] ?? 0 },
      features: { x: 1 },
    })),
    0,
  );
  await scene.evaluation.run({ final: true });
  const found = await scene.rows("1h");
  const accuracy = findRow(found, T0, "estimated_accuracy");
  assertNear(accuracy.value, rows.reduce((sum, { p }) => sum + Math.max(...p), 0) / rows.length, 0.01);
  assert.ok((accuracy.threshold ?? 1) < (accuracy.value ?? 0));
  assert.equal(findRow(found, T0, "estimated_f1").status, "ok");
});

test("a group that is no category is an error that says what to do", async () => {
  const file = await stage.referenceFile(
    "numeric.ndjson",
    people(1000, 8, (score) => score),
  );
  const scene = await stage.scene({
    ...base,
    name: "numeric",
    reference: { file, features: ["sex"] },
    features: {},
    fairness: { groups: ["age"] },
  });
  await scene.write(
    predictions(
      people(300, 9, () => 0),
      T0,
    ),
    0,
  );
  await scene.evaluation.run({ final: true });
  const row = findRow(await scene.rows("1h"), T0, "demographic_parity_ratio", "age");
  assert.equal(row.status, "error");
  assert.match(row.detail, /The reference has no feature/);
});
