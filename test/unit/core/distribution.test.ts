import assert from "node:assert/strict";
import { test } from "node:test";
import { histogram, shareRows, ticks } from "../../../src/core/distribution.ts";
import type { ReferenceSubject } from "../../../src/core/summary.ts";
import type { WindowCounts } from "../../../src/serve/queries/window-counts.ts";

const reference = (over: Partial<ReferenceSubject>): ReferenceSubject => ({
  subjectKind: "feature",
  subject: "f",
  kind: "numeric",
  edges: [],
  categories: [],
  bins: [],
  means: [],
  n: 100,
  missing: 0,
  invalid: 0,
  mean: 0,
  standardDeviation: 0,
  minimum: 0,
  maximum: 0,
  ...over,
});
const counts = (over: Partial<WindowCounts>): WindowCounts => ({
  start: 0,
  bins: [],
  n: 100,
  missing: 0,
  invalid: 0,
  minimum: null,
  maximum: null,
  fresh: [],
  ...over,
});
const sum = (values: readonly number[]) => values.reduce((total, value) => total + value, 0);
const close = (actual: number, expected: number) =>
  assert.ok(Math.abs(actual - expected) < 1e-9, `${actual} is not ${expected}`);

test("categories are ordered by their change; rare, new, missing and invalid are always listed, also at 0", () => {
  const rows = shareRows(
    reference({ kind: "categorical", categories: ["a", "b", "c"], bins: [50, 30, 20, 0, 0] }),
    counts({ bins: [20, 30, 20, 0, 30] }),
    2,
  );
  assert.deepEqual(
    rows.map((row) => [row.kind, row.label]),
    [
      ["category", "a"],
      ["category", "b"],
      ["others", "1"],
      ["rare", ""],
      ["new", ""],
      ["missing", ""],
      ["invalid", ""],
    ],
  );
  close(rows[0]?.change ?? 0, -0.3);
  close(rows.find((row) => row.kind === "new")?.window ?? 0, 0.3);
  close(sum(rows.map((row) => row.ofMove)), 1);
});

test("an empty window has shares of 0, not NaN", () => {
  const rows = shareRows(
    reference({ kind: "categorical", categories: ["a"], bins: [100, 0, 0] }),
    counts({ n: 0, bins: [0, 0, 0] }),
    5,
  );
  for (const row of rows) assert.ok(Number.isFinite(row.window) && Number.isFinite(row.ofMove));
});

test("spreading quantile bins onto columns of one width keeps every row", () => {
  const drawn = histogram(
    reference({ edges: [0, 1, 10, 100], bins: [1, 39, 40, 20, 0], minimum: 0, maximum: 100 }),
    counts({ bins: [0, 10, 10, 70, 10] }),
    20,
  );
  assert.ok(drawn);
  close(sum(drawn.reference) + drawn.below.reference + drawn.above.reference, 1);
  close(sum(drawn.window) + drawn.below.window + drawn.above.window, 1);
  close(drawn.unseenAbove, 0.1);
});

test("whole numbers over a short range get a column each", () => {
  const drawn = histogram(
    reference({ edges: [0, 1, 2, 3], bins: [25, 25, 25, 25, 0], maximum: 3 }),
    counts({ bins: [25, 25, 25, 25, 0] }),
  );
  assert.equal(drawn?.reference.length, 3);
});

test("one far outlier does not flatten the picture: the range is cut and what lies outside is counted", () => {
  const edges = [...Array.from({ length: 200 }, (_, index) => index), 1e9];
  const bins = [...edges.map(() => 1), 0];
  const drawn = histogram(reference({ edges, bins, n: 201, maximum: 1e9 }), counts({ bins, n: 201 }));
  assert.ok(drawn && drawn.to < 300);
  assert.ok(drawn.above.window > 0);
});

test("a reference of one value has no picture", () => {
  assert.equal(histogram(reference({ edges: [5], bins: [100, 0] }), counts({ bins: [90, 10] })), null);
  assert.equal(histogram(reference({ edges: [], bins: [0] }), counts({ bins: [0] })), null);
});

test("axis marks are round and few", () => {
  assert.deepEqual(ticks(0, 93, 8), [0, 20, 40, 60, 80]);
  assert.deepEqual(ticks(5, 5, 8), []);
});

test("an axis of a range that doubles can hardly tell apart has no marks, and ends", () => {
  for (const [from, to] of [
    [0.9999999999999999, 1],
    [1e22, 1e22 + 4e6],
    [-Number.MIN_VALUE, 0],
    [-1.7e308, 1.7e308],
  ] as const)
    assert.ok(ticks(from, to, 8).length <= 10, `${from} to ${to}`);
});

test("a constant reference, and one of any size, is drawn in finite numbers or not at all", () => {
  const now = counts({ bins: [1, 5, 2], n: 8 });
  for (const edges of [
    [0.9999999999999999, 1],
    [-Number.MIN_VALUE, 0],
    [-1.7e308, 1.7e308],
    [1e-320, 2e-320],
  ])
    assert.equal(histogram(reference({ edges, bins: [0, 100, 0], n: 100 }), now), null, edges.join(" "));
  const drawn = histogram(reference({ edges: [1e22, 1e22 + 4e11], bins: [0, 100, 0], n: 100 }), now);
  for (const share of [...(drawn?.reference ?? []), ...(drawn?.window ?? [])]) assert.ok(Number.isFinite(share));
});
