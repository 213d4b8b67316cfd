/** What becomes of estimates and labels that are not to be believed: verdicts, rules that hold back, fairness before labels, labels that are not like the rest. */
import assert from "node:assert/strict";
import { after, test } from "node:test";
import { z } from "zod";
import { createAlerting } from "../../src/alert/alerting.ts";
import type { MetricRow } from "../../src/core/metric.ts";
import { assertNear, findRow, openStage, type Scene } from "../support/evaluation-stage.ts";
import type { WrittenEvent } from "../support/event-writer.ts";
import { uniform } from "../support/golden.ts";
import { detailOf, labels, type Person, predictions } from "../support/scored-people.ts";

const T0 = Date.parse("2026-03-02T10:00:00Z");
const HOUR = 3_600_000;
const clock = { now: () => T0 + 40 * HOUR, sleep: () => Promise.resolve() };
const stage = await openStage(clock);
after(() => stage.close());

/** `chance`: of a positive label. A woman's score of s means 0.8 s: the same score says another thing in each group. */
function people(
  count: number,
  seed: number,
  chance: (score: number, sex: string) => number = (score, sex) => (sex === "f" ? 0.8 * score : score),
): Person[] {
  const draw = uniform(seed);
  return Array.from({ length: count }, (_, index) => {
    const sex = index % 50 === 0 ? "x" : index % 2 === 0 ? "f" : "m";
    const score = draw();
    return { sex, score, prediction: score >= 0.5 ? 1 : 0, label: draw() < chance(score, sex) ? 1 : 0 };
  });
}

// What is asked here is what the rules do; the page tier would tell of the same falls.
const base = { false_alarms: "off", task: "binary", windows: ["1h"], detectors: ["volume"], min_rows: 100 };

function alertingOf(scene: Scene) {
  return createAlerting({
    lane: stage.lane,
    models: [scene.config],
    clock,
    planners: [],
    enqueue: () => Promise.resolve(),
  });
}

test("an estimate that has missed the labels breaches nothing and fires no rule until three windows with labels were met", async () => {
  const file = await stage.referenceFile(
    "held.ndjson",
    people(4000, 1, (score) => score),
  );
  const scene = await stage.scene({
    ...base,
    name: "held",
    reference: { file },
    kpis: ["accuracy"],
    alerts: { rules: [{ name: "low", metric: "estimated_accuracy", below: 0.99 }] },
  });
  // Window 1 ends otherwise than its scores say; the others as they say. All are hard cases: the estimate lies below its threshold.
  const hard = (count: number, seed: number, chance: (score: number) => number) =>
    people(count, seed, chance).map((row) => ({ ...row, score: 0.3 + 0.4 * row.score }));
  const windows = Array.from({ length: 6 }, (_, index) => {
    const draw = uniform(100 + index);
    return hard(1500, 10 + index, (score) => score).map((row) => ({
      ...row,
      prediction: row.score >= 0.5 ? 1 : 0,
      label: draw() < (index === 1 ? (row.score >= 0.5 ? 0.95 : 0.05) : row.score) ? 1 : 0,
    }));
  });
  const start = (index: number) => T0 + index * HOUR;
  let offset = 0;
  const write = async (events: readonly WrittenEvent[]) => {
    await scene.write(events, offset);
    offset += events.length;
  };
  for (const [index, rows] of windows.entries()) await write(predictions(rows, start(index)));
  await scene.evaluation.run({ final: true });
  const early = await scene.rows("1h");
  for (let index = 0; index < 6; index++) {
    const row = findRow(early, start(index), "estimated_accuracy");
    assert.equal(row.breached, true, `window ${index}: ${row.value} of ${row.threshold}`);
    assert.equal(detailOf(row)["reliability"], undefined);
  }
  const alerting = alertingOf(scene);
  const opened = await alerting.process("held");
  assert.deepEqual(
    opened.map(({ kind }) => kind),
    ["opened"],
  );

  // Labels of the first three windows come: the second was missed, so nothing from there on is believed, until it is too long ago.
  for (const index of [0, 1, 2]) await write(labels(windows[index] ?? [], start(index), T0 + 20 * HOUR));
  await scene.evaluation.run({ final: true });
  const held = await scene.rows("1h");
  const verdicts = (rows: readonly MetricRow[]) =>
    windows.map((_, index) => {
      const row = findRow(rows, start(index), "estimated_accuracy");
      return [
        (detailOf(row)["reliability"] as { verdict?: string } | undefined)?.verdict,
        row.breached,
        detailOf(row)["held_back"],
      ];
    });
  const isHeld = ["unreliable", false, true];
  assert.deepEqual(verdicts(held), [["reliable", true, undefined], isHeld, isHeld, isHeld, isHeld, isHeld]);
  assert.equal(
    findRow(held, start(5), "estimated_accuracy").value,
    findRow(early, start(5), "estimated_accuracy").value,
  );
  assert.deepEqual(await scene.evaluation.run({ final: true }), [], "nothing changes when it is evaluated again");

  const after = await alerting.process("held");
  const incident = after.at(-1)?.incident;
  assert.equal(incident?.state, "insufficient_data", "what went on is undecided, not confirmed");
  assert.equal(incident?.members[0]?.data_missing, true);

  for (const index of [3, 4]) await write(labels(windows[index] ?? [], start(index), T0 + 22 * HOUR));
  await scene.evaluation.run({ final: true });
  assert.deepEqual(verdicts(await scene.rows("1h")).slice(3), [
    isHeld,
    ["reliable", true, undefined],
    ["reliable", true, undefined],
  ]);
});

