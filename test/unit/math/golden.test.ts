/** What the check of all golden cases can't see of references, and the law behind the noise levels against SciPy. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { z } from "zod";
import { byFrequency, categoricalBins } from "../../../src/math/categorical-bins.ts";
import { hypergeometric } from "../../../src/math/hypergeometric.ts";
import { numericEdges } from "../../../src/math/numeric-edges.ts";
import { assertClose, goldenCases, series } from "../../support/golden.ts";

for (const { id, inputs, expected } of goldenCases("numeric_reference")) {
  test(`golden ${id}: edges of a numeric reference to the last bit, the one just below a tied minimum too`, () => {
    assert.deepEqual(numericEdges(series(inputs["ref"]).sort((a, b) => a - b)), expected["edges"]);
  });
}

for (const { id, inputs } of goldenCases("categorical_reference")) {
  test(`golden ${id}: bins of a categorical reference, with rows of forgotten categories in the tail`, () => {
    const counts = Object.entries(z.record(z.string(), z.number()).parse(inputs["counts"]));
    const ordered = byFrequency(new Map(counts));
    const { categories, bins, singletons } = categoricalBins(ordered, 2, 7);
    assert.deepEqual(
      categories,
      ordered.slice(0, 2).map(([name]) => name),
    );
    const all = counts.reduce((sum, [, rows]) => sum + rows, 0);
    assert.equal(
      bins.reduce((sum, rows) => sum + rows, 0),
      all + 7,
    );
    assert.deepEqual([bins.length, bins.at(-1)], [categories.length + 2, 0]);
    assert.equal(singletons, counts.filter(([, rows]) => rows === 1).length);
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
