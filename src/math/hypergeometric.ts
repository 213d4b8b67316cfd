/**
 * How a bin's pooled rows split between reference and window when nothing has changed: given the pooled counts, every assignment of the
 * rows to the two samples is equally likely, so the window's part is hypergeometric, whatever the true distribution is.
 */

/** Values and their probabilities (sum 1); whole numbers where the law is narrow, a grid of its normal approximation where it is wide. */
export interface WeightedPoints {
  readonly points: readonly number[];
  readonly weights: readonly number[];
  readonly mean: number;
  readonly standardDeviation: number;
  /** Whether the points are the law's own values. */
  readonly exact: boolean;
}

const widestExact = 8;
/** Of a value that counts, as a part of the mode's probability. */
const LEAST_WEIGHT = 1e-18;
const gridStep = 0.25;
const gridEnd = 6;

/**
 * Law of the number of marked rows in a sample.
 *
 * @param rows all rows
 * @param marked rows among them that are marked
 * @param drawn size of the sample
 */
export function hypergeometric(rows: number, marked: number, drawn: number): WeightedPoints {
  const mean = rows === 0 ? 0 : (marked * drawn) / rows;
  const variance = rows < 2 ? 0 : mean * (1 - marked / rows) * ((rows - drawn) / (rows - 1));
  const standardDeviation = Math.sqrt(Math.max(0, variance));
  const lowest = Math.max(0, marked + drawn - rows);
  const highest = Math.min(marked, drawn);
  if (standardDeviation > widestExact) return onGrid(mean, standardDeviation, lowest, highest);

  const { first, weights } = hypergeometricLaw(rows, marked, drawn, LEAST_WEIGHT);
  return { points: weights.map((_, index) => first + index), weights, mean, standardDeviation, exact: true };
}

/**
 * The law itself: probabilities of `first`, first + 1, and so on, from the mode outwards and then normalised, so that none cancel. All
 * of its values, however unlikely, unless told to stop.
 *
 * @param least part of the mode's probability below which values are left out
 */
export function hypergeometricLaw(
  rows: number,
  marked: number,
  drawn: number,
  least = 0,
): { readonly first: number; readonly weights: readonly number[] } {
  const lowest = Math.max(0, marked + drawn - rows);
  const highest = Math.min(marked, drawn);
  const mode = Math.min(highest, Math.max(lowest, Math.floor(((marked + 1) * (drawn + 1)) / (rows + 2))));
  const ratio = (y: number) => ((marked - y) * (drawn - y)) / ((y + 1) * (rows - marked - drawn + y + 1));
  const weights: number[] = [];
  for (let y = mode, weight = 1; y > lowest; y--) {
    weight /= ratio(y - 1);
    if (!(weight > least)) break;
    weights.push(weight);
  }
  const first = mode - weights.length;
  weights.reverse();
  weights.push(1);
  for (let y = mode, weight = 1; y < highest; y++) {
    weight *= ratio(y);
    if (!(weight > least)) break;
    weights.push(weight);
  }
  return { first, weights: normalised(weights) };
}

function onGrid(mean: number, standardDeviation: number, lowest: number, highest: number): WeightedPoints {
  const points: number[] = [];
  const weights: number[] = [];
  for (let z = -gridEnd; z <= gridEnd; z += gridStep) {
    points.push(Math.min(highest, Math.max(lowest, mean + z * standardDeviation)));
    weights.push(Math.exp((-z * z) / 2));
  }
  return { points, weights: normalised(weights), mean, standardDeviation, exact: false };
}

function normalised(weights: readonly number[]): number[] {
  let sum = 0;
  for (const weight of weights) sum += weight;
  return weights.map((weight) => weight / sum);
}