test("a rule on an estimate never fires while the estimate is unreliable", async () => {
  const file = await stage.referenceFile(
    "quiet.ndjson",
    people(4000, 1, (score) => score),
  );
  const scene = await stage.scene({
    ...base,
    name: "quiet",
    reference: { file },
    kpis: ["accuracy"],
    alerts: { rules: [{ name: "low", metric: "estimated_accuracy", below: 0.6 }] },
  });
  const fine = people(1500, 20, (score) => 1 - score);
  const hard = people(1500, 21, (score) => score).map((row) => ({ ...row, score: 0.5 }));
  await scene.write(predictions(fine, T0), 0);
  await scene.write(labels(fine, T0, T0 + HOUR), 1500);
  await scene.evaluation.run({ final: true });
  await scene.write(predictions(hard, T0 + HOUR), 3000);
  await scene.evaluation.run({ final: true });
  const row = findRow(await scene.rows("1h"), T0 + HOUR, "estimated_accuracy");
  assert.ok((row.value ?? 1) < 0.6);
  assert.deepEqual(await alertingOf(scene).process("quiet"), []);
});

test("equal opportunity, odds and predictive parity are estimated before labels, by each group's own calibration", async () => {
  const file = await stage.referenceFile("fair.ndjson", people(12_000, 1));
  const scene = await stage.scene({
    ...base,
    name: "fair",
    reference: { file },
    kpis: ["accuracy"],
    fairness: { groups: ["sex"], max_difference: 0.05 },
  });
  const rows = people(6000, 2);
  await scene.write(predictions(rows, T0), 0);
  await scene.evaluation.run({ final: true });
  const early = await scene.rows("1h");
  const of = (sex: string, bears: (row: Person) => boolean, counts: (row: Person) => boolean) => {
    const group = rows.filter((row) => row.sex === sex && bears(row));
    return group.filter(counts).length / group.length;
  };
  const precision = (sex: string) =>
    of(
      sex,
      (row) => row.prediction === 1,
      (row) => row.label === 1,
    );
  const opportunity = (sex: string) =>
    of(
      sex,
      (row) => row.label === 1,
      (row) => row.prediction === 1,
    );
  const parity = findRow(early, T0, "estimated_predictive_parity_difference", "sex");
  assert.equal(parity.status, "ok");
  assert.equal(parity.coverage, 1);
  assertNear(parity.value, precision("m") - precision("f"), 0.04);
  assert.ok((parity.value ?? 0) > 0.1, "one calibration for all would find no gap");
  assert.ok((parity.lower ?? 1) > 0.05 && parity.breached);
  assert.deepEqual([detailOf(parity)["highest"], detailOf(parity)["lowest"]], ["m", "f"]);
  assert.deepEqual(detailOf(parity)["left_out"], ["x"]);
  const equal = findRow(early, T0, "estimated_equal_opportunity_difference", "sex");
  assertNear(equal.value, Math.abs(opportunity("m") - opportunity("f")), 0.04);
  assert.equal(equal.breached, false);
  assert.equal(findRow(early, T0, "equal_opportunity_difference", "sex").status, "insufficient");
  assert.equal(findRow(early, T0, "estimated_equalised_odds_difference", "sex").status, "ok");

  await scene.write(labels(rows, T0, T0 + 2 * HOUR), 6000);
  await scene.evaluation.run({ final: true });
  const late = await scene.rows("1h");
  const told = findRow(late, T0, "estimated_predictive_parity_difference", "sex");
  assert.equal(detailOf(told)["realised"], findRow(late, T0, "predictive_parity_difference", "sex").value);
  assert.equal(detailOf(told)["missed"], false);
  assert.equal((detailOf(told)["reliability"] as { verdict: string }).verdict, "reliable");
  const rates = detailOf(findRow(late, T0, "predictive_parity_difference", "sex"));
  assert.deepEqual(
    Object.keys(rates["intervals"] as object).sort(),
    ["f", "m", "x"].filter((sex) => sex in (rates["rates"] as object)),
  );
  assert.deepEqual(await scene.evaluation.run({ final: true }), []);
});

