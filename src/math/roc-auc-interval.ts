/** Confidence interval of a ROC-AUC from nothing but the area and the two class sizes, so that it needs no rows. */
import { normalQuantile } from "./normal-quantile.ts";

/**
 * Newcombe's fifth method (2006, Statistics in Medicine 25, 559-573): the areas whose distance from the observed one is the normal quantile
 * times Hanley & McNeil's standard error (1982, Radiology 143, 29-36) *at those areas*. Like Wilson's interval for shares it stays inside
 * 0..1 and has width at an area of 0 or 1, where the plain standard error is 0.
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
  const z = normalQuantile((1 + level) / 2);
  const isBeyond = (at: number) => Math.abs(area - at) > z * standardError(at, positives, negatives);
  return { lower: end(area, 0, isBeyond), upper: end(area, 1, isBeyond) };
}

/** Hanley & McNeil's standard error with Newcombe's mean class size in the place of the two. */
function standardError(area: number, positives: number, negatives: number): number {
  const size = (positives + negatives) / 2 - 1;
  const factor = 1 + (size * (1 - area)) / (2 - area) + (size * area) / (1 + area);
  return Math.sqrt(Math.max(0, (area * (1 - area) * factor) / (positives * negatives)));
}

/** The last area from the observed one towards `limit` that is not beyond the quantile, by bisection. */
function end(area: number, limit: number, isBeyond: (at: number) => boolean): number {
  let inside = area;
  let outside = limit;
  if (area === limit) return limit;
  for (let step = 0; step < 60; step++) {
    const middle = (inside + outside) / 2;
    if (isBeyond(middle)) outside = middle;
    else inside = middle;
  }
  return (inside + outside) / 2;
}
