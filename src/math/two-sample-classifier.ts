/**
 * How well two samples of rows can be told apart: a classifier learns which sample a row is from and is judged on rows that it has not
 * seen (Lopez-Paz & Oquab 2017, ICLR, "Revisiting classifier two-sample tests").
 */
import { addCrossProducts, type LogisticModel, logisticRegression, type SparseRows } from "./logistic-regression.ts";
import type { FeatureScore, PooledColumns } from "./pooled-columns.ts";
import { scoreRanking } from "./roc-auc.ts";
import { productSums, type ScorePair, screenedPairs } from "./screened-products.ts";

export const FOLDS = 5;
/** Ridge for each row: a bin of a tenth of the rows gives up two thirds of its coefficient, a score of unit variance a sixth. */
const RIDGE_PER_ROW = 0.05;

export interface TwoSampleResult {
  /** Probability that of a row of each sample, both of one fold, the second sample's is taken for the likelier one; 0.5: they look alike. */
  readonly rocAuc: number;
  /**
   * How much each feature adds to the difference of the samples' mean log odds on unseen rows; they add up to it. Below 0 where
   * what was learned of the feature did not hold.
   */
  readonly contributions: Float64Array;
  /** Pairs of features (by place) whose product took part in any fold. */
  readonly products: readonly (readonly [number, number])[];
}

/**
 * @param hashes of the rows; the same hash is in the same fold
 * @param isSecond 1 for rows of the second sample, else 0
 * @returns NaN where no fold has rows of both samples inside and outside
 */
export function tellApart(
  { table, featureOf, scores }: PooledColumns,
  features: number,
  hashes: Uint32Array,
  isSecond: Uint8Array,
): TwoSampleResult {
  const foldOf = Uint8Array.from(hashes, (hash) => hash % FOLDS);
  const products = productSums(scores, foldOf, FOLDS, isSecond);
  const ofFolds = productsOfFolds(table, foldOf, isSecond);
  const contributions = new Float64Array(features);
  const seen = new Map<string, readonly [number, number]>();
  let [pairs, ordered] = [0, 0];
  for (let fold = 0; fold < FOLDS; fold++) {
    if (!isDivided(foldOf, fold, isSecond)) continue;
    const chosen = screenedPairs(products, fold);
    const extended = withProducts(table, scores, chosen);
    const owners = ownersOf(featureOf, scores, chosen);
    for (const [first, second] of owners.slice(featureOf.length)) seen.set(`${first} ${second}`, [first, second]);
    const learned = fit(extended, table.columns, ofFolds, foldOf, fold, isSecond);
    const judged = judge(extended, learned, owners, foldOf, fold, isSecond);
    pairs += judged.pairs;
    ordered += judged.pairs * judged.rocAuc;
    for (const [feature, part] of judged.contributions.entries())
      contributions[feature] = (contributions[feature] ?? 0) + (part * judged.rows) / hashes.length;
  }
  return { rocAuc: ordered / pairs, contributions, products: [...seen.values()] };
}

function isDivided(foldOf: Uint8Array, fold: number, isSecond: Uint8Array): boolean {
  const found = new Uint8Array(4);
  for (let row = 0; row < foldOf.length; row++) found[(foldOf[row] === fold ? 2 : 0) + (isSecond[row] ?? 0)] = 1;
  return found.every((one) => one === 1);
}

/** Cross products of the first sample's rows and of the second's in each fold: every fit adds up those of its folds. */
function productsOfFolds(table: SparseRows, foldOf: Uint8Array, isSecond: Uint8Array): Float64Array[] {
  return Array.from({ length: 2 * FOLDS }, (_, group) => {
    const matrix = new Float64Array((table.columns + 1) ** 2);
    const rows = Uint32Array.from(foldOf.keys()).filter(
      (row) => 2 * (foldOf[row] ?? 0) + (isSecond[row] ?? 0) === group,
    );
    addCrossProducts(matrix, table, rows, isSecond, [1, 1]);
    return matrix;
  });
}

