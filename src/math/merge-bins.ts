/** Fewer bins out of a reference's many: the quantile bins that PSI or Jensen-Shannon are usually quoted on. Exact, as counts add. */
import { total } from "./total.ts";

/**
 * Which edges remain when the bins are merged to `parts` quantile bins of the reference.
 *
 * The edge at the order statistic floor(n·k/parts) is the first one with that many reference rows at or below it, so no values are needed.
 * Ties leave fewer than `parts` bins.
 *
 * @param withEnds keep the first and the last edge too, that is the bins *below the minimum* and *above the maximum*
 * @returns ascending indices of edges
 */
export function quantileCuts(referenceBins: readonly number[], parts: number, withEnds: boolean): readonly number[] {
  const edges = referenceBins.length - 1;
  const rows = total(referenceBins);
  const kept = new Set<number>();
  if (withEnds && edges > 0) kept.add(0).add(edges - 1);
  let below = 0;
  let part = 1;
  for (let edge = 0; edge < edges; edge++) {
    below += referenceBins[edge] ?? 0;
    while (part < parts && Math.floor((rows * part) / parts) <= below) {
      if (Math.floor((rows * part) / parts) >= 1) kept.add(edge);
      part++;
    }
  }
  return [...kept].sort((a, b) => a - b);
}

/** Counts between the kept edges: one bin more than there are cuts. */
export function mergeBins(bins: readonly number[], cuts: readonly number[]): number[] {
  const merged = Array.from({ length: cuts.length + 1 }, () => 0);
  let into = 0;
  for (const [bin, rows] of bins.entries()) {
    while (into < cuts.length && bin > (cuts[into] ?? 0)) into++;
    merged[into] = (merged[into] ?? 0) + rows;
  }
  return merged;
}
