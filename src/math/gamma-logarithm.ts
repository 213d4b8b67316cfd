/** Natural logarithm of the gamma function, typed, from @stdlib (FreeBSD's lgamma). */
import gammaln from "@stdlib/math-base-special-gammaln";

/** ln Γ(x) for x > 0. */
export function gammaLogarithm(x: number): number {
  return gammaln(x);
}
