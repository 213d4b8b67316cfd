/** The 1-Wasserstein distance of two samples known by their counts per bin, its error, and its moments under no drift. */
import type { Moments } from "./moment-law.ts";

/** A place on the axis with the rows of either sample that are taken to lie there. */
export interface Mass {
  readonly at: number;
  readonly reference: number;
  readonly window: number;
}

interface Gap {
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
 * Mean and variance under no drift. F - G is then a Brownian bridge of the pooled distribution times sqrt(1/n + 1/m); with the correlation
 * rho of two of its points, cov(|X|, |Y|) = (2/pi)(rho asin rho + sqrt(1 - rho²) - 1) in their standard deviations (Nabeya 1951).
 */
export function massDistanceMoments(masses: readonly Mass[]): Moments {
  const { gaps, referenceRows, windowRows } = sweep(masses);
  const scale = 1 / referenceRows + 1 / windowRows;
  const points = gaps.map(({ width, referenceBelow, windowBelow }) => {
    const share = (referenceBelow + windowBelow) / (referenceRows + windowRows);
    return { share, weight: width * Math.sqrt(Math.max(0, share * (1 - share)) * scale) };
  });
  const spread = points.filter(({ weight }) => weight > 0);
  let mean = 0;
  let variance = 0;
  for (const [index, { share, weight }] of spread.entries()) {
    mean += Math.sqrt(2 / Math.PI) * weight;
    variance += weight * weight * (1 - 2 / Math.PI);
    for (const later of spread.slice(index + 1)) {
      const rho = Math.min(1, Math.sqrt((share * (1 - later.share)) / (later.share * (1 - share))));
      variance += 2 * weight * later.weight * (2 / Math.PI) * (rho * Math.asin(rho) + Math.sqrt(1 - rho * rho) - 1);
    }
  }
  return { mean, variance };
}

function sweep(masses: readonly Mass[]): { gaps: readonly Gap[]; referenceRows: number; windowRows: number } {
  const ordered = masses.filter(({ reference, window }) => reference > 0 || window > 0).sort((a, b) => a.at - b.at);
  const gaps: Gap[] = [];
  let referenceRows = 0;
  let windowRows = 0;
  for (const [index, mass] of ordered.entries()) {
    referenceRows += mass.reference;
    windowRows += mass.window;
    const next = ordered[index + 1];
    if (next !== undefined) gaps.push({ width: next.at - mass.at, referenceBelow: referenceRows, windowBelow: windowRows });
  }
  return { gaps, referenceRows, windowRows };
}
