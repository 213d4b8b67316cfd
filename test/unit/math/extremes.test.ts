/** The least and the greatest of more numbers than a call takes arguments. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { greatestOf, leastOf } from "../../../src/math/extremes.ts";

test("of a million numbers, and of none", () => {
  const numbers = Array.from({ length: 1_000_000 }, (_, i) => (i * 7919) % 1_000_003);
  assert.equal(leastOf(numbers), 0);
  assert.equal(
    greatestOf(new Set(numbers)),
    numbers.reduce((a, b) => Math.max(a, b), 0),
  );
  assert.deepEqual([leastOf([]), greatestOf([])], [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY]);
});
