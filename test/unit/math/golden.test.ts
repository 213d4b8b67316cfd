/** References against an independent implementation, and the law behind the noise levels against SciPy. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { z } from "zod";
import { categoricalBins } from "../../../src/math/categorical-bins.ts";
import { hypergeometric } from "../../../src/math/hypergeometric.ts";
import { countIntoEdges, numericEdges } from "../../../src/math/numeric-edges.ts";
import { assertClose, goldenCases, series } from "../../support/golden.ts";

for (const { id, inputs, expected } of goldenCases("numeric_reference")) {
  test(`golden ${id}: edges and rows of a numeric reference`, () => {
    const sorted = series(inputs["ref"]).sort((a, b) => a - b);
    const edges = numericEdges(sorted);
    assert.deepEqual(edges, expected["edges"]);
    const rows = countIntoEdges(sorted, edges).map((count) => Math.max(1, count));
    assert.deepEqual(rows, expected["k"]);
  });
}

for (const { id, inputs, expected } of goldenCases("categorical_reference")) {
  test(`golden ${id}: bins of a categorical reference`, () => {
    const counts = z.record(z.string(), z.number()).parse(inputs["counts"]);
    const { categories, bins, singletons } = categoricalBins(new Map(Object.entries(counts)), 50, 20);
    assert.deepEqual(categories, expected["kept"]);
    const tail = bins[categories.length] ?? 0;
    const weights = [...bins.slice(0, categories.length), ...(tail > 0 ? [Math.max(1, tail - singletons)] : [])];
    assert.deepEqual([...weights, Math.max(1, singletons)], expected["a"]);
    assert.equal(bins[bins.length - 1], 0);
  });
}

const narrow = z.array(z.tuple([z.number(), z.number(), z.number(), z.number()]));
for (const { id, inputs, expected, tolerance } of goldenCases("special")) {
  if (inputs["fn"] !== "hypergeom_cdf(k,N,K,n)") continue;
  test(`golden ${id}: the law of a bin's pooled rows`, () => {
    const values = z.array(z.number()).parse(expected["values"]);
    for (const [index, [k, rows, marked, drawn]] of narrow.parse(inputs["args"]).entries()) {
      const { points, weights, exact } = hypergeometric(rows, marked, drawn);
      assert.ok(exact);
      const below = points.reduce((sum, point, at) => sum + (point <= k ? (weights[at] ?? 0) : 0), 0);
      assertClose(below, values[index], tolerance, `P(K <= ${k})`);
    }
  });
}
