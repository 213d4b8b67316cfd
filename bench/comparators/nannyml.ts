/**
 * NannyML's univariate drift measures (0.13) as it defines them, for references below 10,000 rows (beyond, it bins two of them further).
 * Where they differ from Driftline's of the same name: Doane's bins of one width, fixed by the reference, and one left-over bin for all
 * that lies outside, above or below; Wasserstein in the feature's own unit; chi-squared with Yates' correction where there are two categories.
 */
import { contingencyTest } from "../../src/math/contingency-test.ts";
import {
  greatestDifference,
  hellingerDistance,
  jensenShannonDivergence,
  plainShares,
} from "../../src/math/divergences.ts";
import { kolmogorovSmirnovDistance } from "../../src/math/kolmogorov-smirnov.ts";
import { wassersteinDistance } from "../../src/math/wasserstein-distance.ts";
import { countValues, doaneEdges, histogram } from "./histogram.ts";

export interface NannymlNumeric {
  readonly doaneEdges: readonly number[];
  readonly jensenShannon: number;
  readonly hellinger: number;
  readonly wasserstein: number;
  readonly kolmogorovSmirnov: number;
}

export function nannymlNumeric(reference: readonly number[], window: readonly number[]): NannymlNumeric {
  const edges = doaneEdges(reference);
  const distinct = new Set(reference).size;
  const isContinuous = distinct > 50 || distinct / reference.length > 0.1;
  const [p, q] = isContinuous
    ? withLeftOver(histogram(reference, edges), histogram(window, edges), reference.length, window.length)
    : categoryShares(reference, window);
  return {
    doaneEdges: edges,
    jensenShannon: distance(p, q),
    hellinger: hellingerDistance(p, q),
    wasserstein: wassersteinDistance(reference, window),
    kolmogorovSmirnov: kolmogorovSmirnovDistance(reference, window),
  };
}

/** Of two samples of categories, given as numbers. */
export function nannymlCategorical(reference: readonly number[], window: readonly number[]) {
  const [p, q] = categoryShares(reference, window);
  const { ofA, ofB } = countValues(reference, window);
  return {
    jensenShannon: distance(p, q),
    hellinger: hellingerDistance(p, q),
    greatestDifference: greatestDifference(plainShares(ofA), plainShares(ofB)),
    chiSquared: contingencyTest(ofA, ofB, ofA.length === 2).chiSquared,
  };
}

/** Shares of the reference's categories, and all others as one more. */
function categoryShares(reference: readonly number[], window: readonly number[]): [number[], number[]] {
  const { ofA, ofB } = countValues(reference, window);
  const known = (counts: readonly number[]) => counts.filter((_, index) => (ofA[index] ?? 0) > 0);
  return withLeftOver(known(ofA), known(ofB), reference.length, window.length);
}

function withLeftOver(a: readonly number[], b: readonly number[], n: number, m: number): [number[], number[]] {
  const left = (counts: readonly number[], rows: number) => rows - counts.reduce((sum, count) => sum + count, 0);
  return [[...a, left(a, n)].map((count) => count / n), [...b, left(b, m)].map((count) => count / m)];
}

/** Base 2. */
function distance(p: readonly number[], q: readonly number[]): number {
  return Math.sqrt(jensenShannonDivergence(plainShares(p), plainShares(q)) / Math.LN2);
}
