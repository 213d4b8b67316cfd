/**
 * The greatest difference of two samples' shares over all bins, under no drift: which size it exceeds once in a hundred, and its mean. Each
 * bin's difference has the permutation law of null-moments.ts; the bins are put together by the union bound, which at 1 % is all but exact.
 */
import { hypergeometric } from "./hypergeometric.ts";
import { normalProbability } from "./normal-probability.ts";
import { pooledBins } from "./null-moments.ts";
import type { PairedCounts } from "./paired-counts.ts";

/** The chance of a bin's difference to exceed a size; bins of one law are counted together. */
interface BinTail {
  readonly copies: number;
  readonly exceeds: (size: number) => number;
}

export function greatestDifferenceNoise(counts: PairedCounts): { readonly expected: number; readonly upper99: number } {
  const all = counts.referenceRows + counts.windowRows;
  // Signed, so that it is a straight line in the window's part.
  const difference = (x: number, y: number) => x / counts.referenceRows - y / counts.windowRows;
  const tails: BinTail[] = [];
  for (const { rows, shown, copies } of pooledBins(counts, difference, true)) {
    const { points, weights, mean, standardDeviation, exact } = hypergeometric(all, rows, counts.windowRows);
    const at = (y: number) => shown(rows - y, y);
    if (exact) {
      const sizes = points.map((y) => Math.abs(at(y)));
      // A size that is only a rounding error greater is no greater.
      const exceeds = (size: number) =>
        sizes.reduce((sum, one, index) => sum + (one > size + 1e-12 ? (weights[index] ?? 0) : 0), 0);
      tails.push({ copies, exceeds });
    } else {
      const centre = at(mean);
      const spread = Math.abs(at(mean + standardDeviation) - centre);
      const exceeds = (size: number) =>
        normalProbability((centre - size) / spread) + normalProbability((-centre - size) / spread);
      tails.push({ copies, exceeds });
    }
  }
  return { expected: meanOfMaximum(tails), upper99: upperPoint(tails, 0.01) };
}

/** The least size that is exceeded with at most this probability. */
function upperPoint(tails: readonly BinTail[], probability: number): number {
  const exceeded = (size: number) => tails.reduce((sum, { copies, exceeds }) => sum + copies * exceeds(size), 0);
  let [low, high] = [0, 1];
  if (exceeded(0) <= probability) return 0;
  for (let step = 0; step < 40; step++) {
    const middle = (low + high) / 2;
    if (exceeded(middle) > probability) low = middle;
    else high = middle;
  }
  return high;
}

/** The integral of the probability that a size is exceeded by any bin, as if they were independent. */
function meanOfMaximum(tails: readonly BinTail[]): number {
  const end = upperPoint(tails, 1e-4);
  const steps = 64;
  let mean = 0;
  for (let step = 0; step < steps; step++) {
    const size = ((step + 0.5) / steps) * end;
    let none = 0;
    for (const { copies, exceeds } of tails) none += copies * Math.log1p(-Math.min(1 - 1e-16, exceeds(size)));
    mean += (end / steps) * (1 - Math.exp(none));
  }
  return mean;
}
