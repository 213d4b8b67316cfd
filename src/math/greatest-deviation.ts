/** The greatest of many standard normal deviations, in size: what the most striking of many comparisons shows by chance. */
import { normalProbability } from "./normal-probability.ts";
import { normalQuantile } from "./normal-quantile.ts";

/**
 * `expected` as if they were independent, `upper99` by the union bound, which holds however they depend.
 *
 * @param count 1 or more
 */
export function greatestDeviation(count: number): { readonly expected: number; readonly upper99: number } {
  const upper99 = -normalQuantile(0.005 / count);
  const steps = 64;
  const end = upper99 + 2;
  let expected = 0;
  for (let step = 0; step < steps; step++) {
    const size = ((step + 0.5) / steps) * end;
    const noneBeyond = Math.exp(count * Math.log1p(-2 * normalProbability(-size)));
    expected += (end / steps) * (1 - noneBeyond);
  }
  return { expected, upper99 };
}
