/** The 1-Wasserstein distance of two samples known by their counts per bin, its error, and its moments under no drift. */
import { hypergeometric } from "./hypergeometric.ts";
import type { Moments } from "./moment-law.ts";

/** A place on the axis with the rows of either sample that are taken to lie there. */
export interface Mass {
  readonly at: number;
  readonly reference: number;
  readonly window: number;
}

export interface Gap {
  readonly width: number;
  readonly referenceBelow: number;
  readonly windowBelow: number;
}

/** The integral of |F - G| between the masses, in the unit of the axis; both samples must have rows. */
export function massDistance(masses: readonly Mass[]): number {
  const { gaps, referenceRows, windowRows } = sweep(masses);
  let distance = 0;
  for (const { width, referenceBelow, windowBelow } of gaps) {
    distance += width * Math.abs(referenceBelow / referenceRows - windowBelow / windowRows);
  }
  return distance;
}

/**
 * Moments under no drift: F - G at a cut has the permutation law of the pooled rows below it, so its size's moments are exact even where
 * a tail holds few rows. Between cuts it is close to a Brownian bridge; with the correlation rho of two cuts the sizes have the covariance
 * (2/pi)(rho asin rho + sqrt(1 - rho²) - 1) in the cuts' standard deviations (Nabeya 1951).
 *
 * The skewness is that of the single sizes, raised by the fourth root of how much their sum is less than fully correlated: exact for one cut,
 * and 1.3 for the integral of a bridge's size, as its tabulated 99 % point asks (Johnson & Killeen 1983, JASA 78, 889-894).
 */
export function massDistanceMoments(masses: readonly Mass[]): Moments {
  const { gaps, referenceRows, windowRows } = sweep(masses);
  const cuts = gaps
    .map((gap) => cutMoments(gap, referenceRows, windowRows))
    .filter(({ standardDeviation }) => standardDeviation > 0);
  let mean = 0;
  let variance = 0;
  let spread = 0;
  let third = 0;
  for (const [index, cut] of cuts.entries()) {
    mean += cut.mean;
    spread += cut.standardDeviation;
    third += Math.cbrt(cut.third);
    variance += cut.standardDeviation ** 2;
    for (const later of cuts.slice(index + 1)) {
      const rho = Math.min(1, Math.sqrt((cut.share * (1 - later.share)) / (later.share * (1 - cut.share))));
      const correlation = (rho * Math.asin(rho) + Math.sqrt(1 - rho * rho) - 1) / (Math.PI / 2 - 1);
      variance += 2 * cut.standardDeviation * later.standardDeviation * correlation;
    }
  }
  if (!(spread > 0) || !(variance > 0)) return { mean, variance: 0 };
  return { mean, variance, skewness: (third / spread) ** 3 * (spread ** 2 / variance) ** 0.25 };
}

/** Moments of width · |F - G| at one cut. */
function cutMoments({ width, referenceBelow, windowBelow }: Gap, referenceRows: number, windowRows: number) {
  const rows = referenceRows + windowRows;
  const below = referenceBelow + windowBelow;
  const { points, weights } = hypergeometric(rows, below, windowRows);
  const sizes = points.map((y) => width * Math.abs((below - y) / referenceRows - y / windowRows));
  let mean = 0;
  for (const [index, size] of sizes.entries()) mean += (weights[index] ?? 0) * size;
  let variance = 0;
  let third = 0;
  for (const [index, size] of sizes.entries()) {
    variance += (weights[index] ?? 0) * (size - mean) ** 2;
    third += (weights[index] ?? 0) * (size - mean) ** 3;
  }
  return { share: below / rows, mean, standardDeviation: Math.sqrt(variance), third };
}

/** The stretches between places that hold rows, ascending, with the rows of either sample at or below their beginning. */
export function sweep(masses: readonly Mass[]): { gaps: readonly Gap[]; referenceRows: number; windowRows: number } {
  const ordered = masses.filter(({ reference, window }) => reference > 0 || window > 0).sort((a, b) => a.at - b.at);
  const gaps: Gap[] = [];
  let referenceRows = 0;
  let windowRows = 0;
  for (const [index, mass] of ordered.entries()) {
    referenceRows += mass.reference;
    windowRows += mass.window;
    const next = ordered[index + 1];
    if (next !== undefined)
      gaps.push({ width: next.at - mass.at, referenceBelow: referenceRows, windowBelow: windowRows });
  }
  return { gaps, referenceRows, windowRows };
}
