/** The maths against values from SciPy, NumPy and an independent reference implementation. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { z } from "zod";
import { categoricalBins } from "../../../src/math/categorical-bins.ts";
import { chiSquaredQuantile } from "../../../src/math/chi-squared-quantile.ts";
import { chiSquaredUpperTail } from "../../../src/math/chi-squared-upper-tail.ts";
import { gammaLogarithm } from "../../../src/math/gamma-logarithm.ts";
import { hypergeometric } from "../../../src/math/hypergeometric.ts";
import { kolmogorovUpperTail } from "../../../src/math/kolmogorov-upper-tail.ts";
import { mergeBins, quantileCuts } from "../../../src/math/merge-bins.ts";
import { normalProbability } from "../../../src/math/normal-probability.ts";
import { normalQuantile } from "../../../src/math/normal-quantile.ts";
import { countIntoEdges, numericEdges } from "../../../src/math/numeric-edges.ts";
import { assertClose, goldenCases, series } from "../../support/golden.ts";

const functions: Readonly<Record<string, (...given: readonly number[]) => number>> = {
  "kolmogorov_sf(x)": (x = 0) => kolmogorovUpperTail(x),
  "chi2_sf(x,k)": (x = 0, k = 0) => chiSquaredUpperTail(x, k),
  "chi2_isf(p,k)": (p = 0, k = 0) => chiSquaredQuantile(1 - p, k),
  "chi2_ppf(q,k)": (q = 0, k = 0) => chiSquaredQuantile(q, k),
  "norm_ppf(p)": (p = 0) => normalQuantile(p),
  "norm_cdf(x)": (x = 0) => normalProbability(x),
  "gammaln(x)": (x = 0) => gammaLogarithm(x),
  "gammaincc(a,x)": (a = 0, x = 0) => chiSquaredUpperTail(2 * x, 2 * a),
  "hypergeom_cdf(k,N,K,n)": (k = 0, rows = 0, marked = 0, drawn = 0) => {
    const law = hypergeometric(rows, marked, drawn);
    return law.points.reduce((sum, point, index) => sum + (point <= k ? (law.weights[index] ?? 0) : 0), 0);
  },
};
const arguments_ = z.array(z.union([z.number().transform((x) => [x]), z.array(z.number())]));

for (const { id, inputs, expected, tolerance } of goldenCases("special")) {
  const name = z.string().parse(inputs["fn"]);
  const computed = functions[name];
  test(`golden ${id}`, { skip: computed === undefined && "no part of Driftline needs this function" }, () => {
    const values = z.array(z.number()).parse(expected["values"]);
    for (const [index, given] of arguments_.parse(inputs["args"]).entries()) {
      assertClose(computed?.(...given) ?? Number.NaN, values[index], tolerance, `${name} of ${given.join(", ")}`);
    }
  });
}

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

for (const { id, inputs, expected } of goldenCases("quantile_bins10")) {
  test(`golden ${id}: ten quantile bins, merged from the reference's many`, () => {
    const reference = series(inputs["a"]).sort((a, b) => a - b);
    const edges = numericEdges(reference);
    const bins = countIntoEdges(reference, edges);
    const cuts = quantileCuts(bins, 10, false);
    assert.deepEqual(
      cuts.map((cut) => edges[cut]),
      expected["edges"],
    );
    assert.deepEqual(mergeBins(bins, cuts), expected["counts_a"]);
    assert.deepEqual(mergeBins(countIntoEdges(series(inputs["b"]), edges), cuts), expected["counts_b"]);
  });
}

for (const { id, inputs, expected, tolerance } of goldenCases("psi_kt10")) {
  test(`golden ${id}: mean and 99 % point of PSI by the chi-squared law`, () => {
    const spread = 1 / series(inputs["a"]).length + 1 / series(inputs["b"]).length;
    assertClose(9 * spread, expected["null_mean_psi"], tolerance, "mean");
    assertClose(chiSquaredQuantile(0.99, 9) * spread, expected["thr99"], tolerance, "99 % point");
  });
}

for (const { id, inputs, expected, tolerance } of goldenCases("ks_2samp")) {
  test(`golden ${id}: p-value by Kolmogorov's law`, () => {
    const n = series(inputs["a"]).length;
    const m = series(inputs["b"]).length;
    const distance = z.number().parse(expected["D"]);
    assertClose(kolmogorovUpperTail(Math.sqrt((n * m) / (n + m)) * distance), expected["p_kolmogorov"], tolerance, "p");
  });
}