/** The classes weigh the same, so that a small window is not taken for the rarer thing. `known`: columns that `ofFolds` has. */
function fit(
  table: SparseRows,
  known: number,
  ofFolds: readonly Float64Array[],
  foldOf: Uint8Array,
  fold: number,
  isSecond: Uint8Array,
): LogisticModel {
  const chosen = Uint32Array.from(foldOf.keys()).filter((row) => foldOf[row] !== fold);
  const second = chosen.reduce((sum, row) => sum + (isSecond[row] ?? 0), 0);
  const weights = [chosen.length / 2 / (chosen.length - second), chosen.length / 2 / second] as const;
  const size = table.columns + 1;
  const products = new Float64Array(size * size);
  for (const [group, matrix] of ofFolds.entries()) {
    if (group >> 1 === fold) continue;
    const weight = group % 2 === 1 ? weights[1] : weights[0];
    for (let line = 0; line < known; line++) {
      for (let column = 0; column <= line; column++) {
        const place = line * size + column;
        products[place] = (products[place] ?? 0) + weight * (matrix[line * (known + 1) + column] ?? 0);
      }
    }
  }
  // The lines of the products of scores, and the intercept's.
  addCrossProducts(products, table, chosen, isSecond, weights, known);
  const options = { ridge: RIDGE_PER_ROW * chosen.length, tolerance: 1e-6, mostSteps: 50 };
  return logisticRegression(table, chosen, isSecond, weights, options, products);
}

interface Judged {
  readonly rows: number;
  /** Pairs of a row of each sample. */
  readonly pairs: number;
  readonly rocAuc: number;
  readonly contributions: Float64Array;
}

function judge(
  { width, indices, values }: SparseRows,
  { intercept, coefficients }: LogisticModel,
  owners: readonly (readonly [number, number])[],
  foldOf: Uint8Array,
  fold: number,
  isSecond: Uint8Array,
): Judged {
  const chosen = Uint32Array.from(foldOf.keys()).filter((row) => foldOf[row] === fold);
  const second = chosen.reduce((sum, row) => sum + (isSecond[row] ?? 0), 0);
  // Each row's share of its sample's mean; of the first sample with a minus.
  const shares = [-1 / (chosen.length - second), 1 / second] as const;
  const byColumn = new Float64Array(owners.length);
  const logits: number[] = [];
  const positive: boolean[] = [];
  for (const row of chosen) {
    const share = isSecond[row] === 1 ? shares[1] : shares[0];
    let logit = intercept;
    for (let e = row * width; e < (row + 1) * width; e++) {
      const column = indices[e] ?? 0;
      const part = (values[e] ?? 0) * (coefficients[column] ?? 0);
      logit += part;
      byColumn[column] = (byColumn[column] ?? 0) + share * part;
    }
    logits.push(logit);
    positive.push(isSecond[row] === 1);
  }
  const contributions = new Float64Array(owners.reduce((most, pair) => Math.max(most, pair[0], pair[1]), 0) + 1);
  for (const [column, [first, other]] of owners.entries()) {
    const half = (byColumn[column] ?? 0) / 2;
    contributions[first] = (contributions[first] ?? 0) + half;
    contributions[other] = (contributions[other] ?? 0) + half;
  }
  return {
    rows: chosen.length,
    pairs: second * (chosen.length - second),
    rocAuc: scoreRanking(logits, positive).rocAuc,
    contributions,
  };
}

/** The features that a column speaks of: twice the same, or the two of a product. */
function ownersOf(
  featureOf: Int32Array,
  scores: readonly FeatureScore[],
  chosen: readonly ScorePair[],
): (readonly [number, number])[] {
  const own = Array.from(featureOf, (feature) => [feature, feature] as const);
  const both = chosen.map(({ first, second }) => [scores[first]?.feature ?? 0, scores[second]?.feature ?? 0] as const);
  return [...own, ...both];
}

function withProducts(table: SparseRows, scores: readonly FeatureScore[], chosen: readonly ScorePair[]): SparseRows {
  if (chosen.length === 0) return table;
  const width = table.width + chosen.length;
  const indices = new Int32Array(table.rows * width);
  const values = new Float64Array(table.rows * width);
  for (let row = 0; row < table.rows; row++) {
    const to = row * width;
    indices.set(table.indices.subarray(row * table.width, (row + 1) * table.width), to);
    values.set(table.values.subarray(row * table.width, (row + 1) * table.width), to);
  }
  for (const [at, { first, second }] of chosen.entries()) {
    const a = scores[first]?.values ?? new Float64Array(0);
    const b = scores[second]?.values ?? new Float64Array(0);
    for (let row = 0; row < table.rows; row++) {
      const entry = row * width + table.width + at;
      indices[entry] = table.columns + at;
      values[entry] = (a[row] ?? 0) * (b[row] ?? 0);
    }
  }
  return { rows: table.rows, width, columns: table.columns + chosen.length, indices, values };
}
