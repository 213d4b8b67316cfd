/** A law known by its first three moments, for 99 % points of sums that are neither normal nor chi-squared. */
import { gammaLogarithm } from "./gamma-logarithm.ts";
import { gammaQuantile } from "./gamma-quantile.ts";
import { normalQuantile } from "./normal-quantile.ts";

export interface Moments {
  readonly mean: number;
  readonly variance: number;
  /** Third central moment over the cube of the standard deviation; less than the gamma law's own is raised to it. */
  readonly skewness?: number;
}

// Past this the 99 % point in standard deviations falls again, as the rare event gets rarer than 1 in 100.
const greatestSkewness = 8;

/**
 * Quantile of the shifted gamma law (Pearson's type III) with these moments.
 *
 * Without skewness, or with less of it, it is the gamma law of this mean and variance, which is exact for chi-squared.
 * A law without spread gives its mean and a rounding error more, so that the mean itself does not exceed it.
 */
export function momentQuantile(probability: number, { mean, variance, skewness = 0 }: Moments): number {
  if (!(variance > 1e-24 * mean * mean) || !(mean > 0)) return mean * (1 + 1e-9);
  const standardDeviation = Math.sqrt(variance);
  const skew = Math.min(Math.max((2 * standardDeviation) / mean, skewness), greatestSkewness);
  const shape = 4 / (skew * skew);
  return mean + (standardDeviation * (gammaQuantile(probability, shape, 1) - shape)) / Math.sqrt(shape);
}

/**
 * Quantile, above the middle, of a law around 0 with this standard deviation and skewness (Pearson's type III; normal without skewness).
 * Negative skewness bounds the law on this side.
 */
export function skewedQuantile(probability: number, standardDeviation: number, skewness: number): number {
  const skew = Math.min(Math.max(skewness, -greatestSkewness), greatestSkewness);
  // Nearly symmetric, its gamma law has more shape than the quantile function can do with.
  if (!(Math.abs(skew) > 0.02)) return standardDeviation * normalQuantile(probability);
  const shape = 4 / (skew * skew);
  const gamma = gammaQuantile(skew > 0 ? probability : 1 - probability, shape, 1);
  return (Math.sign(skew) * standardDeviation * (gamma - shape)) / Math.sqrt(shape);
}

/** Mean of the square root of a gamma variable with this mean and variance. */
export function meanOfRoot({ mean, variance }: Moments): number {
  if (!(mean > 0)) return 0;
  if (!(variance > 1e-12 * mean * mean)) return Math.sqrt(mean);
  const shape = (mean * mean) / variance;
  return Math.sqrt(mean / shape) * Math.exp(gammaLogarithm(shape + 0.5) - gammaLogarithm(shape));
}
