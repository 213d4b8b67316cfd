/** How far the ranking of means strays by chance alone: nDCG of two samples of one and the same importances. */

import { normalQuantile } from "./normal-quantile.ts";
import { normalisedDiscountedGain } from "./normalised-discounted-gain.ts";

/** A mean with its standard error. */
export interface Measured {
  readonly mean: number;
  readonly deviation: number;
}

/**
 * Draws both rankings anew from the reference's means, each with its own standard errors (parametric bootstrap: Efron & Tibshirani 1993,
 * An Introduction to the Bootstrap, section 6.5), always with the same random numbers.
 *
 * @param before mean importances of the reference, none negative
 * @param deviations standard errors of the window's means, in the same order
 * @returns mean of the nDCG, and what it falls below in 1 % of the draws
 */
export function rankingNoise(
  before: readonly Measured[],
  deviations: readonly number[],
  draws = 400,
): { readonly expected: number; readonly lower01: number } {
  const next = uniform();
  const draw = (mean: number, deviation: number) => Math.abs(mean + deviation * normalQuantile(next()));
  const gains = Float64Array.from({ length: draws }, () => {
    const relevance = before.map(({ mean, deviation }) => draw(mean, deviation));
    return normalisedDiscountedGain(
      relevance,
      before.map(({ mean }, index) => draw(mean, deviations[index] ?? 0)),
    );
  }).sort();
  let sum = 0;
  for (const gain of gains) sum += gain;
  return { expected: sum / draws, lower01: gains[Math.max(0, Math.floor(draws / 100) - 1)] ?? 0 };
}

/** Uniform numbers inside (0, 1): a 32-bit linear congruential generator (Numerical Recipes' constants). */
function uniform(): () => number {
  let state = 20_240_229;
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return (state + 0.5) / 4_294_967_296;
  };
}
