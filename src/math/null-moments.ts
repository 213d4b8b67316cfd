/**
 * Moments, under no drift, of any distance that is a sum over bins (total variation, Jensen-Shannon divergence, PSI, chi-squared).
 *
 * Given the pooled counts, the window's part of a bin is hypergeometric if nothing has changed (the permutation law), so each term's moments
 * are exact even where a bin expects less than one row and chi-squared approximations fail. Terms depend on each other because the samples'
 * sizes are fixed; with the correlation rho of two bins, the covariance of their terms is the sum of rho^k times the products of their k-th
 * orthogonal-polynomial coefficients (Mehler's expansion), of which the first two are used and the rest is bounded by the fourth.
 */
import { hypergeometric, type WeightedPoints } from "./hypergeometric.ts";
import type { Moments } from "./moment-law.ts";
import type { PairedCounts } from "./paired-counts.ts";

/** What a bin with x reference rows and y window rows adds to the distance; counts need not be whole. */
export type Term = (x: number, y: number) => number;

/** The distance itself; bins that are empty on both sides add nothing. */
export function sumOfTerms({ reference, window }: Pick<PairedCounts, "reference" | "window">, term: Term): number {
  let sum = 0;
  for (const [bin, x] of reference.entries()) {
    const y = window[bin] ?? 0;
    if (x + y > 0) sum += term(x, y);
  }
  return sum;
}

/** A group of equal bins: `rows` pooled, and what a split of them into reference and window shows as. */
export interface PooledBin {
  readonly rows: number;
  readonly shown: Term;
  copies: number;
}

interface TermMoments {
  readonly mean: number;
  readonly variance: number;
  readonly third: number;
  /** Coefficients on the first two orthonormal polynomials of the window's part, and the root of what is left of the variance. */
  readonly linear: number;
  readonly quadratic: number;
  readonly rest: number;
}

/**
 * @param lumped set where a term grows faster than its counts (PSI's for a bin that one side lacks), so that *new* as one bin weighs more
 * than its categories would one by one
 */
export function nullMoments(counts: PairedCounts, term: Term, lumped = false): Moments {
  const all = counts.referenceRows + counts.windowRows;
  const sums = { mean: 0, variance: 0, third: 0, linear: 0, quadratic: 0, rest: 0, own: 0 };
  for (const bin of pooledBins(counts, term, lumped)) {
    const law = hypergeometric(all, bin.rows, counts.windowRows);
    const moments = termMoments(law, (y) => bin.shown(bin.rows - y, y));
    const odds = Math.min(bin.rows, all - bin.rows) <= 0 ? 0 : bin.rows / (all - bin.rows);
    sums.mean += bin.copies * moments.mean;
    sums.variance += bin.copies * moments.variance;
    sums.third += bin.copies * moments.third;
    sums.linear += bin.copies * Math.sqrt(odds) * moments.linear;
    sums.quadratic += bin.copies * odds * moments.quadratic;
    sums.rest += bin.copies * odds ** 2 * moments.rest;
    sums.own +=
      bin.copies * (-odds * moments.linear ** 2 + odds ** 2 * moments.quadratic ** 2 + odds ** 4 * moments.rest ** 2);
  }
  const covariances = -(sums.linear ** 2) + sums.quadratic ** 2 + sums.rest ** 2 - sums.own;
  // A fifth of the terms' own spread stays in any case, as the expansion is an approximation.
  const variance = Math.max(sums.variance + covariances, sums.variance / 5);
  const skewness = sums.variance > 0 ? sums.third / sums.variance ** 1.5 : 0;
  return { mean: sums.mean, variance, skewness };
}

/**
 * Ordinary bins share their rows by the law. A category's only row is different: in the window it is *new*, in the reference it is listed or
 * in the tail (Good & Turing 1953, Biometrika 40, 237-264); so *new* is never found in a reference, and without this a long tail of
 * categories would alarm for certain. Of the window's new rows only as many are taken for such chance finds as the reference lets expect.
 */
