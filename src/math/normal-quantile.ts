/** Quantile of the standard normal law, typed, from @stdlib: simple-statistics' one has an error of 4e-4. */
import quantile from "@stdlib/stats-base-dists-normal-quantile";

/** The z that a standard normal variable stays below with the given probability; -Infinity at 0, Infinity at 1. */
export function normalQuantile(probability: number): number {
  return quantile(probability, 0, 1);
}
