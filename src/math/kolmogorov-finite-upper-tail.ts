/**
 * Kolmogorov's law for a finite sample: P(D >= x) of one sample of n values against a known continuous law. Libraries use it, with
 * n m / (n + m) rounded, for two samples too large for the exact law.
 */
import { gammaLogarithm } from "./gamma-logarithm.ts";

/**
 * P(D_n >= x), n a whole number of at least 1; NaN for another.
 *
 * The choice of methods is Simard & L'Ecuyer's (2011, Journal of Statistical Software 39(11)): exact by Durbin's matrix for small n and for
 * small n x^1.5; twice the one-sided law (an error below 1e-13) in the tail; else Pelz & Good's expansion (1976, JRSS B 38, 152-156).
 */
export function kolmogorovFiniteUpperTail(x: number, n: number): number {
  if (!Number.isInteger(n) || n <= 0 || Number.isNaN(x)) return Number.NaN;
  const t = n * x;
  if (t <= 0.5) return 1;
  if (x >= 1 || t * x >= 370) return 0;
  // Ruben & Gambino's closed form where the band is narrower than two steps.
  if (t <= 1) return 1 - Math.exp(gammaLogarithm(n + 1) - n * Math.log(n) + n * Math.log(2 * t - 1));
  if (t >= n - 1) return 2 * (1 - x) ** n;
  const isTail = x >= 0.5 || t * x > (n <= 140 ? 4 : 2.2);
  if (isTail) return Math.min(1, 2 * oneSidedUpperTail(x, n));
  const isExact = n <= 140 || (n <= 100_000 && n * x ** 1.5 <= 1.4);
  const below = isExact ? durbin(x, n) : pelzGood(x, n);
  return Math.min(1, Math.max(0, 1 - below));
}

/** P(D+ >= x), Smirnov's sum; all terms are positive. */
function oneSidedUpperTail(x: number, n: number): number {
  let sum = 0;
  for (let j = 0; j <= Math.floor(n * (1 - x)); j++) {
    const above = x + j / n;
    const rest = 1 - above;
    const choose = gammaLogarithm(n + 1) - gammaLogarithm(j + 1) - gammaLogarithm(n - j + 1);
    if (rest > 0) sum += Math.exp(choose + (j - 1) * Math.log(above) + (n - j) * Math.log1p(-above));
    else if (j === n) sum += above ** (n - 1);
  }
  return x * sum;
}

// Powers of the matrix grow and n!/n^n shrinks far beyond a double's range.
const bigExponent = 128;
const big = 2 ** bigExponent;

/** P(D_n <= x) by Durbin's matrix (Marsaglia, Tsang & Wang 2003, Journal of Statistical Software 8(18)). */
function durbin(x: number, n: number): number {
  const k = Math.ceil(n * x);
  const size = 2 * k - 1;
  let factor = durbinMatrix(k - n * x, size);
  let power: Float64Array<ArrayBufferLike> = new Float64Array(size * size);
  for (let i = 0; i < size; i++) power[i * size + i] = 1;
  let exponent = 0;
  let factorExponent = 0;
  for (let left = n; left > 0; left = Math.floor(left / 2)) {
    if (left % 2 === 1) {
      power = product(power, factor, size);
      exponent += factorExponent;
    }
    if (left === 1) break;
    factor = product(factor, factor, size);
    factorExponent *= 2;
    if (Math.abs(factor[(k - 1) * size + k - 1] ?? 0) > big) {
      factor = factor.map((entry) => entry / big);
      factorExponent += bigExponent;
    }
  }
  let probability = power[(k - 1) * size + k - 1] ?? 0;
  for (let i = 1; i <= n; i++) {
    probability *= i / n;
    if (probability < 1 / big) {
      probability *= big;
      exponent -= bigExponent;
    }
  }
  for (; exponent > 0; exponent -= bigExponent) probability *= big;
  for (; exponent < 0; exponent += bigExponent) probability /= big;
  return probability;
}

