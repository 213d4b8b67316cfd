import assert from "node:assert/strict";
import { test } from "node:test";
import { differingPaths } from "../../../src/core/json-difference.ts";

test("paths of what differs, what is added and what is gone, as deep as asked", () => {
  const before = { a: 1, list: [{ x: 1, deep: { y: 1 } }], gone: true };
  const after = { a: 1, list: [{ x: 2, deep: { y: 2 } }], added: null };
  assert.deepEqual(differingPaths(before, after), ["added", "gone", "list.0.deep.y", "list.0.x"]);
  assert.deepEqual(differingPaths(before, after, 1), ["added", "gone", "list"]);
  assert.deepEqual(differingPaths(before, structuredClone(before)), []);
  assert.equal(differingPaths({}, Object.fromEntries(Array.from({ length: 50 }, (_, i) => [`k${i}`, i]))).length, 20);
});
