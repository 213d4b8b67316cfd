/** Scores and labels, row by row, as the bins that calibration is measured on. */
import { type ReliabilityBin, scoreBin } from "../../src/math/calibration-error.ts";

/** So many bins of equal width over [0, 1]. */
export function reliabilityBins(
  scores: readonly number[],
  isPositive: readonly boolean[],
  count = 10,
): ReliabilityBin[] {
  const bins = Array.from({ length: count }, () => ({ rows: 0, scores: 0, positives: 0 }));
  for (const [index, score] of scores.entries()) {
    const bin = bins[scoreBin(score, count)];
    if (bin === undefined) throw new RangeError(`${score} is no probability`);
    bin.rows++;
    bin.scores += score;
    bin.positives += Number(isPositive[index] === true);
  }
  return bins;
}
