/** Group fairness by hand, and its intervals against published examples and simulation. fairlearn's values are among the golden cases. */
import assert from "node:assert/strict";
import { test } from "node:test";
import {
  equalisedOddsDifference,
  type GroupCounts,
  rateDifference,
  rateRatio,
} from "../../../src/math/group-fairness.ts";
import { shareDifferenceInterval, shareRatioInterval } from "../../../src/math/share-intervals.ts";
import { uniform } from "../../support/golden.ts";

const group = (name: string, tp: number, fp: number, fn: number, tn: number): GroupCounts => ({
  group: name,
  rows: tp + fp + fn + tn,
  selected: tp + fp,
  tp,
  fp,
  fn,
  tn,
});

test("the farthest groups are named, and the interval holds the value", () => {
  const groups = [group("a", 40, 10, 10, 40), group("b", 20, 20, 30, 30), group("c", 45, 15, 5, 35)];
  const gap = rateDifference("selection_rate", groups);
  assert.ok(gap);
  assert.deepEqual([gap.highest, gap.lowest], ["c", "b"]);
  assert.ok(Math.abs(gap.value - 0.2) < 1e-12 && gap.lower < gap.value && gap.value < gap.upper && gap.lower > 0);
  const ratio = rateRatio("selection_rate", groups);
  assert.ok(ratio && Math.abs(ratio.value - 2 / 3) < 1e-12 && ratio.lower < ratio.value && ratio.upper < 1);
  assert.equal(equalisedOddsDifference(groups)?.rate, "true_positive_rate");
  assert.ok(Math.abs((rateDifference("precision", groups)?.value ?? 0) - (0.8 - 0.5)) < 1e-12);
});

test("one group, or groups without the rate, have no gap", () => {
  assert.equal(rateDifference("selection_rate", [group("a", 1, 1, 1, 1)]), null);
  assert.equal(rateDifference("true_positive_rate", [group("a", 1, 1, 1, 1), group("b", 0, 3, 0, 4)]), null);
  assert.equal(rateRatio("selection_rate", [group("a", 0, 0, 3, 4), group("b", 0, 0, 1, 1)]), null);
  assert.equal(rateRatio("selection_rate", [group("a", 3, 0, 3, 4), group("b", 0, 0, 1, 1)])?.value, 0);
});

test("Newcombe's published examples of a difference of shares", () => {
  // Newcombe 1998, table II, method 10: 56/70 − 48/80, 9/10 − 3/10, 10/10 − 0/10.
  const cases = [
    [56, 70, 48, 80, 0.0524, 0.3339],
    [9, 10, 3, 10, 0.1705, 0.809],
    [10, 10, 0, 10, 0.6075, 1],
  ] as const;
  for (const [a, m, b, n, lower, upper] of cases) {
    const found = shareDifferenceInterval({ of: a, rows: m }, { of: b, rows: n });
    assert.ok(Math.abs(found.lower - lower) < 5e-5 && Math.abs(found.upper - upper) < 5e-5, JSON.stringify(found));
  }
  assert.deepEqual(shareDifferenceInterval({ of: 0, rows: 0 }, { of: 1, rows: 2 }), { lower: -1, upper: 1 });
});

test("the interval of a ratio holds the true one in 95 % of samples, about", () => {
  const draw = uniform(19);
  const count = (n: number, p: number) => {
    let of = 0;
    for (let row = 0; row < n; row++) if (draw() < p) of++;
    return { of, rows: n };
  };
  let held = 0;
  for (let round = 0; round < 2000; round++) {
    const { lower, upper } = shareRatioInterval(count(150, 0.24), count(300, 0.3));
    if (lower <= 0.8 && 0.8 <= upper) held++;
  }
  assert.ok(held / 2000 > 0.93 && held / 2000 < 0.97, `${held / 2000}`);
  assert.equal(shareRatioInterval({ of: 0, rows: 50 }, { of: 5, rows: 50 }).lower, 0);
});
