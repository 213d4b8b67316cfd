/** The counts of one class against the rest, and which share of which rows each rate is: the one place that says so. */
import type { Share } from "./share-intervals.ts";

export interface ConfusionCounts {
  readonly tp: number;
  readonly fp: number;
  readonly fn: number;
  readonly tn: number;
}

/** Rates that are shares of rows; F1 is none. Recall is the true positive rate, specificity what is left of the false positive rate. */
export type ConfusionRate = "accuracy" | "precision" | "recall" | "specificity" | "false_positive_rate";

/** `rows` is 0 where the rate is not defined. */
export function confusionShare(rate: ConfusionRate, { tp, fp, fn, tn }: ConfusionCounts): Share {
  if (rate === "accuracy") return { of: tp + tn, rows: tp + fp + fn + tn };
  if (rate === "precision") return { of: tp, rows: tp + fp };
  if (rate === "recall") return { of: tp, rows: tp + fn };
  if (rate === "specificity") return { of: tn, rows: fp + tn };
  return { of: fp, rows: fp + tn };
}

/** What went wrong and what went right of a rate, each row adding 1 to both together at most. */
export interface BadAndGood {
  readonly bad: number;
  readonly good: number;
}

/**
 * A rate, or F1, as bad / (bad + good): the complement of what is good (accuracy, precision, recall, specificity, F1), and the false
 * positive rate itself. Of F1 a row that is wrong counts half: 1 - F1 = (fp + fn)/2 / (tp + (fp + fn)/2). Both are 0 where it is not defined.
 */
export function badAndGood(rate: ConfusionRate | "f1", { tp, fp, fn, tn }: ConfusionCounts): BadAndGood {
  if (rate === "accuracy") return { bad: fp + fn, good: tp + tn };
  if (rate === "precision") return { bad: fp, good: tp };
  if (rate === "recall") return { bad: fn, good: tp };
  if (rate === "f1") return { bad: (fp + fn) / 2, good: tp };
  return { bad: fp, good: tn };
}

/** 2 tp / (2 tp + fp + fn), the harmonic mean of precision and recall; null where no row is positive, by decision or in truth. */
export function f1Score({ tp, fp, fn }: ConfusionCounts): number | null {
  const size = 2 * tp + fp + fn;
  return size > 0 ? (2 * tp) / size : null;
}
