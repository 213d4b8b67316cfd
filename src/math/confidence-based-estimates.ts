/**
 * Performance without labels (CBPE, confidence-based performance estimation): where scores are calibrated, each prediction tells how
 * likely it is to be right, so a window's confusion matrix can be expected before its labels come. It sees a change of the inputs, never
 * one of P(label | score).
 */
import { type ConfusionCounts, confusionShare, f1Score } from "./confusion-rates.ts";
import { rocAucInterval } from "./roc-auc-interval.ts";

/**
 * Rows of one class against the rest, in cells of equal or nearly equal score, ascending by score. A cell holds rows of one decision or
 * of both; a histogram of a thousand bins and a list of single rows are both such cells.
 */
export interface ProbabilityCells {
  /** By cell: rows that were decided to be of the class, and the sum of their calibrated probabilities of being so. */
  readonly decided: CellSums;
  /** By cell: the same of rows that were decided to be of another class. */
  readonly others: CellSums;
}

export interface CellSums {
  readonly rows: Float64Array;
  readonly probability: Float64Array;
}

/** The expected confusion matrix, and the variance of its two free counts given the scores: labels are independent draws. */
export interface ExpectedConfusion extends ConfusionCounts {
  /** Of the true positives, Σ c(1 − c) over the decided; −1 times it is their covariance with the false positives. */
  readonly decidedVariance: number;
  /** Of the false negatives, Σ c(1 − c) over the others. */
  readonly otherVariance: number;
}

export function expectedConfusion({ decided, others }: ProbabilityCells): ExpectedConfusion {
  const yes = sumsOf(decided);
  const no = sumsOf(others);
  return {
    tp: yes.probability,
    fp: yes.rows - yes.probability,
    fn: no.probability,
    tn: no.rows - no.probability,
    decidedVariance: yes.variance,
    otherVariance: no.variance,
  };
}

function sumsOf({ rows, probability }: CellSums) {
  const sums = { rows: 0, probability: 0, variance: 0 };
  for (let cell = 0; cell < rows.length; cell++) {
    const n = rows[cell] ?? 0;
    if (n === 0) continue;
    const p = probability[cell] ?? 0;
    sums.rows += n;
    sums.probability += p;
    sums.variance += Math.max(0, p * (1 - p / n));
  }
  return sums;
}

/** `deviation`: of the realised value around the estimate if the scores are calibrated, by the delta method. */
export interface Estimate {
  readonly value: number;
  readonly deviation: number;
}

export type EstimatedRate = "accuracy" | "precision" | "recall" | "specificity" | "f1";

/** null where the rate is not defined: its denominator is zero. Of one class against the rest, so `accuracy` is that of two classes. */
export function estimatedRate(rate: EstimatedRate, confusion: ExpectedConfusion): Estimate | null {
  const { tp, fp, fn } = confusion;
  if (rate === "f1") {
    const value = f1Score(confusion);
    return value === null ? null : estimate(value, variance(rate, confusion), 2 * tp + fp + fn);
  }
  const { of, rows } = confusionShare(rate, confusion);
  return rows > 0 ? estimate(of / rows, variance(rate, confusion), rows) : null;
}

/** Of the rate times its denominator. */
function variance(rate: EstimatedRate, confusion: ExpectedConfusion): number {
  const { tp, fp, fn, tn, decidedVariance: a, otherVariance: b } = confusion;
  if (rate === "accuracy") return a + b;
  // How many rows were decided to be positive is known, so only the numerator varies.
  if (rate === "precision") return a;
  if (rate === "recall") return (fn * fn * a + tp * tp * b) / (tp + fn) ** 2;
  if (rate === "specificity") return (fp * fp * b + tn * tn * a) / (tn + fp) ** 2;
  return (4 * (tp + fp + fn) ** 2 * a + 4 * tp * tp * b) / (2 * tp + fp + fn) ** 2;
}

function estimate(value: number, varianceOfSum: number, denominator: number): Estimate {
  return { value, deviation: Math.sqrt(Math.max(0, varianceOfSum)) / denominator };
}

export interface EstimatedArea {
  readonly value: number;
  /** 95 %, by expected class sizes. */
  readonly lower: number;
  readonly upper: number;
  /** How far the value can be from that of the rows one by one, because scores of one cell count as ties. */
  readonly bound: number;
}

/**
 * The expected ROC-AUC: the share of (positive, negative) pairs that the raw score orders rightly, each row being a bit of both. Rows of
 * one cell count as ties.
 *
 * @param selfPairs counts each row against itself as half a pair, as NannyML does (a bias of the order 1/n); false by default
 * @returns null where one class is not expected at all
 */
export function estimatedRocAuc({ decided, others }: ProbabilityCells, selfPairs = false): EstimatedArea | null {
  let positives = 0;
  let negatives = 0;
  let ordered = 0;
  let tied = 0;
  let self = 0;
  for (let cell = 0; cell < decided.rows.length; cell++) {
    const p = (decided.probability[cell] ?? 0) + (others.probability[cell] ?? 0);
    const n = (decided.rows[cell] ?? 0) + (others.rows[cell] ?? 0) - p;
    ordered += p * (negatives + n / 2);
    tied += p * n;
    self += labelVariance(decided, cell) + labelVariance(others, cell);
    positives += p;
    negatives += n;
  }
  const pairs = positives * negatives - (selfPairs ? 0 : self);
  if (!(pairs > 0)) return null;
  const value = Math.min(1, Math.max(0, (ordered - (selfPairs ? 0 : self / 2)) / pairs));
  const bound = Math.max(0, tied - self) / 2 / pairs;
  return { value, ...rocAucInterval(value, positives, negatives), bound };
}

function labelVariance({ rows, probability }: CellSums, cell: number): number {
  const n = rows[cell] ?? 0;
  const p = probability[cell] ?? 0;
  return n === 0 ? 0 : Math.max(0, p * (1 - p / n));
}
