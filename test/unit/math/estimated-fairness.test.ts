/** Groups' rates before labels, by hand. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { estimatedDifference, estimatedGroupRate, otherClass } from "../../../src/math/estimated-fairness.ts";

const expected = { tp: 80, fp: 20, fn: 40, tn: 60, decidedVariance: 16, otherVariance: 24 };
const group = { group: "a", expected, reference: { tp: 80, fp: 20, fn: 40, tn: 60 } };

test("rates of the expected confusion matrix, their error with that of the reference, and the rows that bear on them", () => {
  const precision = estimatedGroupRate("precision", group);
  assert.equal(precision?.value, 0.8);
  assert.equal(precision?.rows, 100);
  // sqrt(16) / 100 of the window, sqrt(0.8 · 0.2 / 100) of the reference.
  assert.ok(Math.abs((precision?.deviation ?? 0) - Math.hypot(0.04, 0.04)) < 1e-12);
  const odds = estimatedGroupRate("false_positive_rate", group);
  assert.equal(odds?.value, 0.25);
  assert.equal(odds?.rows, 80);
  assert.equal(estimatedGroupRate("true_positive_rate", group)?.value, 80 / 120);
  const none = { ...expected, tp: 0, fp: 0, decidedVariance: 0 };
  assert.equal(estimatedGroupRate("precision", { ...group, expected: none }), null);
});

test("the gap is that of the two farthest groups, with an interval for the choice among all pairs", () => {
  const rate = (name: string, value: number) => ({ group: name, value, deviation: 0.03, rows: 100 });
  const two = estimatedDifference([rate("a", 0.7), rate("b", 0.4)]);
  assert.ok(two !== null && Math.abs(two.value - 0.3) < 1e-12);
  assert.ok(Math.abs(two.upper - 0.3 - 1.959963984540054 * Math.hypot(0.03, 0.03)) < 1e-9);
  const three = estimatedDifference([rate("a", 0.7), rate("c", 0.5), rate("b", 0.4)]);
  assert.deepEqual([three?.highest, three?.lowest], ["a", "b"]);
  assert.ok((three?.upper ?? 0) > two.upper);
  assert.equal(estimatedDifference([rate("a", 0.7)]), null);
  assert.equal(estimatedDifference([rate("a", 0.5), rate("b", 0.49)])?.lower, 0);
});

test("with the other class as the favourable one, twice is as before", () => {
  assert.deepEqual(otherClass(otherClass(expected)), expected);
  assert.deepEqual(otherClass(expected), { tp: 60, fp: 40, fn: 20, tn: 80, decidedVariance: 24, otherVariance: 16 });
});
