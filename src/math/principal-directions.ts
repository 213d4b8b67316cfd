/** Principal component analysis (Pearson 1901, Hotelling 1933): where a cloud of vectors has its middle, and along which directions it is widest. */
import { type Eigenpair, leadingEigenvectors } from "./leading-eigenvectors.ts";

export interface PrincipalDirections {
  readonly centroid: Float64Array;
  /**
   * Of length 1, at right angles to each other, the widest first. Of the two signs that a direction can have, the one in which its entry of the
   * greatest size (the first such) is positive. Fewer than asked for where the cloud is flat.
   */
  readonly directions: readonly Float64Array[];
  /** Along each direction, over n - 1. */
  readonly variances: readonly number[];
  /** The sum of the variances of all coordinates. */
  readonly totalVariance: number;
}

/** A direction with a smaller share of the variance than this is rounding. */
const LEAST_SHARE = 1e-10;

/**
 * @param rows of one length, at least one; finite
 * @param count directions wanted
 */
export function principalDirections(rows: readonly ArrayLike<number>[], count: number): PrincipalDirections {
  const size = rows[0]?.length ?? 0;
  const centroid = meanOf(rows, size);
  const centred = rows.map((row) => Float64Array.from(centroid, (mean, index) => (row[index] ?? 0) - mean));
  const freedom = Math.max(1, rows.length - 1);
  const totalVariance = centred.reduce((sum, row) => sum + squaredLength(row), 0) / freedom;
  if (count < 1 || !(totalVariance > 0)) return { centroid, directions: [], variances: [], totalVariance };
  const pairs = size <= rows.length ? ofCovariance(centred, size, count) : ofInnerProducts(centred, size, count);
  const kept = pairs.filter(({ value }) => value / freedom > LEAST_SHARE * totalVariance);
  return {
    centroid,
    directions: kept.map(({ vector }) => withSign(vector)),
    variances: kept.map(({ value }) => value / freedom),
    totalVariance,
  };
}

function meanOf(rows: readonly ArrayLike<number>[], size: number): Float64Array {
  const mean = new Float64Array(size);
  for (const row of rows)
    for (let index = 0; index < size; index++) mean[index] = (mean[index] ?? 0) + (row[index] ?? 0);
  return mean.map((sum) => sum / Math.max(1, rows.length));
}

function squaredLength(vector: Float64Array): number {
  let sum = 0;
  for (const value of vector) sum += value * value;
  return sum;
}

/** Eigenvectors of X'X. */
function ofCovariance(rows: readonly Float64Array[], size: number, count: number): readonly Eigenpair[] {
  const matrix = new Float64Array(size * size);
  for (const row of rows)
    for (let i = 0; i < size; i++) {
      const value = row[i] ?? 0;
      const start = i * size;
      for (let j = 0; j <= i; j++) matrix[start + j] = (matrix[start + j] ?? 0) + value * (row[j] ?? 0);
    }
  mirror(matrix, size);
  return leadingEigenvectors(matrix, size, count);
}

/** The same through XX', where rows are fewer than coordinates: if u is an eigenvector of it, X'u is one of X'X. */
function ofInnerProducts(rows: readonly Float64Array[], size: number, count: number): readonly Eigenpair[] {
  const n = rows.length;
  const matrix = new Float64Array(n * n);
  for (const [i, row] of rows.entries())
    for (let j = 0; j <= i; j++) {
      const other = rows[j] ?? row;
      let sum = 0;
      for (let index = 0; index < size; index++) sum += (row[index] ?? 0) * (other[index] ?? 0);
      matrix[i * n + j] = sum;
    }
  mirror(matrix, n);
  return leadingEigenvectors(matrix, n, count).map(({ value, vector }) => {
    const direction = new Float64Array(size);
    for (const [i, row] of rows.entries())
      for (let index = 0; index < size; index++)
        direction[index] = (direction[index] ?? 0) + (vector[i] ?? 0) * (row[index] ?? 0);
    const length = Math.sqrt(squaredLength(direction)) || 1;
    return { value, vector: direction.map((entry) => entry / length) };
  });
}

/** Copies the lower triangle into the upper. */
function mirror(matrix: Float64Array, size: number): void {
  for (let i = 0; i < size; i++) for (let j = 0; j < i; j++) matrix[j * size + i] = matrix[i * size + j] ?? 0;
}

function withSign(vector: Float64Array): Float64Array {
  let greatest = 0;
  for (const entry of vector) if (Math.abs(entry) > Math.abs(greatest)) greatest = entry;
  return greatest < 0 ? vector.map((entry) => -entry) : vector;
}