test("labels that come for easy cases first: a warning, and the KPI as it is for all rows", async () => {
  const file = await stage.referenceFile(
    "partial.ndjson",
    people(4000, 1, (score) => score),
  );
  const scene = await stage.scene({
    ...base,
    name: "partial",
    reference: { file },
    kpis: ["accuracy", "f1", "brier", "roc_auc"],
  });
  const rows = people(6000, 3, (score) => score);
  const draw = uniform(77);
  // A score near 0.5 has its label in one case of ten, others in nine of ten.
  const isThere = ({ score }: Person) => draw() < (Math.abs(score - 0.5) < 0.3 ? 0.1 : 0.9);
  await scene.write(predictions(rows, T0), 0);
  await scene.write(labels(rows, T0, T0 + HOUR, isThere), 6000);
  const evenly = people(4000, 4, (score) => score);
  await scene.write(predictions(evenly, T0 + HOUR), 12_000);
  await scene.write(
    labels(evenly, T0 + HOUR, T0 + 2 * HOUR, (_, index) => index % 3 === 0),
    16_000,
  );
  await scene.evaluation.run({ final: true });
  const found = await scene.rows("1h");
  const whole = rows.filter((row) => row.label === row.prediction).length / rows.length;
  const accuracy = findRow(found, T0, "accuracy");
  const detail = detailOf(accuracy);
  const weighted = detail["weighted"] as { value: number; lower: number; upper: number };
  assert.ok((accuracy.value ?? 0) - whole > 0.05, `${accuracy.value} of ${whole}`);
  assertNear(weighted.value, whole, 0.03);
  assert.ok(weighted.lower < whole && whole < weighted.upper);
  assert.match(String(detail["warning"]), /not like the rest/);
  const unlike = detail["labelled_unlike"] as { moved: number; p_value: number; effective_rows: number };
  assert.ok(unlike.moved > 0.1 && unlike.p_value < 0.001);
  assert.ok(unlike.effective_rows > 50 && unlike.effective_rows < accuracy.n);
  const brier = detailOf(findRow(found, T0, "brier"))["weighted"] as { value: number };
  assertNear(brier.value, rows.reduce((sum, { score, label }) => sum + (score - label) ** 2, 0) / rows.length, 0.02);
  const area = detailOf(findRow(found, T0, "roc_auc"));
  assert.ok("warning" in area && !("weighted" in area));
  for (const kpi of ["accuracy", "f1", "brier"])
    assert.equal("warning" in detailOf(findRow(found, T0 + HOUR, kpi)), false, `${kpi}: labels that come evenly`);
});

test("labels that come for one segment: found by the feature, weighted by it where that is declared", async () => {
  const file = await stage.referenceFile("segment.ndjson", people(4000, 1));
  // Of women the score says nothing: they are right half of the time.
  const rows = people(6000, 5, (score, sex) => (sex === "f" ? 0.5 : score));
  const draw = uniform(78);
  const isThere = ({ sex }: Person) => draw() < (sex === "f" ? 0.05 : 0.9);
  const there = labels(rows, T0, T0 + HOUR, isThere);
  const whole = rows.filter((row) => row.label === row.prediction).length / rows.length;
  for (const [name, more] of [
    ["segment-plain", {}],
    ["segment-weighed", { weigh_labels_by: "sex" }],
  ] as const) {
    const scene = await stage.scene({ ...base, name, reference: { file }, kpis: ["accuracy"], ...more });
    await scene.write(predictions(rows, T0), 0);
    await scene.write(there, 6000);
    await scene.evaluation.run({ final: true });
    const row = findRow(await scene.rows("1h"), T0, "accuracy");
    const detail = detailOf(row);
    const unlike = detail["labelled_unlike"] as { moved: number; features: string[] };
    assert.deepEqual(unlike.features, ["sex"]);
    assert.equal(unlike.moved > 0.2, name === "segment-weighed");
    if (name === "segment-weighed") {
      const { value } = z.object({ value: z.number() }).parse(detail["weighted"]);
      assertNear(value, whole, 0.04);
      assert.ok(
        Math.abs(value - whole) < Math.abs((row.value ?? 9) - whole) / 2,
        `${row.value}, weighted ${value}, ${whole}`,
      );
    }
  }
});
