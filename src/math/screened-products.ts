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
  /** The sums of each pair's products in the first fold's negative rows, its positive ones, the second fold's negative ones, … */
  readonly sums: readonly Float64Array[];
  /** How many rows these are. */
  readonly counts: Uint32Array;
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
  // Rows of one fold and class stand together, so that the sums run over them without looking anything up.
  const groupOf = Uint8Array.from(foldOf, (fold, row) => 2 * fold + (isPositive[row] === 1 ? 1 : 0));
  const order = Uint32Array.from(groupOf.keys()).sort((a, b) => (groupOf[a] ?? 0) - (groupOf[b] ?? 0) || a - b);
  const counts = new Uint32Array(2 * folds);
  for (const group of groupOf) counts[group] = (counts[group] ?? 0) + 1;
  const arranged = scores.map(({ values }) => Float64Array.from(order, (row) => values[row] ?? 0));
  const sums = Array.from(counts, () => new Float64Array(pairs.length));
  const variances = new Float64Array(pairs.length);
  for (const [at, { first, second }] of pairs.entries()) {
    const a = arranged[first] ?? new Float64Array(0);
    const b = arranged[second] ?? new Float64Array(0);
    let [row, sum, squares] = [0, 0, 0];
    for (let group = 0; group < counts.length; group++) {
      const before = sum;
      for (const end = row + (counts[group] ?? 0); row < end; row++) {
        const product = (a[row] ?? 0) * (b[row] ?? 0);
        sum += product;
        squares += product * product;
      }
      const into = sums[group];
      if (into !== undefined) into[at] = sum - before;
    }
    variances[at] = Math.max(0, squares / row - (sum / row) ** 2);
  }
  return { pairs, sums, counts, variances };
}

/**
 * The pairs whose means differ by more than the greatest of so many differences does by chance, without the rows of one fold: the
 * universal threshold sqrt(2 ln pairs) (Donoho & Johnstone 1994, Biometrika 81, 425-455).
 */
export function screenedPairs({ pairs, sums, counts, variances }: ProductSums, withoutFold: number): ScorePair[] {
  const groups = [...sums.entries()].filter(([group]) => group >> 1 !== withoutFold);
  const rowsOf = (side: number) =>
    groups.reduce((rows, [group]) => rows + (group % 2 === side ? (counts[group] ?? 0) : 0), 0);
  const [negatives, positives] = [rowsOf(0), rowsOf(1)];
  const least = Math.max(LEAST_SCORE, Math.sqrt(2 * Math.log(Math.max(1, pairs.length))));
  const found: { readonly pair: ScorePair; readonly score: number }[] = [];
  for (const [at, pair] of pairs.entries()) {
    let [negative, positive] = [0, 0];
    for (const [group, sum] of groups) {
      if (group % 2 === 0) negative += sum[at] ?? 0;
      else positive += sum[at] ?? 0;
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
