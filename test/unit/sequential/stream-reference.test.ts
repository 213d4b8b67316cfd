/** A stream's bins do not depend on how finely the counts are stored. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { countIntoEdges, numericEdges } from "../../../src/math/numeric-edges.ts";
import { mergeCounts, numericStream } from "../../../src/sequential/stream-reference.ts";
import { goldenCases, series } from "../../support/golden.ts";

for (const { id, inputs, expected } of goldenCases("numeric_reference")) {
  test(`golden ${id}: weights of a numeric stream, from finer stored bins as well, and counts merged into its bins`, () => {
    const sorted = series(inputs["ref"]).sort((a, b) => a - b);
    for (const inner of [20, 100]) {
      const edges = numericEdges(sorted, inner);
      const stored = countIntoEdges(sorted, edges);
      const stream = numericStream(edges, stored);
      assert.deepEqual(stream.weights, expected["k"]);
      const merged = Array.from(mergeCounts(stream, stored), (rows) => Math.max(1, rows));
      assert.deepEqual(merged, expected["k"]);
    }
  });
}
