/** How high a rate of a window may be by chance alone, for rare things such as missing, invalid or never-seen values. */
import { hypergeometric } from "./hypergeometric.ts";
import { skewedQuantile } from "./moment-law.ts";
import { normalQuantile } from "./normal-quantile.ts";

const z99 = normalQuantile(0.99);

/**
 * Expected rate and its 99 % point under no drift: the greater of Fisher's exact conditional point (which holds for expected counts
 * below one, where the normal law is too narrow) and the two-proportion normal point with half a row added, so that it has width at 0.
 *
 * @param referenceRows at least 1
 * @param windowRows at least 1
 * @param moreVariance what the variance of the reference's count has over the binomial one
 */
export function rateNoise(
  referenceCount: number,
  referenceRows: number,
  windowCount: number,
  windowRows: number,
  moreVariance = 0,
): { readonly expected: number; readonly upper99: number } {
  const expected = referenceCount / referenceRows;
  const smoothed = Math.min(1, (referenceCount + 0.5) / (referenceRows + 1));
  const variance = smoothed * (1 - smoothed) * (1 / referenceRows + 1 / windowRows) + moreVariance / referenceRows ** 2;
  const spread = Math.sqrt(variance);
  // The exact point below has the skewness of rare events, but not together with more variance.
  const third = smoothed * (1 - smoothed) * (1 - 2 * smoothed) * (1 / windowRows ** 2 - 1 / referenceRows ** 2);
  const normal =
    expected + (moreVariance > 0 ? skewedQuantile(0.99, spread, Math.max(0, third) / spread ** 3) : z99 * spread);
  const exact = upperPoint(referenceRows + windowRows, referenceCount + windowCount, windowRows) / windowRows;
  return { expected, upper99: Math.min(1, Math.max(normal, exact)) };
}

/** The least count that is exceeded with a probability of at most 1 %. */
function upperPoint(rows: number, marked: number, drawn: number): number {
  const law = hypergeometric(rows, marked, drawn);
  if (!law.exact) return law.mean + z99 * law.standardDeviation;
  let exceeding = 0;
  for (let index = law.points.length - 1; index >= 0; index--) {
    exceeding += law.weights[index] ?? 0;
    if (exceeding > 0.01) return law.points[index] ?? 0;
  }
  return law.points[0] ?? 0;
}
