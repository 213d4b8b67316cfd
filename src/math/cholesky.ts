/** Linear equations with a symmetric positive definite matrix, in one typed array, row after row; only the lower triangle is looked at. */

/** The lower triangular L with LL' = A, in the place of A, which it returns. @throws RangeError where A is not positive definite */
export function choleskyFactor(matrix: Float64Array, size: number): Float64Array {
  for (let i = 0; i < size; i++) {
    const rowI = i * size;
    for (let j = 0; j <= i; j++) {
      const rowJ = j * size;
      let sum = matrix[rowI + j] ?? 0;
      for (let k = 0; k < j; k++) sum -= (matrix[rowI + k] ?? 0) * (matrix[rowJ + k] ?? 0);
      if (i === j) {
        if (!(sum > 0)) throw new RangeError("the matrix is not positive definite");
        matrix[rowI + i] = Math.sqrt(sum);
      } else matrix[rowI + j] = sum / (matrix[rowJ + j] ?? 1);
    }
  }
  return matrix;
}

/** Solves LL'x = b, in the place of b. */
export function choleskySolve(factor: Float64Array, size: number, b: Float64Array): void {
  for (let i = 0; i < size; i++) {
    let sum = b[i] ?? 0;
    for (let k = 0; k < i; k++) sum -= (factor[i * size + k] ?? 0) * (b[k] ?? 0);
    b[i] = sum / (factor[i * size + i] ?? 1);
  }
  // By rows of L again, not by columns: the matrix lies in memory that way.
  for (let i = size - 1; i >= 0; i--) {
    const value = (b[i] ?? 0) / (factor[i * size + i] ?? 1);
    b[i] = value;
    for (let k = 0; k < i; k++) b[k] = (b[k] ?? 0) - (factor[i * size + k] ?? 0) * value;
  }
}
