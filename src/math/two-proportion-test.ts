/** The textbook test of two shares, for people who expect its p-value; near 0 and 1 fisher-exact.ts holds where this does not. */
import { normalProbability } from "./normal-probability.ts";

/**
 * z of the difference x1/n1 - x2/n2 over its standard deviation at the pooled share, and its two-sided p-value. NaN where both samples
 * have none or nothing but successes, as they then say nothing on the spread.
 */
export function twoProportionTest(x1: number, n1: number, x2: number, n2: number): { z: number; pValue: number } {
  const pooled = (x1 + x2) / (n1 + n2);
  const z = (x1 / n1 - x2 / n2) / Math.sqrt(pooled * (1 - pooled) * (1 / n1 + 1 / n2));
  return { z, pValue: 2 * normalProbability(-Math.abs(z)) };
}
