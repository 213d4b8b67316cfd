/** Whether a score has come to mean something else (concept drift): the share of positives among equal scores, before and after. */
import type { Moments } from "./moment-law.ts";

/** Labelled rows of a bin of the score. */
export interface ScoredRows {
  readonly rows: number;
  readonly positives: number;
  /** Sum of the positives' probabilities by one and the same curve on both sides. */
  readonly expected: number;
}

export interface ConditionalShift {
  /** Mean over the window's rows of |P(y | score) after - before|, 0..1. */
  readonly value: number;
  /** What chance alone would show of it. */
  readonly noise: Moments;
  /** Of each bin: after less before; null where a side has no rows. */
  readonly shifts: readonly (number | null)[];
}

/** Skewness, times the cube of the deviation, of the size of a standard normal variable. */
const HALF_NORMAL_MEAN = Math.sqrt(2 / Math.PI);
const HALF_NORMAL_VARIANCE = 1 - 2 / Math.PI;
const HALF_NORMAL_THIRD = HALF_NORMAL_MEAN * (4 / Math.PI - 1);

/**
 * A bin's shift is the change of (positives - expected) / rows: what the scores within the bin have moved, which is no concept drift,
 * stands in `expected` on both sides and falls out. Weighted by the window's rows over the bins that both sides have.
 *
 * Under no drift a bin's shift is about normal with the variance p (1 - p) (1/n + 1/m), p from both sides together; the noise is the sum
 * of such variables' sizes, known by three moments.
 *
 * @returns null where no bin has rows on both sides
 */
export function conditionalShift(before: readonly ScoredRows[], after: readonly ScoredRows[]): ConditionalShift | null {
  const shifts: (number | null)[] = [];
  let rows = 0;
  for (const [bin, window] of after.entries()) if (window.rows > 0 && (before[bin]?.rows ?? 0) > 0) rows += window.rows;
  if (rows === 0) return null;
  const sums = { value: 0, mean: 0, variance: 0, third: 0 };
  for (const [bin, window] of after.entries()) {
    const reference = before[bin];
    if (reference === undefined || !(window.rows > 0) || !(reference.rows > 0)) {
      shifts.push(null);
      continue;
    }
    const shift = excess(window) - excess(reference);
    shifts.push(shift);
    const weight = window.rows / rows;
    // With half a row of either kind added: a bin of one kind alone is not without chance.
    const share = (window.positives + reference.positives + 0.5) / (window.rows + reference.rows + 1);
    const deviation = weight * Math.sqrt(share * (1 - share) * (1 / window.rows + 1 / reference.rows));
    sums.value += weight * Math.abs(shift);
    sums.mean += deviation * HALF_NORMAL_MEAN;
    sums.variance += deviation ** 2 * HALF_NORMAL_VARIANCE;
    sums.third += deviation ** 3 * HALF_NORMAL_THIRD;
  }
  const { value, mean, variance, third } = sums;
  return { value, noise: { mean, variance, skewness: third / variance ** 1.5 }, shifts };
}

const excess = ({ rows, positives, expected }: ScoredRows): number => (positives - expected) / rows;
