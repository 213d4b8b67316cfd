/**
 * Distances of two discrete distributions, each a sum over bins of what a bin with the shares p and q adds. Detectors take the terms, whose
 * moments under no drift tell what chance would show; the sums are the textbooks' forms. No term is negative.
 */

import { total } from "./total.ts";

type Shares = readonly number[];

/** (count + 1/2) / (rows + bins / 2): a share that is never 0 (Krichevsky & Trofimov 1981, IEEE Trans. Inf. Theory 27, 199-207). */
export function smoothedShare(count: number, rows: number, bins: number): number {
  return (count + 0.5) / (rows + bins / 2);
}

export function smoothedShares(counts: readonly number[]): number[] {
  const rows = total(counts);
  return counts.map((count) => smoothedShare(count, rows, counts.length));
}

/** Counts over their sum; all NaN without rows. */
export function plainShares(counts: readonly number[]): number[] {
  const rows = total(counts);
  return counts.map((count) => count / rows);
}

/** p ln(p / q) - p + q, in nats: sums to Kullback and Leibler's divergence, as shares sum to 1. Infinite where only q is 0. */
export function kullbackLeiblerTerm(p: number, q: number): number {
  return p > 0 ? Math.max(0, p * Math.log(p / q) - p + q) : q;
}

/** What is lost by taking q for p, in nats; both sum to 1. (Kullback & Leibler 1951.) */
export function kullbackLeibler(p: Shares, q: Shares): number {
  return sumOver(p, q, kullbackLeiblerTerm);
}

/** Half of what both lose by taking their average for themselves, in nats. */
export function jensenShannonTerm(p: number, q: number): number {
  if (p === q) return 0;
  const lost = (p > 0 ? p * Math.log((2 * p) / (p + q)) : 0) + (q > 0 ? q * Math.log((2 * q) / (p + q)) : 0);
  // Never negative (log-sum inequality); what is, is rounding.
  return Math.max(0, lost / 2);
}

/** In nats, 0..ln 2; its root over ln 2 is the distance in base 2. (Lin 1991.) */
export function jensenShannonDivergence(p: Shares, q: Shares): number {
  return sumOver(p, q, jensenShannonTerm);
}

/** (sqrt p - sqrt q)² / 2: sums to Hellinger's distance squared. */
export function hellingerTerm(p: number, q: number): number {
  return (Math.sqrt(p) - Math.sqrt(q)) ** 2 / 2;
}

/** 0..1. (Hellinger 1909.) */
export function hellingerDistance(p: Shares, q: Shares): number {
  return Math.sqrt(sumOver(p, q, hellingerTerm));
}

/** |p - q| / 2: sums to the total variation distance. */
export function totalVariationTerm(p: number, q: number): number {
  return Math.abs(p - q) / 2;
}

/** 0..1. */
export function totalVariationDistance(p: Shares, q: Shares): number {
  return sumOver(p, q, totalVariationTerm);
}

/** max |p - q|, 0..1. */
export function greatestDifference(p: Shares, q: Shares): number {
  let greatest = 0;
  for (const [bin, x] of p.entries()) greatest = Math.max(greatest, Math.abs(x - (q[bin] ?? 0)));
  return greatest;
}

/** (p - q) ln(p / q): sums to the population stability index. Infinite where one share is 0. */
export function stabilityTerm(p: number, q: number): number {
  return (p - q) * Math.log(p / q);
}

export function stabilityTerms(p: Shares, q: Shares): number[] {
  return p.map((x, bin) => stabilityTerm(x, q[bin] ?? 0));
}

function sumOver(p: Shares, q: Shares, term: (x: number, y: number) => number): number {
  if (p.length !== q.length) throw new RangeError(`${p.length} shares cannot be compared with ${q.length}.`);
  let sum = 0;
  for (const [bin, x] of p.entries()) sum += term(x, q[bin] ?? 0);
  return sum;
}
