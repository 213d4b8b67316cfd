/** Fisher's exact test of a table of two by two, and the hypergeometric law behind it. */
import { gammaLogarithm } from "./gamma-logarithm.ts";

/** P(K <= k): of `rows` rows `marked` are marked, `drawn` are drawn without return, K of these are marked. */
export function hypergeometricProbability(k: number, rows: number, marked: number, drawn: number): number {
  const { first, weights } = law(rows, marked, drawn);
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
  const { first, weights } = law(a + b + c + d, a + c, a + b);
  const own = weights[a - first] ?? 1;
  let sum = 0;
  // Tables that are equally likely may differ by rounding.
  for (const weight of weights) if (weight <= own * (1 + 1e-13)) sum += weight;
  return Math.min(1, sum);
}

/** All probabilities from the least possible number on, from the mode outwards and then normalised, so that none cancel. */
function law(rows: number, marked: number, drawn: number): { first: number; weights: Float64Array } {
  const first = Math.max(0, marked + drawn - rows);
  const last = Math.min(marked, drawn);
  const weights = new Float64Array(last - first + 1);
  const mode = Math.min(last, Math.max(first, Math.floor(((marked + 1) * (drawn + 1)) / (rows + 2))));
  const choose = (n: number, k: number) => gammaLogarithm(n + 1) - gammaLogarithm(k + 1) - gammaLogarithm(n - k + 1);
  const atMode = Math.exp(choose(marked, mode) + choose(rows - marked, drawn - mode) - choose(rows, drawn));
  weights[mode - first] = atMode;
  const ratio = (k: number) => ((marked - k) * (drawn - k)) / ((k + 1) * (rows - marked - drawn + k + 1));
  for (let k = mode; k < last; k++) weights[k + 1 - first] = (weights[k - first] ?? 0) * ratio(k);
  for (let k = mode; k > first; k--) weights[k - 1 - first] = (weights[k - first] ?? 0) / ratio(k - 1);
  let sum = 0;
  for (const weight of weights) sum += weight;
  return { first, weights: weights.map((weight) => weight / sum) };
}
