/** Start weights by aspect: what is bet on gets the part that was asked for, and nothing else changes. */
import assert from "node:assert/strict";
import { test } from "node:test";
import type { Aspect } from "../../../src/sequential/directions.ts";
import { directionsOf } from "../../../src/sequential/directions.ts";
import { advance, initialState } from "../../../src/sequential/tilt-detector.ts";
import { noticePlan, type PlanOptions, pagePlan, type TiltPlan } from "../../../src/sequential/tilt-plan.ts";
import { DEFAULT_IGNORE_BELOW, tolerancesOf } from "../../../src/sequential/tolerance.ts";
import { rateStreamOf, streamOfWeights } from "../../support/streams.ts";

const stream = streamOfWeights("numeric", [1, 9, 90, ...Array.from({ length: 18 }, () => 500), 900, 90, 9, 1]);
const tiers: readonly (readonly [string, (options?: PlanOptions) => TiltPlan])[] = [
  ["notice", (options) => noticePlan(stream, options)],
  [
    "page",
    (options) => {
      const tolerances = tolerancesOf(stream, directionsOf(stream), { ignoreBelow: DEFAULT_IGNORE_BELOW });
      return pagePlan(stream, [{ weights: stream.weights, tolerances: tolerances.map(({ value }) => value) }], options);
    },
  ],
];

const startOf = ({ tilts, directions }: TiltPlan, wanted: (aspect: Aspect) => boolean) =>
  tilts
    .filter(({ direction }) => wanted(directions[direction]?.aspect ?? "rate"))
    .reduce((sum, { startWeight }) => sum + startWeight, 0);

for (const [tier, planOf] of tiers) {
  test(`${tier}: named aspects have their parts of the start, the others keep their proportions, the sum stays 1`, () => {
    const usual = planOf();
    const plan = planOf({ startParts: { mean: 0.5, scale: 0.2 } });
    assert.ok(Math.abs(startOf(plan, (aspect) => aspect === "mean") - 0.5) < 1e-12);
    assert.ok(Math.abs(startOf(plan, (aspect) => aspect === "scale") - 0.2) < 1e-12);
    assert.ok(Math.abs(startOf(plan, () => true) - 1) < 1e-12);
    const others = startOf(usual, (aspect) => aspect !== "mean" && aspect !== "scale");
    for (const [index, { direction, startWeight }] of plan.tilts.entries()) {
      const aspect = plan.directions[direction]?.aspect;
      if (aspect === "mean" || aspect === "scale") continue;
      const expected = ((usual.tilts[index]?.startWeight ?? 0) / others) * 0.3;
      assert.ok(Math.abs(startWeight - expected) < 1e-12);
      assert.ok(Math.abs(Math.exp(plan.logStart[index] ?? 0) - expected) < 1e-12);
    }
  });

  test(`${tier}: without parts, and with parts of aspects that the bank lacks, the start is the bank's own to the last bit`, () => {
    assert.deepEqual(planOf({ startParts: {} }).logStart, planOf().logStart);
    assert.deepEqual(planOf({ startParts: { category: 0.9 } }).logStart, planOf().logStart);
  });

  test(`${tier}: more of the start on the mean is more evidence for a shift of the mean`, () => {
    const scores = directionsOf(stream).find(({ aspect }) => aspect === "mean")?.score ?? [];
    const counts = stream.weights.map((rows, bin) => Math.round((rows / 10) * Math.exp(0.5 * (scores[bin] ?? 0))));
    const evidence = (plan: TiltPlan) => advance(plan, initialState(plan), { counts, weight: 1000 });
    const gained = evidence(planOf({ startParts: { mean: 0.6 } })) - evidence(planOf());
    assert.ok(gained > 0.3 && gained < Math.log(6), `${gained}`);
  });

  test(`${tier}: parts that leave nothing for the others, or are none, are refused`, () => {
    for (const startParts of [{ mean: 1 }, { mean: 0.6, scale: 0.5 }, { mean: 0 }, { mean: -0.1 }]) {
      assert.throws(() => planOf({ startParts }), RangeError);
    }
  });
}

test("a bank of one aspect has the whole start, whatever part it was given", () => {
  const plan = noticePlan(rateStreamOf("missing", 100, 10_000), { startParts: { rate: 0.3 } });
  const sum = plan.tilts.reduce((total, { startWeight }) => total + startWeight, 0);
  assert.ok(Math.abs(sum - 1) < 1e-12, `${sum}`);
});
