/** How much a realised rate varies from one sample to the next, from a labelled confusion matrix: the width of a band for windows of any size. */
import { type ConfusionCounts, type ConfusionRate, confusionShare, f1Score } from "./confusion-rates.ts";

/** A rate of a window of n rows has the standard error `deviation / sqrt(n * share)`. */
export interface RateDeviation {
  readonly value: number;
  /** Of one row that bears on the rate. */
  readonly deviation: number;
  /** Share of all rows that bear on the rate. */
  readonly share: number;
}

/**
 * The components of NannyML's sampling error, but for F1: there by the delta method, F1 = 2tp / (2tp + fp + fn) being a ratio of sums
 * (NannyML's deviation of F1 is this one times (2tp + fp + fn) / (tp + fp + fn), which is too wide).
 *
 * @returns null where the rate is not defined
 */
export function rateDeviation(rate: ConfusionRate | "f1", counts: ConfusionCounts): RateDeviation | null {
  const { tp, fp, fn, tn } = counts;
  const n = tp + fp + fn + tn;
  if (rate !== "f1") {
    const { of, rows } = confusionShare(rate, counts);
    if (rows === 0) return null;
    const value = of / rows;
    return { value, deviation: Math.sqrt(value * (1 - value)), share: rows / n };
  }
  const value = f1Score(counts);
  if (value === null) return null;
  const rows = tp + fp + fn;
  const squares = tp * (2 - 2 * value) ** 2 + (fp + fn) * value ** 2;
  return { value, deviation: (Math.sqrt(squares / rows) * rows) / (2 * tp + fp + fn), share: rows / n };
}
