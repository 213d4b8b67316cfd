/** Rows as the cells that estimates are computed from: one cell for each distinct score, or a histogram. */
import type { ProbabilityCells } from "../../src/math/confidence-based-estimates.ts";

/** @param bins of equal width over [0, 1]; left out: a cell for each distinct score */
export function probabilityCells(
  scores: readonly number[],
  calibrated: readonly number[],
  decided: readonly boolean[],
  bins?: number,
): ProbabilityCells {
  const distinct = [...new Set(scores)].sort((a, b) => a - b);
  const place = new Map(distinct.map((score, index) => [score, index]));
  const size = bins ?? distinct.length;
  const empty = () => ({ rows: new Float64Array(size), probability: new Float64Array(size) });
  const cells = { decided: empty(), others: empty() };
  for (const [index, score] of scores.entries()) {
    const sums = decided[index] === true ? cells.decided : cells.others;
    const cell = bins === undefined ? (place.get(score) ?? 0) : Math.min(bins - 1, Math.floor(score * bins));
    sums.rows[cell] = (sums.rows[cell] ?? 0) + 1;
    sums.probability[cell] = (sums.probability[cell] ?? 0) + (calibrated[index] ?? 0);
  }
  return cells;
}
