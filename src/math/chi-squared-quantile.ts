/** Quantile of the chi-squared law, typed, from @stdlib. */
import quantile from "@stdlib/stats-base-dists-chisquare-quantile";

/** The value that a chi-squared variable stays below with the given probability; 0 with no degrees of freedom. */
export function chiSquaredQuantile(probability: number, degreesOfFreedom: number): number {
  return degreesOfFreedom <= 0 ? 0 : quantile(probability, degreesOfFreedom);
}
