/** From a reference to the page tier's plan: its directions, tolerances and design effects put together, as every stream should have it. */
import { designEffects } from "./design-effect.ts";
import { directionsOf } from "./directions.ts";
import type { StreamReference } from "./stream-reference.ts";
import { pagePlan, type TiltPlan } from "./tilt-plan.ts";
import { type ToleranceOptions, tolerancesOf } from "./tolerance.ts";

/**
 * Tolerances by what is to be ignored and by the reference's size; design effects by its panes in the order of time, none where these are
 * not known.
 */
export function fitPagePlan(
  reference: StreamReference,
  tolerance: ToleranceOptions,
  panes: readonly ArrayLike<number>[] = [],
): TiltPlan {
  const directions = directionsOf(reference);
  const tolerances = tolerancesOf(reference, directions, tolerance).map(({ value }) => value);
  return pagePlan(reference, [{ weights: reference.weights, tolerances }], {
    designEffects: designEffects(panes, reference.weights, directions),
  });
}
