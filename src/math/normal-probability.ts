/** Probability of the standard normal law, exact far out in the tails too: through the incomplete gamma function of @stdlib. */
import gammainc from "@stdlib/math-base-special-gammainc";

/** P(Z <= z). */
export function normalProbability(z: number): number {
  if (z === 0) return 0.5;
  const tail = gammainc((z * z) / 2, 0.5, true, true) / 2;
  return z < 0 ? tail : 1 - tail;
}
