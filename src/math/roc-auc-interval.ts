/** Confidence interval of a ROC-AUC from nothing but the area and the two class sizes, so that it needs no rows. */
import { normalQuantile } from "./normal-quantile.ts";

/**
 * Hanley & McNeil's interval (1982, Radiology 143, 29-36), formed on the logit scale so that it stays inside 0..1.
 *
 * An area of 0 or 1 would have no width there; it is moved in by half a pair, 1 / (2 · positives · negatives), to find the other end.
 *
 * @returns [0, 1] where a class is empty
 */
export function rocAucInterval(
  area: number,
  positives: number,
  negatives: number,
  level = 0.95,
): { readonly lower: number; readonly upper: number } {
  if (positives <= 0 || negatives <= 0) return { lower: 0, upper: 1 };
  const halfPair = 1 / (2 * positives * negatives);
  const inner = Math.min(1 - halfPair, Math.max(halfPair, area));
  if (inner <= 0 || inner >= 1) return { lower: 0, upper: 1 };
  const bothPositives = inner / (2 - inner);
  const bothNegatives = (2 * inner * inner) / (1 + inner);
  const variance =
    (inner * (1 - inner) +
      (positives - 1) * (bothPositives - inner * inner) +
      (negatives - 1) * (bothNegatives - inner * inner)) /
    (positives * negatives);
  const logit = Math.log(inner / (1 - inner));
  const half = (normalQuantile((1 + level) / 2) * Math.sqrt(Math.max(0, variance))) / (inner * (1 - inner));
  const lower = 1 / (1 + Math.exp(half - logit));
  const upper = 1 / (1 + Math.exp(-half - logit));
  return { lower: Math.min(area, lower), upper: Math.max(area, upper) };
}