export function pooledBins(counts: PairedCounts, term: Term, lumped: boolean): Iterable<PooledBin> {
  const bins = new Map<string, PooledBin>();
  const add = (key: string, rows: number, shown: Term, copies = 1) => {
    const present = bins.get(key);
    if (present === undefined) bins.set(key, { rows, shown, copies });
    else present.copies += copies;
  };
  const alone: Term = (x) => (x === 0 ? 0 : term(x, 0));
  const { categorical, referenceRows, windowRows } = counts;
  const lone = categorical === undefined ? undefined : loneRows(counts);
  for (const [bin, x] of counts.reference.entries()) {
    const y = counts.window[bin] ?? 0;
    if (lone !== undefined && bin === categorical?.new) {
      const rows = (lumped ? lone.listedOnce : lone.listed) + lone.tail + lone.new;
      if (rows > 0) add("new", rows, (_, window) => term(0, window));
      // Had the new ones been drawn into the reference, they would be listed there; or in its tail, see below.
      if (lone.new > 0 && (counts.reference[bin - 1] ?? 0) === 0) add("lone", 1, alone, lone.new);
    } else if (lone !== undefined && bin === categorical?.tail && x > 0) {
      const offset = ((lone.tail + lone.new) * referenceRows) / (referenceRows + windowRows);
      add("tail", Math.max(0, x - lone.tail) + y, (reference, window) => term(reference + offset, window));
    } else if (lone !== undefined && x === 1 && y === 0 && bin < (categorical?.tail ?? 0)) {
      add("lone", 1, alone);
    } else if (x + y > 0) {
      add(`${x + y}`, x + y, term);
    }
  }
  return bins.values();
}

/** Reference rows that are their category's only one, listed (of these also the ones that the window lacks) or in the tail, and chance finds. */
function loneRows({ categorical, reference, window, referenceRows, windowRows }: PairedCounts) {
  if (categorical === undefined) return { listedOnce: 0, listed: 0, tail: 0, new: 0 };
  let listedOnce = 0;
  let listed = 0;
  for (let bin = 0; bin < categorical.tail; bin++) {
    if (reference[bin] !== 1) continue;
    listedOnce++;
    if (window[bin] === 0) listed++;
  }
  const tail = Math.min(reference[categorical.tail] ?? 0, Math.max(0, categorical.singletons - listedOnce));
  const expected = (windowRows * (listedOnce + tail)) / Math.max(1, referenceRows);
  const plausible = Math.ceil(expected + 3 * Math.sqrt(expected) + 3);
  return { listedOnce, listed, tail, new: Math.min(window[categorical.new] ?? 0, plausible) };
}

function termMoments(law: WeightedPoints, value: (y: number) => number): TermMoments {
  const { points, weights } = law;
  const values = points.map(value);
  const expectation = (of: (index: number) => number) => {
    let sum = 0;
    for (let index = 0; index < points.length; index++) sum += (weights[index] ?? 0) * of(index);
    return sum;
  };
  const mean = expectation((index) => values[index] ?? 0);
  const deviation = (index: number) => (values[index] ?? 0) - mean;
  const variance = expectation((index) => deviation(index) ** 2);
  const third = expectation((index) => deviation(index) ** 3);
  const centre = expectation((index) => points[index] ?? 0);
  const spread = Math.sqrt(expectation((index) => ((points[index] ?? 0) - centre) ** 2));
  if (!(variance > 0) || !(spread > 0)) return { mean, variance, third, linear: 0, quadratic: 0, rest: 0 };

  const z = (index: number) => ((points[index] ?? 0) - centre) / spread;
  const skew = expectation((index) => z(index) ** 3);
  const second = (index: number) => z(index) ** 2 - skew * z(index) - 1;
  const size = Math.sqrt(expectation((index) => second(index) ** 2));
  const linear = expectation((index) => deviation(index) * z(index));
  // A bin of one row has two values only, and so no second polynomial.
  const quadratic = size < 1e-9 ? 0 : expectation((index) => deviation(index) * second(index)) / size;
  return {
    mean,
    variance,
    third,
    linear,
    quadratic,
    rest: Math.sqrt(Math.max(0, variance - linear ** 2 - quadratic ** 2)),
  };
}
