/**
 * Moments, under no drift, of a quadratic form in the differences of two cumulative distributions at the cuts between bins (Cramér-von
 * Mises, energy distance).
 *
 * Given the pooled counts, every assignment of the rows to the two samples is equally likely, so F - G at two cuts with the pooled shares
 * g <= h has exactly the covariance c g (1 - h), c = N² / (n m (N - 1)). The form is then about a weighted sum of chi-squared variables, of
 * which the first three cumulants are traces (Imhof 1961, Biometrika 48, 419-426). At cuts in the far tails the difference is not normal:
 * there the moments of the hypergeometric law take the place of the normal ones.
 */
import { hypergeometric } from "./hypergeometric.ts";
import type { Moments } from "./moment-law.ts";

/** A cut with the rows of either sample at or below it, and its weights in the form: of its own square, and of its product with the next cut's. */
export interface WeightedCut {
  readonly referenceBelow: number;
  readonly windowBelow: number;
  readonly square: number;
  /** The product counts twice. */
  readonly product?: number;
}

/** The least and the greatest square of a number between `low` and `high`. */
export function squaresBetween(low: number, high: number): { readonly least: number; readonly greatest: number } {
  const [a, b] = [low * low, high * high];
  return { least: low <= 0 && high >= 0 ? 0 : Math.min(a, b), greatest: Math.max(a, b) };
}

/** Cuts ascending; weights at least 0. Cubic in the number of cuts, of which a numeric reference has some 25. */
export function squaredDifferenceMoments(
  cuts: readonly WeightedCut[],
  referenceRows: number,
  windowRows: number,
): Moments {
  const rows = referenceRows + windowRows;
  const size = cuts.length;
  if (rows < 2 || size === 0) return { mean: 0, variance: 0 };
  const factor = ((rows / referenceRows) * (rows / windowRows)) / (rows - 1);
  const shares = cuts.map((cut) => (cut.referenceBelow + cut.windowBelow) / rows);
  const covariance = (i: number, j: number) =>
    factor * (shares[Math.min(i, j)] ?? 0) * (1 - (shares[Math.max(i, j)] ?? 0));
  // Weights times covariances; a row of the weights has three entries.
  const matrix = new Float64Array(size * size);
  for (const [i, cut] of cuts.entries()) {
    for (let j = 0; j < size; j++) {
      let entry = cut.square * covariance(i, j);
      if (i > 0) entry += (cuts[i - 1]?.product ?? 0) * covariance(i - 1, j);
      if (i + 1 < size) entry += (cut.product ?? 0) * covariance(i + 1, j);
      matrix[i * size + j] = entry;
    }
  }
  const { first, second, third } = powerTraces(matrix, size);
  let variance = 2 * second;
  let thirdCumulant = 8 * third;
  for (const cut of cuts) {
    const extra = tailExcess(cut, referenceRows, windowRows);
    variance += extra.variance;
    thirdCumulant += extra.third;
  }
  if (!(variance > 0)) return { mean: first, variance: 0 };
  return { mean: first, variance, skewness: Math.max(0, thirdCumulant) / variance ** 1.5 };
}

/** Traces of the first three powers. */
function powerTraces(matrix: Float64Array, size: number): { first: number; second: number; third: number } {
  let [first, second, third] = [0, 0, 0];
  for (let i = 0; i < size; i++) {
    first += matrix[i * size + i] ?? 0;
    for (let j = 0; j < size; j++) {
      let square = 0;
      for (let k = 0; k < size; k++) square += (matrix[i * size + k] ?? 0) * (matrix[k * size + j] ?? 0);
      if (i === j) second += square;
      third += square * (matrix[j * size + i] ?? 0);
    }
  }
  return { first, second, third };
}

/** By how much the second and third cumulant of a cut's own square exceed those of a normal variable's square. */
function tailExcess({ referenceBelow, windowBelow, square }: WeightedCut, n: number, m: number) {
  const { points, weights, mean, exact } = hypergeometric(n + m, referenceBelow + windowBelow, m);
  if (!exact || square === 0) return { variance: 0, third: 0 };
  const scale = 1 / n + 1 / m;
  let [second, fourth, sixth] = [0, 0, 0];
  for (const [index, y] of points.entries()) {
    const d2 = ((y - mean) * scale) ** 2;
    const weight = weights[index] ?? 0;
    second += weight * d2;
    fourth += weight * d2 * d2;
    sixth += weight * d2 * d2 * d2;
  }
  return {
    variance: square ** 2 * Math.max(0, fourth - 3 * second ** 2),
    third: square ** 3 * Math.max(0, sixth - 3 * fourth * second + 2 * second ** 3 - 8 * second ** 3),
  };
}
