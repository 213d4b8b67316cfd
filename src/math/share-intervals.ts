/** Confidence intervals of what two shares have between them: their difference and their ratio. */
import { normalQuantile } from "./normal-quantile.ts";
import { wilsonInterval } from "./wilson-interval.ts";

export interface Share {
  readonly of: number;
  readonly rows: number;
}

interface Interval {
  readonly lower: number;
  readonly upper: number;
}

/**
 * a − b by Newcombe's hybrid score interval (1998, Statistics in Medicine 17, 873-890, method 10): it stays inside −1..1 and has
 * width where a share is 0 or 1.
 *
 * @returns [-1, 1] where a group has no rows
 */
export function shareDifferenceInterval(a: Share, b: Share, level = 0.95): Interval {
  if (a.rows <= 0 || b.rows <= 0) return { lower: -1, upper: 1 };
  const [p, q] = [a.of / a.rows, b.of / b.rows];
  const [first, second] = [wilsonInterval(a.of, a.rows, level), wilsonInterval(b.of, b.rows, level)];
  return {
    lower: p - q - Math.hypot(p - first.lower, second.upper - q),
    upper: p - q + Math.hypot(first.upper - p, q - second.lower),
  };
}

/**
 * a / b by the log of the ratio (Katz, Baptista, Azen & Pike 1978, Biometrics 34, 469-474), with half a row added to each count so
 * that shares of 0 have an interval too.
 *
 * @returns [0, Infinity] where a group has no rows
 */
export function shareRatioInterval(a: Share, b: Share, level = 0.95): Interval {
  if (a.rows <= 0 || b.rows <= 0) return { lower: 0, upper: Number.POSITIVE_INFINITY };
  const z = normalQuantile((1 + level) / 2);
  const [x, m, y, n] = [a.of + 0.5, a.rows + 0.5, b.of + 0.5, b.rows + 0.5];
  const middle = Math.log(x / m) - Math.log(y / n);
  const half = z * Math.sqrt(Math.max(0, 1 / x - 1 / m + 1 / y - 1 / n));
  return { lower: a.of <= 0 ? 0 : Math.exp(middle - half), upper: Math.exp(middle + half) };
}
