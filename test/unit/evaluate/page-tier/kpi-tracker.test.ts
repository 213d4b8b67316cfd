/** KPIs against their bounds in the page tier. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { type KpiStates, takeKpiSteps } from "../../../../src/evaluate/page-tier/kpi-tracker.ts";
import { uniform } from "../../../support/golden.ts";
import { HOUR, loadedReference, planOf } from "../../../support/page-tier.ts";

const plan = planOf({ kpis: [{ use: "accuracy", min: 0.8 }] });

/** Windows of 200 labels each with these error rates; what each says. */
function run(rates: readonly number[], seed: number) {
  const draw = uniform(seed);
  const states: KpiStates = new Map();
  return rates.map((rate, hour) => {
    let bad = 0;
    for (let event = 0; event < 200; event++) bad += Number(draw() < rate);
    const step = { metric: "accuracy", start: hour * HOUR, end: (hour + 1) * HOUR, bad, good: 200 - bad };
    const [outcome] = takeKpiSteps(plan, states, [step]);
    assert.ok(outcome !== undefined && outcome !== null);
    return outcome;
  });
}

const rates = (...parts: readonly (readonly [number, number])[]) =>
  parts.flatMap(([rate, windows]) => Array.from({ length: windows }, () => rate));

test("the limit of a KPI is its bound, and it has a quarter of the budget", () => {
  assert.deepEqual(plan.kpis, [{ metric: "accuracy", isGood: true, bound: 1 - 0.8, source: "limit", share: 0.25 }]);
});

test("at the bound itself there is no alarm in a thousand windows", () => {
  for (const [hour, { changed }] of run(rates([0.2, 1000]), 3).entries()) assert.equal(changed, undefined, `${hour}`);
});

test("a fall is told with its onset and size, and goes back when the KPI has recovered", () => {
  const outcomes = run(rates([0.15, 20], [0.35, 10], [0.15, 20]), 5);
  const first = outcomes.findIndex(({ changed }) => changed !== undefined);
  assert.ok(first >= 20 && first <= 23, `${first}`);
  const { changed } = outcomes[first] ?? {};
  assert.equal(changed?.onset, 20 * HOUR);
  assert.match(changed?.finding ?? "", /^fell to 0\.[67]\d*, below its limit 0\.8$/);
  const over = outcomes.findIndex((outcome) => outcome.over !== undefined);
  assert.ok(over > 30 && over <= 36, `${over}`);
  assert.ok(outcomes.slice(over).every((outcome) => outcome.changed === undefined));
});

test("without a limit the reference's accuracy less what does not matter is the bound", () => {
  const half = [0, 800, 0, 200, 0, 0];
  const positives = [0, 80, 0, 190, 0, 0];
  const rows = [...half.slice(0, 3), ...half.slice(3)];
  const labelledScores = [
    {
      positive: "1",
      rows: rows.map((n) => n * 10),
      positives: positives.map((n) => n * 10),
      means: rows.map(() => 0.5),
    },
  ];
  const found = planOf({ kpis: ["accuracy"] }, loadedReference(100_000, { labelledScores })).kpis.find(
    ({ metric }) => metric === "accuracy",
  );
  // 720 of 800 and 190 of 200 are right: 0.91.
  assert.equal(found?.source, "reference");
  assert.ok(Math.abs((found?.bound ?? 0) - (0.09 + 0.03)) < 1e-12);
});

test("what several KPIs of a window show together is told with less evidence of each", () => {
  const both = planOf({
    kpis: [
      { use: "recall", min: 0.8 },
      { use: "precision", min: 0.8 },
    ],
  });
  const step = (metric: string, hour: number) => ({
    metric,
    start: hour * HOUR,
    end: (hour + 1) * HOUR,
    bad: 60,
    good: 140,
  });
  const told = (metrics: readonly string[]) => {
    const states: KpiStates = new Map();
    for (let hour = 0; ; hour++) {
      const outcomes = takeKpiSteps(
        both,
        states,
        metrics.map((metric) => step(metric, hour)),
      );
      if (outcomes.some((outcome) => outcome?.changed !== undefined))
        return { hour, count: outcomes.filter((outcome) => outcome?.changed !== undefined).length };
    }
  };
  const alone = told(["recall"]);
  const together = told(["precision", "recall"]);
  assert.ok(together.hour <= alone.hour);
  assert.deepEqual([alone.count, together.count], [1, 2]);
});

test("two-sided calibration is told on either side, and the leading one says which", () => {
  const ece = planOf({ kpis: [{ use: "ece", max: 0.03 }] });
  for (const [bad, words] of [
    [115, /^labels are positive 15 points more often/],
    [85, /^labels are positive 15 points less often/],
  ] as const) {
    const states: KpiStates = new Map();
    const found = Array.from({ length: 40 }, (_, hour) =>
      takeKpiSteps(ece, states, [{ metric: "ece", start: hour * HOUR, end: (hour + 1) * HOUR, bad, good: 200 - bad }]),
    ).find(([outcome]) => outcome?.changed !== undefined);
    assert.match(found?.[0]?.changed?.finding ?? "", words);
    assert.equal(found?.[0]?.changed?.onset, 0);
  }
});
