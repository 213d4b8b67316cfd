/** Correlations of two series of the same rows: of the values, of their ranks, of their order. */
import { midranks } from "./midranks.ts";

/** Pearson's, -1..1; NaN where a series is constant. */
export function pearsonCorrelation(x: ArrayLike<number>, y: ArrayLike<number>): number {
  const n = x.length;
  let [meanX, meanY] = [0, 0];
  for (let i = 0; i < n; i++) {
    meanX += (x[i] ?? 0) / n;
    meanY += (y[i] ?? 0) / n;
  }
  let [both, ofX, ofY] = [0, 0, 0];
  for (let i = 0; i < n; i++) {
    const dx = (x[i] ?? 0) - meanX;
    const dy = (y[i] ?? 0) - meanY;
    both += dx * dy;
    ofX += dx * dx;
    ofY += dy * dy;
  }
  return Math.max(-1, Math.min(1, both / Math.sqrt(ofX) / Math.sqrt(ofY)));
}

/** Spearman's: Pearson's of the ranks, ties sharing theirs. */
export function spearmanCorrelation(x: readonly number[], y: readonly number[]): number {
  return pearsonCorrelation(midranks(x).ranks, midranks(y).ranks);
}

/**
 * Kendall's tau-b, corrected for ties (Kendall 1945, Biometrika 33, 239-251); NaN where a series is constant. Discordant pairs are the
 * exchanges of a merge sort, so n log n steps (Knight 1966, JASA 61, 436-439).
 */
export function kendallCorrelation(x: readonly number[], y: readonly number[]): number {
  const n = x.length;
  const rankX = midranks(x).ranks;
  const rankY = midranks(y).ranks;
  const order = Uint32Array.from({ length: n }, (_, i) => i).sort(
    (i, j) => (rankX[i] ?? 0) - (rankX[j] ?? 0) || (rankY[i] ?? 0) - (rankY[j] ?? 0),
  );
  const pairs = (size: number) => (size * (size - 1)) / 2;
  let tiedBoth = 0;
  for (let first = 0; first < n; ) {
    let end = first + 1;
    const [a, b] = [rankX[order[first] ?? 0], rankY[order[first] ?? 0]];
    while (end < n && rankX[order[end] ?? 0] === a && rankY[order[end] ?? 0] === b) end++;
    tiedBoth += pairs(end - first);
    first = end;
  }
  const tied = (ties: readonly number[]) => ties.reduce((sum, size) => sum + pairs(size), 0);
  const tiedX = tied(midranks(x).ties);
  const tiedY = tied(midranks(y).ties);
  const discordant = exchanges(Float64Array.from(order, (index) => rankY[index] ?? 0));
  const all = pairs(n);
  const balance = all - tiedX - tiedY + tiedBoth - 2 * discordant;
  return balance / Math.sqrt(all - tiedX) / Math.sqrt(all - tiedY);
}

/** Pairs in descending order; sorts the values in place, by merging from below. */
function exchanges(values: Float64Array): number {
  const n = values.length;
  let from: Float64Array<ArrayBufferLike> = values;
  let into: Float64Array<ArrayBufferLike> = new Float64Array(n);
  let count = 0;
  for (let width = 1; width < n; width *= 2) {
    for (let start = 0; start < n; start += 2 * width) {
      const middle = Math.min(n, start + width);
      const end = Math.min(n, start + 2 * width);
      let left = start;
      let right = middle;
      for (let place = start; place < end; place++) {
        const takesLeft = left < middle && (right >= end || (from[left] ?? 0) <= (from[right] ?? 0));
        if (!takesLeft) count += middle - left;
        into[place] = from[takesLeft ? left++ : right++] ?? 0;
      }
    }
    [from, into] = [into, from];
  }
  return count;
}
