/** The binomial law, through the incomplete beta function: exact at any size. */
import { incompleteBetaComplement } from "./incomplete-beta.ts";

/** P(K <= k) of n trials that succeed with the probability p each. */
export function binomialProbability(k: number, n: number, p: number): number {
  if (k < 0) return 0;
  if (k >= n) return 1;
  return incompleteBetaComplement(p, Math.floor(k) + 1, n - Math.floor(k));
}
