/**
 * Which products of two features' scores have another mean in one class than in the other: changes of what goes together, which no sum of
 * columns of single features can show. Of the thousands of pairs only those that stand out of chance are kept, or they would drown the rest.
 */
import type { FeatureScore } from "./pooled-columns.ts";

export interface ScorePair {
  /** Places among the scores. */
  readonly first: number;
  readonly second: number;
}

/** Sums that tell, for any set of folds left out, how far the means of the products differ. */
export interface ProductSums {
  readonly pairs: readonly ScorePair[];
  /** For each fold, then for each class: the sum of each pair's products. */
  readonly sums: readonly (readonly [Float64Array, Float64Array])[];
  /** Rows of each fold and class. */
  readonly rows: readonly (readonly [number, number])[];
  /** Variance of each product over all rows. */
  readonly variances: Float64Array;
}

/** Products kept at most, those that differ most. */
const MOST_PRODUCTS = 30;
const LEAST_SCORE = 2.5;

export function productSums(
  scores: readonly FeatureScore[],
  foldOf: Uint8Array,
  folds: number,
  isPositive: Uint8Array,
): ProductSums {
  const pairs: ScorePair[] = [];
  for (let first = 0; first < scores.length; first++) {
    for (let second = first + 1; second < scores.length; second++) {
      if (scores[first]?.feature !== scores[second]?.feature) pairs.push({ first, second });
    }
  }
  const sums = Array.from(
    { length: folds },
    () => [new Float64Array(pairs.length), new Float64Array(pairs.length)] as const,
  );
  const rows = Array.from({ length: folds }, (): [number, number] => [0, 0]);
  for (let row = 0; row < foldOf.length; row++) {
    const counts = rows[foldOf[row] ?? 0];
    const side = isPositive[row] === 1 ? 1 : 0;
    if (counts !== undefined) counts[side]++;
  }
  const variances = new Float64Array(pairs.length);
  for (const [at, { first, second }] of pairs.entries()) {
    const a = scores[first]?.values ?? new Float64Array(0);
    const b = scores[second]?.values ?? new Float64Array(0);
    let [sum, squares] = [0, 0];
    for (let row = 0; row < foldOf.length; row++) {
      const product = (a[row] ?? 0) * (b[row] ?? 0);
      const into = sums[foldOf[row] ?? 0]?.[isPositive[row] === 1 ? 1 : 0];
      if (into !== undefined) into[at] = (into[at] ?? 0) + product;
      sum += product;
      squares += product * product;
    }
    variances[at] = Math.max(0, squares / foldOf.length - (sum / foldOf.length) ** 2);
  }
  return { pairs, sums, rows, variances };
}

/**
 * The pairs whose means differ by more than the greatest of so many differences does by chance, without the rows of one fold: the
 * universal threshold sqrt(2 ln pairs) (Donoho & Johnstone 1994, Biometrika 81, 425-455).
 */
export function screenedPairs({ pairs, sums, rows, variances }: ProductSums, withoutFold: number): ScorePair[] {
  let [negatives, positives] = [0, 0];
  for (const [fold, [ofNegative, ofPositive]] of rows.entries()) {
    if (fold === withoutFold) continue;
    negatives += ofNegative;
    positives += ofPositive;
  }
  const least = Math.max(LEAST_SCORE, Math.sqrt(2 * Math.log(Math.max(1, pairs.length))));
  const found: { readonly pair: ScorePair; readonly score: number }[] = [];
  for (const [at, pair] of pairs.entries()) {
    let [negative, positive] = [0, 0];
    for (const [fold, [ofNegative, ofPositive]] of sums.entries()) {
      if (fold === withoutFold) continue;
      negative += ofNegative[at] ?? 0;
      positive += ofPositive[at] ?? 0;
    }
    const error = Math.sqrt((variances[at] ?? 0) * (1 / negatives + 1 / positives));
    const score = error > 0 ? Math.abs(positive / positives - negative / negatives) / error : 0;
    if (score > least) found.push({ pair, score });
  }
  return found
    .sort((a, b) => b.score - a.score || a.pair.first - b.pair.first || a.pair.second - b.pair.second)
    .slice(0, MOST_PRODUCTS)
    .map(({ pair }) => pair);
}
