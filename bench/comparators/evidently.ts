/**
 * Evidently's drift measures (0.7, legacy tests) as it defines them. Where they differ from Driftline's of the same name: numeric features
 * are compared on bins of one width over *both* samples, so a single outlier moves every bin and no reference can be prepared; empty bins
 * of PSI and KL hold 0.0001 and are not smoothed; Jensen-Shannon's distance has base e; Kullback-Leibler is of the reference from the window.
 */
import { jensenShannonDivergence, kullbackLeibler, plainShares, stabilityTerms } from "../../src/math/divergences.ts";
import { kolmogorovFiniteUpperTail } from "../../src/math/kolmogorov-finite-upper-tail.ts";
import { kolmogorovSmirnovDistance, kolmogorovSmirnovExactUpperTail } from "../../src/math/kolmogorov-smirnov.ts";
import { roundHalfToEven } from "../../src/math/round-half-to-even.ts";
import { wassersteinDistance } from "../../src/math/wasserstein-distance.ts";
import { countValues, histogram, populationDeviation, sturgesEdges } from "./histogram.ts";

export interface EvidentlyDistances {
  readonly psi: number;
  readonly jensenShannon: number;
  readonly kullbackLeibler: number;
  readonly hellinger: number;
}

/** Of two samples of numbers; a reference of at most 20 distinct ones is compared value by value. */
export function evidentlyNumeric(
  reference: readonly number[],
  window: readonly number[],
): EvidentlyDistances & { readonly wasserstein: number; readonly kolmogorovSmirnovP: number } {
  const binned = new Set(reference).size > 20;
  const edges = sturgesEdges([...reference, ...window]);
  const counts = binned
    ? { ofA: histogram(reference, edges), ofB: histogram(window, edges) }
    : countValues(reference, window);
  // Its Hellinger takes the number of bins from the distinct values alone.
  const distinct = sturgesEdges([...new Set([...reference, ...window])]);
  const hellinger = bhattacharyya(histogram(reference, distinct), histogram(window, distinct), [
    reference.length,
    window.length,
  ]);
  return {
    ...onCounts(counts.ofA, counts.ofB),
    hellinger,
    wasserstein: wassersteinDistance(reference, window) / Math.max(0.001, populationDeviation(reference)),
    kolmogorovSmirnovP: kolmogorovSmirnovP(reference, window),
  };
}

/** Of two samples of categories, given as numbers. */
export function evidentlyCategorical(reference: readonly number[], window: readonly number[]): EvidentlyDistances {
  const { ofA, ofB } = countValues(reference, window);
  return { ...onCounts(ofA, ofB), hellinger: bhattacharyya(ofA, ofB, [reference.length, window.length]) };
}

function onCounts(a: readonly number[], b: readonly number[]): Omit<EvidentlyDistances, "hellinger"> {
  const [p, q] = [plainShares(a), plainShares(b)];
  const [filledP, filledQ] = [filled(p), filled(q)];
  return {
    psi: stabilityTerms(filledP, filledQ).reduce((sum, term) => sum + term, 0),
    jensenShannon: Math.sqrt(jensenShannonDivergence(p, q)),
    kullbackLeibler: kullbackLeibler(plainShares(filledP), plainShares(filledQ)),
  };
}

/** Empty bins get 0.0001, or a millionth of the least share where that is no more than 0.0001. The shares then sum to more than 1. */
function filled(shares: readonly number[]): number[] {
  const least = Math.min(...shares.filter((share) => share > 0));
  const filling = least <= 0.0001 ? least / 1e6 : 0.0001;
  return shares.map((share) => (share === 0 ? filling : share));
}

/** sqrt(1 - sum sqrt(p q)), which for whole distributions is Hellinger's distance. */
function bhattacharyya(a: readonly number[], b: readonly number[], [n, m]: readonly [number, number]): number {
  const overlap = a.reduce((sum, x, bin) => sum + Math.sqrt((x / n) * ((b[bin] ?? 0) / m)), 0);
  return Math.sqrt(1 - Math.min(1, overlap));
}

/** scipy.stats.ks_2samp with its default method: exact up to 10,000 rows a side. */
function kolmogorovSmirnovP(a: readonly number[], b: readonly number[]): number {
  const [n, m] = [a.length, b.length];
  const distance = kolmogorovSmirnovDistance(a, b);
  if (Math.max(n, m) <= 10_000) return kolmogorovSmirnovExactUpperTail(distance, n, m);
  return kolmogorovFiniteUpperTail(distance, roundHalfToEven((n * m) / (n + m)));
}
