/** The regularized incomplete beta function and its inverse: the law of shares, and behind it Student's and the binomial law. */
import { gammaLogarithm } from "./gamma-logarithm.ts";

/**
 * I_x(a, b), the probability that a beta variable is at most x; a, b > 0. Absolute error about 1e-14, growing to 1e-12 for a, b near 1e6.
 *
 * Lentz's continued fraction on the side where it converges fast (Press et al. 2007, Numerical Recipes, section 6.4), with Loader's
 * saddle-point form of the factor before it (Loader 2000, Fast and accurate computation of binomial probabilities).
 */
export function incompleteBeta(x: number, a: number, b: number): number {
  if (Number.isNaN(x) || !(a > 0) || !(b > 0)) return Number.NaN;
  if (x <= 0) return 0;
  if (x >= 1) return 1;
  if (x > (a + 1) / (a + b + 2)) return 1 - fromBelow(1 - x, x, b, a);
  return fromBelow(x, 1 - x, a, b);
}

/** The same of the other side, 1 - I_x(a, b), with its digits where that is small. */
export function incompleteBetaComplement(x: number, a: number, b: number): number {
  if (x <= 0) return 1;
  if (x >= 1) return 0;
  if (x > (a + 1) / (a + b + 2)) return fromBelow(1 - x, x, b, a);
  return 1 - fromBelow(x, 1 - x, a, b);
}

/** The x that a beta variable stays below with the given probability, by bisection to the last digits. */
export function betaQuantile(probability: number, a: number, b: number): number {
  if (!(probability >= 0 && probability <= 1)) return Number.NaN;
  let low = 0;
  let high = 1;
  while (true) {
    // Halves of the exponent first, so that a tiny quantile costs no more than a large one.
    const middle =
      low > 0 && high / low > 4 ? Math.sqrt(low * high) : low === 0 && high > 1e-300 ? high / 16 : (low + high) / 2;
    if (middle <= low || middle >= high || high - low <= 1e-16 * high) return (low + high) / 2;
    if (incompleteBeta(middle, a, b) < probability) low = middle;
    else high = middle;
  }
}

const tiny = 1e-300;

function fromBelow(x: number, complement: number, a: number, b: number): number {
  let c = 1;
  let d = nonZero(1 - ((a + b) * x) / (a + 1));
  d = 1 / d;
  let fraction = d;
  for (let m = 1; m <= 100_000; m++) {
    const even = (m * (b - m) * x) / ((a + 2 * m - 1) * (a + 2 * m));
    d = 1 / nonZero(1 + even * d);
    c = nonZero(1 + even / c);
    fraction *= d * c;
    const odd = (-(a + m) * (a + b + m) * x) / ((a + 2 * m) * (a + 2 * m + 1));
    d = 1 / nonZero(1 + odd * d);
    c = nonZero(1 + odd / c);
    const change = d * c;
    fraction *= change;
    if (Math.abs(change - 1) < 1e-16) break;
  }
  return (Math.exp(logarithmOfPower(x, complement, a, b)) / a) * fraction;
}

function nonZero(x: number): number {
  return Math.abs(x) < tiny ? tiny : x;
}

/** ln(x^a (1 - x)^b / B(a, b)): for large a and b the terms are huge and cancel, the deviances do not. */
function logarithmOfPower(x: number, complement: number, a: number, b: number): number {
  if (Math.min(a, b) < 10) {
    return a * Math.log(x) + b * Math.log(complement) + gammaLogarithm(a + b) - gammaLogarithm(a) - gammaLogarithm(b);
  }
  const sum = a + b;
  const deviance = deviancePart(a, sum * x) + deviancePart(b, sum * complement);
  return (
    stirlingError(sum) - stirlingError(a) - stirlingError(b) + 0.5 * Math.log((a * b) / (2 * Math.PI * sum)) - deviance
  );
}

/** k ln(k / mean) + mean - k, without cancellation where the two are close. */
function deviancePart(k: number, mean: number): number {
  const difference = k - mean;
  if (Math.abs(difference) >= 0.1 * (k + mean)) return k * Math.log(k / mean) + mean - k;
  const v = difference / (k + mean);
  let sum = difference * v;
  let term = 2 * k * v;
  for (let j = 1; j < 1000; j++) {
    term *= v * v;
    const next = sum + term / (2 * j + 1);
    if (next === sum) break;
    sum = next;
  }
  return sum;
}

/** ln Γ(z) less Stirling's formula (z - 1/2) ln z - z + ln(2π) / 2, for z >= 10. */
function stirlingError(z: number): number {
  const s = 1 / (z * z);
  const coefficients = [1 / 12, -1 / 360, 1 / 1260, -1 / 1680, 1 / 1188, -691 / 360_360, 1 / 156];
  return coefficients.reduceRight((sum, coefficient) => sum * s + coefficient, 0) / z;
}
