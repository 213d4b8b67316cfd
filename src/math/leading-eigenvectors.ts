/**
 * The greatest eigenvalues of a symmetric positive semidefinite matrix and their vectors, by subspace iteration with Rayleigh-Ritz projection
 * (Rutishauser 1969; Parlett, The Symmetric Eigenvalue Problem, 1998): a few vectors of a large matrix, without decomposing all of it.
 */
import { seededRandom } from "./seeded-random.ts";

export interface Eigenpair {
  readonly value: number;
  /** Of length 1; its sign is arbitrary. */
  readonly vector: Float64Array;
}

/** Vectors iterated beside those that are asked for: they part the wanted from what follows. */
const EXTRA_VECTORS = 8;
const MOST_ITERATIONS = 60;
/** Length of the residual Av - λv, as a share of the greatest eigenvalue, below which a vector is found. */
const TOLERANCE = 1e-10;
const SEED = 20_260_901;

/**
 * @param matrix `size` × `size`, row after row; both triangles are looked at
 * @param count how many are wanted; fewer come back where the matrix is smaller
 * @returns the greatest first. Where eigenvalues are nearly equal their vectors are some basis of what they span.
 */
export function leadingEigenvectors(matrix: Float64Array, size: number, count: number): readonly Eigenpair[] {
  const block = Math.min(size, count + EXTRA_VECTORS);
  const wanted = Math.min(size, count);
  const random = seededRandom(SEED);
  let basis: readonly Float64Array[] = Array.from({ length: block }, () =>
    Float64Array.from({ length: size }, () => random() - 0.5),
  );
  let values: readonly number[] = [];
  for (let iteration = 0; iteration < MOST_ITERATIONS; iteration++) {
    orthonormalise(basis);
    const images = basis.map((vector) => product(matrix, size, vector));
    const small = basis.map((vector) => images.map((image) => dot(vector, image)));
    const rotation = symmetricEigenvectors(small);
    values = rotation.map(({ value }) => value);
    const ritz = rotation.map(({ vector }) => combined(basis, vector, size));
    const next = rotation.map(({ vector }) => combined(images, vector, size));
    basis = ritz;
    const least = TOLERANCE * Math.max(values[0] ?? 0, Number.MIN_VALUE);
    const isFound = ritz
      .slice(0, wanted)
      .every((vector, index) => residual(next[index] ?? vector, vector, values[index] ?? 0) <= least);
    if (isFound || block === size) break;
    if (iteration < MOST_ITERATIONS - 1) basis = next;
  }
  orthonormalise(basis);
  return basis.slice(0, wanted).map((vector, index) => ({ value: Math.max(0, values[index] ?? 0), vector }));
}

function dot(a: ArrayLike<number>, b: ArrayLike<number>): number {
  let sum = 0;
  for (let index = 0; index < a.length; index++) sum += (a[index] ?? 0) * (b[index] ?? 0);
  return sum;
}

function product(matrix: Float64Array, size: number, vector: Float64Array): Float64Array {
  const out = new Float64Array(size);
  for (let row = 0; row < size; row++) {
    const start = row * size;
    let sum = 0;
    for (let column = 0; column < size; column++) sum += (matrix[start + column] ?? 0) * (vector[column] ?? 0);
    out[row] = sum;
  }
  return out;
}

function combined(vectors: readonly Float64Array[], weights: ArrayLike<number>, size: number): Float64Array {
  const out = new Float64Array(size);
  for (const [index, vector] of vectors.entries()) addScaled(out, vector, weights[index] ?? 0);
  return out;
}

function addScaled(to: Float64Array, vector: Float64Array, scale: number): void {
  for (let index = 0; index < to.length; index++) to[index] = (to[index] ?? 0) + scale * (vector[index] ?? 0);
}

function residual(image: Float64Array, vector: Float64Array, value: number): number {
  let sum = 0;
  for (let index = 0; index < image.length; index++) {
    const difference = (image[index] ?? 0) - value * (vector[index] ?? 0);
    sum += difference * difference;
  }
  return Math.sqrt(sum);
}

/** Gram-Schmidt, twice, since once leaves what rounding has brought in. A vector that the others span already becomes a unit vector of its own place. */
function orthonormalise(vectors: readonly Float64Array[]): void {
  for (const [index, vector] of vectors.entries()) {
    const before = vectors.slice(0, index);
    for (let attempt = 0; ; attempt++) {
      const length = Math.sqrt(dot(vector, vector));
      for (let round = 0; round < 2; round++) for (const other of before) addScaled(vector, other, -dot(vector, other));
      const left = Math.sqrt(dot(vector, vector));
      if (left > 1e-10 * length && left > 0) {
        for (let at = 0; at < vector.length; at++) vector[at] = (vector[at] ?? 0) / left;
        break;
      }
      vector.fill(0);
      vector[(index + attempt) % vector.length] = 1;
    }
  }
}

/** All of a small symmetric matrix, the greatest value first: Jacobi's rotations (Golub and Van Loan, Matrix Computations, 8.5). */
function symmetricEigenvectors(rows: readonly (readonly number[])[]): readonly { value: number; vector: number[] }[] {
  const size = rows.length;
  const a = rows.map((row, i) => row.map((value, j) => (value + (rows[j]?.[i] ?? value)) / 2));
  const vectors = rows.map((_, i) => rows.map((__, j) => Number(i === j)));
  const at = (i: number, j: number) => a[i]?.[j] ?? 0;
  for (let sweep = 0; sweep < 60; sweep++) {
    let off = 0;
    let diagonal = 0;
    for (let i = 0; i < size; i++) {
      diagonal += at(i, i) ** 2;
      for (let j = 0; j < i; j++) off += at(i, j) ** 2;
    }
    if (off <= 1e-32 * diagonal) break;
    for (let p = 0; p < size; p++) for (let q = p + 1; q < size; q++) rotate(a, vectors, p, q);
  }
  const found = rows.map((_, i) => ({ value: at(i, i), vector: vectors.map((row) => row[i] ?? 0) }));
  return found.sort((x, y) => y.value - x.value);
}

/** Makes the entry (p, q) of `a` zero, and turns the vectors along. */
function rotate(a: number[][], vectors: number[][], p: number, q: number): void {
  const entry = a[p]?.[q] ?? 0;
  if (entry === 0) return;
  const tau = ((a[q]?.[q] ?? 0) - (a[p]?.[p] ?? 0)) / (2 * entry);
  const tangent = (tau >= 0 ? 1 : -1) / (Math.abs(tau) + Math.sqrt(1 + tau * tau));
  const cosine = 1 / Math.sqrt(1 + tangent * tangent);
  const sine = tangent * cosine;
  const turn = (row: number[]) => {
    const [x, y] = [row[p] ?? 0, row[q] ?? 0];
    row[p] = cosine * x - sine * y;
    row[q] = sine * x + cosine * y;
  };
  for (const row of a) turn(row);
  const [rowP, rowQ] = [a[p] ?? [], a[q] ?? []];
  for (let k = 0; k < a.length; k++) {
    const [x, y] = [rowP[k] ?? 0, rowQ[k] ?? 0];
    rowP[k] = cosine * x - sine * y;
    rowQ[k] = sine * x + cosine * y;
  }
  for (const row of vectors) turn(row);
}
