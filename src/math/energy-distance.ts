/** The energy distance of two samples of raw values. */
import { integralOfDifference } from "./wasserstein-distance.ts";

/**
 * 2 E|X - Y| - E|X - X'| - E|Y - Y'| = 2 ∫ (F - G)² (Székely & Rizzo 2013, Journal of Statistical Planning and Inference 143, 1249-1272),
 * in the unit of the values; of the samples themselves (V-statistic), so never negative. SciPy calls its square root the energy distance.
 * NaN if a sample is empty.
 */
export function squaredEnergyDistance(a: readonly number[], b: readonly number[]): number {
  if (a.length === 0 || b.length === 0) return Number.NaN;
  return 2 * integralOfDifference(a, b, (difference) => difference * difference);
}
