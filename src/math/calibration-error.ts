/** How far scores are from probabilities: the reliability curve, and its mean distance from the diagonal. */
import { chiSquaredUpperTail } from "./chi-squared-upper-tail.ts";

/** Rows of a score bin: how many, the sum of their scores, and how many have a positive label. */
export interface ReliabilityBin {
  readonly rows: number;
  readonly scores: number;
  readonly positives: number;
}

/**
 * The chance of bins at least as far off as these if every score were the exact probability of its label: Σ (O − E)² / V against the
 * chi-squared law with one degree of freedom a bin (Hosmer & Lemeshow 1980, Communications in Statistics A9, 1043-1069, for scores that
 * were not fitted to these rows).
 *
 * @returns 1 where no bin has rows whose label is open
 */
export function calibrationPValue(bins: readonly ReliabilityBin[]): number {
  let statistic = 0;
  let degrees = 0;
  for (const { rows, scores, positives } of bins) {
    const variance = rows > 0 ? scores * (1 - scores / rows) : 0;
    if (!(variance > 0)) continue;
    statistic += (positives - scores) ** 2 / variance;
    degrees++;
  }
  return degrees === 0 ? 1 : chiSquaredUpperTail(statistic, degrees);
}

export interface CalibrationError {
  /** Expected calibration error as usually written: Σ (n_k / n) |positive share − mean score|. */
  readonly plain: number;
  /** What `plain` would be on average if the scores were exact probabilities: it is never zero, least of all for few rows. */
  readonly noise: number;
  /** max(0, plain − noise). */
  readonly debiased: number;
  /** Standard error of `plain`, by the normal law of each bin's share. */
  readonly deviation: number;
  /** Greatest distance of a bin with rows (maximum calibration error). */
  readonly greatest: number;
}

/** The index of a score's bin among `bins` of equal width over [0, 1]; 1 lies in the last one. */
export const scoreBin = (score: number, bins: number): number =>
  Math.max(0, Math.min(bins - 1, Math.floor(score * bins)));

/**
 * Naeini, Cooper & Hauskrecht (2015, AAAI) for the plain form. It is biased upward, since each bin's distance is the absolute value of
 * a noisy number: the mean of that noise, σ_k √(2/π) with σ_k² = p(1 − p) / n_k, is taken off. All 0 where there are no rows.
 */
export function calibrationError(bins: readonly ReliabilityBin[]): CalibrationError {
  let n = 0;
  for (const bin of bins) n += bin.rows;
  const sums = { plain: 0, noise: 0, variance: 0, greatest: 0 };
  for (const { rows, scores, positives } of bins) {
    if (rows <= 0) continue;
    const weight = rows / n;
    const expected = Math.min(1, Math.max(0, scores / rows));
    const share = positives / rows;
    const distance = Math.abs(share - expected);
    sums.plain += weight * distance;
    sums.noise += weight * Math.sqrt((2 * expected * (1 - expected)) / (Math.PI * rows));
    sums.variance += (weight * weight * share * (1 - share)) / rows;
    sums.greatest = Math.max(sums.greatest, distance);
  }
  const { plain, noise, variance, greatest } = sums;
  return { plain, noise, debiased: Math.max(0, plain - noise), deviation: Math.sqrt(variance), greatest };
}
