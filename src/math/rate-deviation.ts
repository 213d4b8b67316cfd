/** How much a realised rate varies from one sample to the next, from a labelled confusion matrix: the width of a band for windows of any size. */

export interface ConfusionCounts {
  readonly tp: number;
  readonly fp: number;
  readonly fn: number;
  readonly tn: number;
}

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
export function rateDeviation(
  rate: "accuracy" | "precision" | "recall" | "specificity" | "f1",
  { tp, fp, fn, tn }: ConfusionCounts,
): RateDeviation | null {
  const n = tp + fp + fn + tn;
  if (rate === "accuracy") return ofShare(tp + tn, n, n);
  if (rate === "precision") return ofShare(tp, tp + fp, n);
  if (rate === "recall") return ofShare(tp, tp + fn, n);
  if (rate === "specificity") return ofShare(tn, tn + fp, n);
  const rows = tp + fp + fn;
  const size = 2 * tp + fp + fn;
  if (rows === 0) return null;
  const value = (2 * tp) / size;
  const squares = tp * (2 - 2 * value) ** 2 + (fp + fn) * value ** 2;
  return { value, deviation: (Math.sqrt(squares / rows) * rows) / size, share: rows / n };
}

function ofShare(right: number, rows: number, n: number): RateDeviation | null {
  if (rows === 0) return null;
  const value = right / rows;
  return { value, deviation: Math.sqrt(value * (1 - value)), share: rows / n };
}
