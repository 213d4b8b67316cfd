/**
 * NannyML's estimates of performance without labels (0.13) where its definition is not Driftline's. Its expected ROC-AUC counts each row
 * against itself as half a pair, which Driftline leaves out, and it rounds cumulative sums to five decimals; Driftline has no expected
 * average precision; its sampling error of F1 treats a ratio of sums as a share of its numerator's rows, which is too wide.
 */
import type { ConfusionCounts } from "../../src/math/confusion-rates.ts";
import { rateDeviation } from "../../src/math/rate-deviation.ts";

interface CumulativeSums {
  /** Expected positives among so many rows of the greatest scores, from none to all. */
  readonly positives: Float64Array;
  readonly negatives: Float64Array;
}

/** @param calibrated probability of the positive class, row by row as the scores */
export function nannymlRocAuc(calibrated: readonly number[], scores: readonly number[]): number {
  const { positives, negatives } = cumulativeSums(calibrated, scores);
  const last = positives.length - 1;
  let doubled = 0;
  for (let row = 1; row <= last; row++) {
    const width = (negatives[row] ?? 0) - (negatives[row - 1] ?? 0);
    doubled += width * ((positives[row] ?? 0) + (positives[row - 1] ?? 0));
  }
  return doubled / 2 / (positives[last] ?? 0) / (negatives[last] ?? 0);
}

/** @param calibrated probability of the positive class, row by row as the scores */
export function nannymlAveragePrecision(calibrated: readonly number[], scores: readonly number[]): number {
  const { positives } = cumulativeSums(calibrated, scores);
  const all = positives[positives.length - 1] ?? 0;
  let sum = 0;
  for (let row = 1; row < positives.length; row++) {
    const found = positives[row] ?? 0;
    sum += ((found - (positives[row - 1] ?? 0)) / all) * (found / row);
  }
  return sum;
}

function cumulativeSums(calibrated: readonly number[], scores: readonly number[]): CumulativeSums {
  const order = Uint32Array.from(scores, (_, row) => row).sort((i, j) => (scores[j] ?? 0) - (scores[i] ?? 0));
  const positives = new Float64Array(order.length + 1);
  const negatives = new Float64Array(order.length + 1);
  let sum = 0;
  for (const [place, row] of order.entries()) {
    sum += calibrated[row] ?? 0;
    positives[place + 1] = fiveDecimals(sum);
    negatives[place + 1] = fiveDecimals(place + 1 - sum);
  }
  return { positives, negatives };
}

const fiveDecimals = (x: number): number => Math.round(x * 1e5) / 1e5;

/** The components of its sampling error: a window of n rows has the standard error `deviation / sqrt(n * share)`. Null where undefined. */
export function nannymlSamplingError(rate: Parameters<typeof rateDeviation>[0], counts: ConfusionCounts) {
  const found = rateDeviation(rate, counts);
  if (found === null || rate !== "f1") return found;
  const { tp, fp, fn } = counts;
  return { ...found, deviation: (found.deviation * (2 * tp + fp + fn)) / (tp + fp + fn) };
}
