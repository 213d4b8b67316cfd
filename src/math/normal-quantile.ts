/** Quantile of the standard normal law. @stdlib's is a start (4e-7 off at 1e-12; simple-statistics' is 4e-4 off), one step of Halley's the rest. */
import quantile from "@stdlib/stats-base-dists-normal-quantile";
import { normalProbability } from "./normal-probability.ts";

/** The z that a standard normal variable stays below with the given probability; -Infinity at 0, Infinity at 1, NaN outside. */
export function normalQuantile(probability: number): number {
  // In the lower tail, where a small probability keeps its digits.
  if (probability > 0.5) return -normalQuantile(1 - probability);
  const start = quantile(probability, 0, 1);
  if (!Number.isFinite(start) || start === 0) return start;
  const density = Math.exp((-start * start) / 2) / Math.sqrt(2 * Math.PI);
  const step = (normalProbability(start) - probability) / density;
  return start - step / (1 + (start * step) / 2);
}
