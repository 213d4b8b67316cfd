/** Importance weights and what is weighted by them, by hand and by what must hold. */
import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { importanceWeights, weightedMean, weightedRatio } from "../../../src/math/importance-weights.ts";

const near = (found: number | undefined, expected: number) =>
  assert.ok(Math.abs((found ?? Number.NaN) - expected) < 1e-12, `${found} is not ${expected}`);

test("a cell of which half as many labels came as of the other counts twice as much", () => {
  const { weights, effectiveRows, uncovered } = importanceWeights([
    { rows: 100, labelled: 20 },
    { rows: 100, labelled: 40 },
  ]);
  assert.deepEqual(weights, [1.5, 0.75]);
  // (20 · 1.5 + 40 · 0.75)² / (20 · 1.5² + 40 · 0.75²) = 3600 / 67.5
  near(effectiveRows, 3600 / 67.5);
  assert.equal(uncovered, 0);
});

test("labels that come evenly leave every weight at one and all rows effective; cells without labels are told", () => {
  fc.assert(
    fc.property(fc.array(fc.integer({ min: 1, max: 500 }), { minLength: 1, maxLength: 20 }), (labels) => {
      const found = importanceWeights(labels.map((labelled) => ({ rows: 3 * labelled, labelled })));
      for (const weight of found.weights) assert.ok(Math.abs(weight - 1) < 1e-9);
      assert.ok(Math.abs(found.effectiveRows - labels.reduce((sum, count) => sum + count, 0)) < 1e-6);
    }),
  );
  near(
    importanceWeights([
      { rows: 90, labelled: 10 },
      { rows: 10, labelled: 0 },
    ]).uncovered,
    0.1,
  );
  assert.deepEqual(importanceWeights([]), { weights: [], effectiveRows: 0, uncovered: 0 });
});

test("a weighted share with weights of one is the share, with its binomial standard error", () => {
  const found = weightedRatio([
    { weight: 1, rows: 30, of: 1, per: 1 },
    { weight: 1, rows: 70, of: 0, per: 1 },
  ]);
  near(found?.value, 0.3);
  near(found?.deviation, Math.sqrt((0.3 * 0.7) / 100));
  assert.equal(weightedRatio([{ weight: 1, rows: 5, of: 0, per: 0 }]), null);
});

test("a weighted mean: by hand, and null without rows", () => {
  const found = weightedMean([
    { weight: 2, rows: 2, sum: 4, squares: 10 },
    { weight: 1, rows: 4, sum: 20, squares: 104 },
  ]);
  // (2 · 4 + 20) / (2 · 2 + 4) = 3.5; the squares around it: 10 − 28 + 24.5 = 6.5 (weight 4), 104 − 140 + 49 = 13.
  near(found?.value, 3.5);
  near(found?.deviation, Math.sqrt(4 * 6.5 + 13) / 8);
  assert.equal(weightedMean([]), null);
});
