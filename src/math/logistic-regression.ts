/**
 * Logistic regression with a ridge (L2) penalty on rows of which most columns are 0, and without a step size to choose.
 */
import { choleskyFactor, choleskySolve } from "./cholesky.ts";

/** Rows of equal width: entry e of row r is the column `indices[r * width + e]` with the value `values[r * width + e]`; others are 0. Columns ascend within a row, none occurs twice. */
export interface SparseRows {
  readonly rows: number;
  readonly width: number;
  readonly columns: number;
  readonly indices: Int32Array;
  readonly values: Float64Array;
}

export interface LogisticOptions {
  /** Weight of half the sum of the squared coefficients; the intercept has none. Positive. */
  readonly ridge: number;
  /** Stops when a step's expected gain is this small a share of the weight of all rows. */
  readonly tolerance: number;
  readonly mostSteps: number;
}

export interface LogisticModel {
  readonly intercept: number;
  readonly coefficients: Float64Array;
  readonly steps: number;
}

/**
 * Minimises the weighted sum of the rows' log losses + ridge/2 · sum of squares, by steps with the fixed matrix X'WX/4 + ridge, which bounds the curvature
 * everywhere: each step lowers the loss, and the matrix is factored once (Böhning & Lindsay 1988, Ann. Inst. Statist. Math. 40, 641-663).
 *
 * @param chosen places of the rows that take part
 * @param isPositive 1 or 0 for each row of the table
 * @param weights of the negative and of the positive rows
 * @param products the weighted cross products of these rows where they are known (addCrossProducts); they are overwritten
 */
export function logisticRegression(
  table: SparseRows,
  chosen: Uint32Array,
  isPositive: Uint8Array,
  weights: readonly [number, number],
  { ridge, tolerance, mostSteps }: LogisticOptions,
  products = crossProducts(table, chosen, isPositive, weights),
): LogisticModel {
  const size = table.columns + 1;
  const factor = choleskyFactor(curvatureBound(products, table.columns, ridge), size);
  const solution = new Float64Array(size);
  const gradient = new Float64Array(size);
  const step = new Float64Array(size);
  const allWeight = chosen.reduce((sum, row) => sum + (isPositive[row] === 1 ? weights[1] : weights[0]), 0);
  let steps = 0;
  while (steps < mostSteps) {
    gradientAt(solution, table, chosen, isPositive, weights, ridge, gradient);
    step.set(gradient);
    choleskySolve(factor, size, step);
    let gain = 0;
    for (let i = 0; i < size; i++) {
      solution[i] = (solution[i] ?? 0) + (step[i] ?? 0);
      gain += (step[i] ?? 0) * (gradient[i] ?? 0);
    }
    steps++;
    if (gain <= tolerance * allWeight) break;
  }
  return { intercept: solution[size - 1] ?? 0, coefficients: solution.slice(0, size - 1), steps };
}

/**
 * Adds the products of every two columns over the chosen rows, weighted, to the lower triangle of a matrix, line after line; the
 * intercept is the last column.
 *
 * @param weights of the negative and of the positive rows
 * @param from lines of lesser columns are left alone
 */
export function addCrossProducts(
  matrix: Float64Array,
  { width, columns, indices, values }: SparseRows,
  chosen: Uint32Array,
  isPositive: Uint8Array,
  weights: readonly [number, number],
  from = 0,
): void {
  const size = columns + 1;
  // Of each row what is not 0, so that columns that rarely are cost nothing.
  const used = new Int32Array(width + 1);
  const amounts = new Float64Array(width + 1);
  for (const row of chosen) {
    const weight = isPositive[row] === 1 ? weights[1] : weights[0];
    let count = 0;
    let first = 0;
    for (let e = row * width; e < (row + 1) * width; e++) {
      const value = values[e] ?? 0;
      if (value === 0) continue;
      const column = indices[e] ?? 0;
      if (column < from) first++;
      used[count] = column;
      amounts[count++] = value;
    }
    used[count] = columns;
    amounts[count++] = 1;
    for (let a = first; a < count; a++) {
      const scaled = weight * (amounts[a] ?? 0);
      const line = (used[a] ?? 0) * size;
      // Columns ascend within a row, so these places lie in the lower triangle.
      for (let b = 0; b <= a; b++) {
        const place = line + (used[b] ?? 0);
        matrix[place] = (matrix[place] ?? 0) + scaled * (amounts[b] ?? 0);
      }
    }
  }
}

function crossProducts(
  table: SparseRows,
  chosen: Uint32Array,
  isPositive: Uint8Array,
  weights: readonly [number, number],
): Float64Array {
  const matrix = new Float64Array((table.columns + 1) ** 2);
  addCrossProducts(matrix, table, chosen, isPositive, weights);
  return matrix;
}

/** X'WX/4 + ridge, in the place of X'WX; the intercept has no ridge. */
function curvatureBound(products: Float64Array, columns: number, ridge: number): Float64Array {
  const size = columns + 1;
  for (let place = 0; place < products.length; place++) products[place] = (products[place] ?? 0) / 4;
  for (let i = 0; i < columns; i++) products[i * size + i] = (products[i * size + i] ?? 0) + ridge;
  return products;
}

/** Minus the gradient of the penalised loss, into `gradient`. */
function gradientAt(
  solution: Float64Array,
  { width, columns, indices, values }: SparseRows,
  chosen: Uint32Array,
  isPositive: Uint8Array,
  weights: readonly [number, number],
  ridge: number,
  gradient: Float64Array,
): void {
  for (let i = 0; i < columns; i++) gradient[i] = -ridge * (solution[i] ?? 0);
  gradient[columns] = 0;
  for (const row of chosen) {
    const start = row * width;
    let logit = solution[columns] ?? 0;
    for (let e = start; e < start + width; e++) logit += (values[e] ?? 0) * (solution[indices[e] ?? 0] ?? 0);
    const positive = isPositive[row] === 1;
    const probability = 1 / (1 + Math.exp(-logit));
    const residual = positive ? weights[1] * (1 - probability) : -weights[0] * probability;
    for (let e = start; e < start + width; e++) {
      const i = indices[e] ?? 0;
      gradient[i] = (gradient[i] ?? 0) + residual * (values[e] ?? 0);
    }
    gradient[columns] = (gradient[columns] ?? 0) + residual;
  }
}

/** The log odds of a row. */
export function logitOf(
  { intercept, coefficients }: LogisticModel,
  { width, indices, values }: SparseRows,
  row: number,
): number {
  let logit = intercept;
  for (let e = row * width; e < (row + 1) * width; e++)
    logit += (values[e] ?? 0) * (coefficients[indices[e] ?? 0] ?? 0);
  return logit;
}
