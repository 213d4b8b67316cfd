/** Confidence intervals of shares and of ROC-AUC. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { rocAucInterval } from "../../../src/math/roc-auc-interval.ts";
import { wilsonInterval } from "../../../src/math/wilson-interval.ts";

function close(actual: number, expected: number, tolerance = 1e-9): void {
  assert.ok(Math.abs(actual - expected) <= tolerance, `${actual} instead of ${expected}`);
}

test("Wilson's interval is that of the literature: 81 of 263, Newcombe (1998), table I", () => {
  const { lower, upper } = wilsonInterval(81, 263);
  close(lower, 0.2553, 5e-5);
  close(upper, 0.3662, 5e-5);
});

test("Wilson's interval is closed at 0 and 1 and has width there", () => {
  assert.equal(wilsonInterval(0, 20).lower, 0);
  close(wilsonInterval(0, 20).upper, 0.1611, 5e-5);
  assert.equal(wilsonInterval(20, 20).upper, 1);
  close(wilsonInterval(1, 29).lower, 0.0061, 5e-5);
});

test("Wilson's interval without rows is everything", () => {
  assert.deepEqual(wilsonInterval(0, 0), { lower: 0, upper: 1 });
});

test("the interval of a ROC-AUC is as wide as Hanley and McNeil's standard error says: area 0.893, 51 and 58, SE 0.032", () => {
  const { lower, upper } = rocAucInterval(0.893, 51, 58);
  close((upper - lower) / (2 * 1.959964), 0.032, 2e-3);
  assert.ok(0.893 - lower > upper - 0.893, "it reaches further to the middle");
});

test("the interval of a ROC-AUC stays inside 0..1, has width at the ends and narrows with rows", () => {
  const perfect = rocAucInterval(1, 100, 100);
  assert.equal(perfect.upper, 1);
  assert.ok(perfect.lower > 0.95 && perfect.lower < 1, `${perfect.lower}`);
  const worst = rocAucInterval(0, 100, 100);
  assert.equal(worst.lower, 0);
  assert.ok(rocAucInterval(0.8, 1000, 1000).lower > rocAucInterval(0.8, 100, 100).lower);
  assert.deepEqual(rocAucInterval(0.5, 0, 100), { lower: 0, upper: 1 });
});
