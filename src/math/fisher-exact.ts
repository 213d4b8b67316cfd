/** Fisher's exact test of a table of two by two, and the hypergeometric law's cumulative probabilities. */
import { hypergeometricLaw } from "./hypergeometric.ts";

/** P(K <= k): of `rows` rows `marked` are marked, `drawn` are drawn without return, K of these are marked. */
export function hypergeometricProbability(k: number, rows: number, marked: number, drawn: number): number {
  const { first, weights } = hypergeometricLaw(rows, marked, drawn);
  let below = 0;
  for (const [index, weight] of weights.entries()) if (first + index <= k) below += weight;
  return Math.min(1, below);
}

/**
 * Two-sided p-value: the probability, given the margins, of all tables that are no likelier than this one (Fisher 1935, J. R. Stat. Soc.
 * 98, 39-82). Cells are whole numbers of at least 0; 1 where a margin is 0.
 */
export function fisherExact(table: readonly [readonly [number, number], readonly [number, number]]): number {
  const [[a, b], [c, d]] = table;
  const { first, weights } = hypergeometricLaw(a + b + c + d, a + c, a + b);
  const own = weights[a - first] ?? 1;
  let sum = 0;
  // Tables that are equally likely may differ by rounding.
  for (const weight of weights) if (weight <= own * (1 + 1e-13)) sum += weight;
  return Math.min(1, sum);
}
