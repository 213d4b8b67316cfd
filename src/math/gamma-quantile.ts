/** Quantile of the gamma law, typed, from @stdlib (Temme's inversion; about 1e-12 relative). */
import quantile from "@stdlib/stats-base-dists-gamma-quantile";

/** The value that a gamma variable of this shape and scale stays below with the given probability. */
export function gammaQuantile(probability: number, shape: number, scale: number): number {
  return quantile(probability, shape, 1) * scale;
}
