/** The edges of a numeric reference: order statistics, dense in the tails, so that the outer bins are "below" and "above" all that was seen. */
import { roundHalfToEven } from "./round-half-to-even.ts";

/** Bins of equal share that lie between the tails, unless told otherwise. */
const INNER_BINS = 20;
const tailShares = [0.001, 0.01];

/** Edges, ascending and distinct, of values sorted ascending (finite numbers); [] for none. Values equal to an edge lie left of it. */
export function numericEdges(sorted: readonly number[], innerBins = INNER_BINS): readonly number[] {
  const edges: number[] = [];
  for (const index of cutIndices(sorted.length, innerBins)) {
    const value = sorted[index - 1];
    if (value !== undefined && value !== edges[edges.length - 1]) edges.push(value);
  }
  const [first, second] = sorted;
  // A minimum that occurs twice or more would share its bin with what is below it.
  if (first !== undefined && first === second) edges.unshift(nextBelow(first));
  return edges;
}

/** Counts per bin: bin b holds edges[b-1] < x <= edges[b]; one more bin than there are edges. */
export function countIntoEdges(values: readonly number[], edges: readonly number[]): number[] {
  const bins = Array.from({ length: edges.length + 1 }, () => 0);
  for (const value of values) {
    let low = 0;
    let high = edges.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((edges[middle] ?? Number.POSITIVE_INFINITY) < value) low = middle + 1;
      else high = middle;
    }
    bins[low] = (bins[low] ?? 0) + 1;
  }
  return bins;
}

/**
 * 1-based indices of the order statistics to cut at, for n rows: 1, n/1000 and n/100 (rounded half to even, at least 2), n·k/innerBins,
 * and the mirrors of the first three.
 */
export function cutIndices(n: number, innerBins = INNER_BINS): readonly number[] {
  const low = [1, ...tailShares.map((share) => Math.max(2, roundHalfToEven(n * share)))];
  const inner = Array.from({ length: innerBins - 1 }, (_, k) => Math.floor((n * (k + 1)) / innerBins));
  const all = [...low, ...inner, ...low.map((index) => n + 1 - index)];
  return [...new Set(all)].filter((index) => index >= 1 && index <= n).sort((a, b) => a - b);
}

/** The largest double below a finite x. */
export function nextBelow(x: number): number {
  if (x === 0) return -Number.MIN_VALUE;
  const view = new DataView(new ArrayBuffer(8));
  view.setFloat64(0, x);
  view.setBigInt64(0, view.getBigInt64(0) + (x > 0 ? -1n : 1n));
  return view.getFloat64(0);
}