/** Rows first; the first column and the last row hold (1 - h^j) / j!, the rest 1 / (i - j + 1)! below the second diagonal. */
function durbinMatrix(h: number, size: number): Float64Array {
  const inverseFactorial = new Float64Array(size + 1).fill(1);
  for (let j = 1; j <= size; j++) inverseFactorial[j] = (inverseFactorial[j - 1] ?? 0) / j;
  const edge = Float64Array.from({ length: size }, (_, j) => (1 - h ** (j + 1)) * (inverseFactorial[j + 1] ?? 0));
  edge[size - 1] = (1 - 2 * h ** size + Math.max(0, 2 * h - 1) ** size) * (inverseFactorial[size] ?? 0);
  const matrix = new Float64Array(size * size);
  for (let i = 0; i < size; i++) {
    for (let j = 1; j <= Math.min(size - 1, i + 1); j++) matrix[i * size + j] = inverseFactorial[i - j + 1] ?? 0;
    matrix[i * size] = edge[i] ?? 0;
  }
  for (let j = 0; j < size; j++) matrix[(size - 1) * size + j] = edge[size - 1 - j] ?? 0;
  return matrix;
}

function product(a: Float64Array, b: Float64Array, size: number): Float64Array {
  const result = new Float64Array(size * size);
  for (let i = 0; i < size; i++) {
    for (let k = 0; k < size; k++) {
      const entry = a[i * size + k] ?? 0;
      if (entry === 0) continue;
      for (let j = 0; j < size; j++)
        result[i * size + j] = (result[i * size + j] ?? 0) + entry * (b[k * size + j] ?? 0);
    }
  }
  return result;
}

/** P(D_n <= x) = K0 + K1 / n^.5 + K2 / n + K3 / n^1.5 at z = x sqrt(n), the K in the form of theta functions for small z. */
function pelzGood(x: number, n: number): number {
  const z = Math.sqrt(n) * x;
  const z2 = z * z;
  const z4 = z2 * z2;
  const z6 = z4 * z2;
  const pi2 = Math.PI ** 2;
  const pi4 = pi2 * pi2;
  const pi6 = pi4 * pi2;
  if (pi2 / 8 / z2 > 708) return 0;
  let [k0, k1, k2, k3, k2More, k3More] = [0, 0, 0, 0, 0, 0];
  const terms = Math.ceil((16 * z) / Math.PI);
  for (let k = terms; k >= 1; k--) {
    const m2 = (2 * k - 1) ** 2;
    const m4 = m2 * m2;
    const odd = Math.exp((-pi2 * m2) / (8 * z2));
    k0 += odd;
    k1 += odd * (-z2 + (pi2 / 4) * m2);
    k2 += odd * (6 * z6 + 2 * z4 + (((2 * z4 - 5 * z2) * pi2) / 4) * m2 + ((pi4 * (1 - 2 * z2)) / 16) * m4);
    k3 +=
      odd *
      (-30 * z6 -
        90 * z4 * z4 +
        ((pi2 * (135 * z4 - 96 * z6)) / 4) * m2 +
        ((pi4 * (-60 * z2 + 212 * z4)) / 16) * m4 +
        ((pi6 * (5 - 30 * z2)) / 64) * m4 * m2);
    const all = k * k * Math.exp((-pi2 * k * k) / (2 * z2));
    k2More += all;
    k3More += all * (3 * z2 - pi2 * k * k);
  }
  const root = Math.sqrt(2 * Math.PI);
  const second = k2 / (72 * z6 * z) - (pi2 * k2More) / (36 * z2 * z);
  const third = k3 / (6480 * z6 * z4) + (pi2 * k3More) / (216 * z6);
  return root * (k0 / z + k1 / (6 * z4 * Math.sqrt(n)) + second / n + third / n ** 1.5);
}
