/** Boosted trees against values worked out by hand, and their properties. */
import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { type BinnedRows, boostedTrees, boostedValues } from "../../../src/math/boosted-trees.ts";
import { uniform } from "../../support/golden.ts";

const rowsOf = (codes: readonly (readonly number[])[]): BinnedRows => ({
  rows: codes.length,
  features: codes[0]?.length ?? 0,
  codes: Uint8Array.from(codes.flat()),
});
const ONE_TREE = { trees: 1, depth: 1, rate: 1, leafRows: 1 };

test("one stump splits where the squared error falls most, and its leaves are the means of both sides", () => {
  const data = rowsOf([[0], [1], [2], [3]]);
  // Splits after 0, 1, 2 leave squared errors of 62, 1 and 38: the second is best.
  const found = boostedTrees(data, Float64Array.of(1, 2, 9, 10), ONE_TREE);
  assert.equal(found.base, 5.5);
  assert.deepEqual(found.trees, [{ features: [0], cuts: [1], leaves: [-4, 4] }]);
  assert.deepEqual([...boostedValues(found, data)], [1.5, 1.5, 9.5, 9.5]);
});

test("the second feature is split by where it tells more, and a rate below one takes that share of a leaf", () => {
  const data = rowsOf([
    [0, 5],
    [1, 0],
    [0, 5],
    [1, 0],
    [0, 0],
  ]);
  const found = boostedTrees(data, Float64Array.of(8, 2, 8, 2, 2), { ...ONE_TREE, rate: 0.5 });
  assert.deepEqual(found.trees[0]?.features, [1]);
  assert.deepEqual(
    [...boostedValues(found, data)].map((value) => Number(value.toFixed(12))),
    [6.2, 3.2, 6.2, 3.2, 3.2],
  );
});

test("leaves have the rows that are asked for, and a constant target or too few rows give no trees", () => {
  const data = rowsOf([[0], [1], [1], [1]]);
  assert.deepEqual(boostedTrees(data, Float64Array.of(9, 1, 1, 1), { ...ONE_TREE, leafRows: 2 }).trees, []);
  assert.deepEqual(boostedTrees(data, Float64Array.of(3, 3, 3, 3), ONE_TREE).trees, []);
  assert.deepEqual(boostedTrees(rowsOf([]), new Float64Array(0), ONE_TREE), { base: 0, trees: [] });
});

test("an interaction of two features needs two levels, and is then told exactly", () => {
  const data = rowsOf([
    [0, 0],
    [0, 1],
    [1, 0],
    [1, 1],
    [1, 1],
  ]);
  const target = Float64Array.of(0, 1, 1, 4, 4);
  const found = boostedTrees(data, target, { ...ONE_TREE, depth: 2 });
  assert.deepEqual(
    [...boostedValues(found, data)].map((value) => Number(value.toFixed(12))),
    [...target],
  );
});

test("more trees never fit their own rows worse, and the mean of the answers is that of the targets", () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 1e6 }), fc.integer({ min: 30, max: 200 }), (seed, rows) => {
      const draw = uniform(seed);
      const data = rowsOf(Array.from({ length: rows }, () => [Math.floor(draw() * 8), Math.floor(draw() * 3)]));
      const target = Float64Array.from({ length: rows }, (_, row) => draw() + (data.codes[2 * row] ?? 0));
      const found = boostedTrees(data, target, { trees: 12, depth: 3, rate: 0.3, leafRows: 5 });
      const errors = [0, 3, 6, 12].map((most) =>
        boostedValues(found, data, most).reduce((sum, value, row) => sum + (value - (target[row] ?? 0)) ** 2, 0),
      );
      const mean = (values: Float64Array) => values.reduce((sum, value) => sum + value, 0) / rows;
      assert.ok(errors.every((error, index) => index === 0 || error <= (errors[index - 1] ?? 0) + 1e-9));
      assert.ok(Math.abs(mean(boostedValues(found, data)) - mean(target)) < 1e-9);
    }),
    { numRuns: 30 },
  );
});
