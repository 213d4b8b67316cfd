import assert from "node:assert/strict";
import { test } from "node:test";
import { inControlScale, standardScore } from "../../../src/math/in-control-scale.ts";
import { noMoments, type RunningMoments, standardDeviation, withValue } from "../../../src/math/running-moments.ts";

const moments = (values: readonly number[]): RunningMoments => values.reduce(withValue, noMoments);

test("mean and standard deviation of a stream are those of its values", () => {
  const { mean, count, squares } = moments([2, 4, 4, 4, 5, 5, 7, 9]);
  assert.deepEqual([count, mean, squares], [8, 5, 32]);
  assert.equal(standardDeviation(moments([2, 4, 4, 4, 5, 5, 7, 9])), Math.sqrt(32 / 7));
  assert.equal(standardDeviation(moments([3])), 0);
  assert.equal(standardDeviation(noMoments), 0);
});

test("the variance of large numbers that differ little does not cancel", () => {
  assert.ok(Math.abs(standardDeviation(moments([1e9 + 1, 1e9 + 2, 1e9 + 3])) - 1) < 1e-9);
});

test("a scale is what is given, or learned from enough values that are not all equal", () => {
  const learning = { target: null, standard_deviation: null, min_values: 3 };
  assert.equal(inControlScale(learning, moments([1, 2])), undefined);
  assert.deepEqual(inControlScale(learning, moments([1, 2, 3])), { target: 2, standardDeviation: 1 });
  assert.equal(inControlScale(learning, moments([2, 2, 2, 2])), undefined);
  assert.deepEqual(inControlScale({ ...learning, target: 5 }, moments([1, 2, 3])), { target: 5, standardDeviation: 1 });
  assert.deepEqual(inControlScale({ ...learning, target: 0, standard_deviation: 2 }, noMoments), {
    target: 0,
    standardDeviation: 2,
  });
});

test("a score is the distance in standard deviations, and stays finite", () => {
  assert.equal(standardScore(7, { target: 3, standardDeviation: 2 }), 2);
  assert.equal(standardScore(-1e140, { target: 0, standardDeviation: 1e-300 }), -1e140);
});
