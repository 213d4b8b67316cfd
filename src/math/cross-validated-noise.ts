/** What a cross-validated ROC-AUC shows where there is nothing to learn: more than the same number of rows does once. */
import { normalQuantile } from "./normal-quantile.ts";

/**
 * The 99 % point. On one fold the area has the rank-sum law: mean 1/2, variance (n + m + 1) / (12 n m), whatever was learned (Mann & Whitney
 * 1947, Ann. Math. Stat. 18, 50-60). Yet folds agree by chance: the rows that are tested in one are learned from in the others, which
 * for a classifier that follows the difference of the means doubles the variance of their mean, whatever the number of folds. So the
 * error is that of a single split into halves.
 *
 * @returns NaN where a sample is empty
 */
export function crossValidatedAucNoise(
  first: number,
  second: number,
): { readonly expected: number; readonly upper99: number } {
  const error = Math.sqrt((first + second + 1) / (12 * first * second));
  return { expected: 0.5, upper99: Math.min(1, 0.5 + normalQuantile(0.99) * Math.SQRT2 * error) };
}
