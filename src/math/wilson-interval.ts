/** Confidence interval of a share (accuracy, precision, a missing rate) that stays inside 0..1 and has width at 0 and 1. */
import { normalQuantile } from "./normal-quantile.ts";

/**
 * Wilson's score interval (Wilson 1927, JASA 22, 209-212), without continuity correction.
 *
 * @param successes between 0 and `n`; need not be whole
 * @param n rows; with none the interval is the whole of [0, 1]
 * @param level confidence, 0.95 by default
 */
export function wilsonInterval(
  successes: number,
  n: number,
  level = 0.95,
): { readonly lower: number; readonly upper: number } {
  if (n <= 0) return { lower: 0, upper: 1 };
  const z = normalQuantile((1 + level) / 2);
  const share = successes / n;
  const middle = (share + (z * z) / (2 * n)) / (1 + (z * z) / n);
  const half = (z / (1 + (z * z) / n)) * Math.sqrt((share * (1 - share)) / n + (z * z) / (4 * n * n));
  return {
    lower: successes <= 0 ? 0 : Math.max(0, middle - half),
    upper: successes >= n ? 1 : Math.min(1, middle + half),
  };
}
