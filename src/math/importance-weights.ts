/** Rows that stand for more than themselves: where labels have come for some kinds of rows sooner than for others. */

/** A cell's rows, and how many of them have a label. */
export interface CellRows {
  readonly rows: number;
  readonly labelled: number;
}

export interface ImportanceWeights {
  /** By cell, of each labelled row: its cell's share of all rows over its share of the labelled ones. 0 where it has none. */
  readonly weights: readonly number[];
  /** Rows of equal weight that would vary as much: (sum of the weights)² / sum of their squares (Kish 1965, Survey Sampling). */
  readonly effectiveRows: number;
  /** Share of all rows that lie in cells without a label: nothing stands for them. */
  readonly uncovered: number;
}

/** The density ratio by cell (Shimodaira 2000, Journal of Statistical Planning and Inference 90, 227-244), of those with labels. */
export function importanceWeights(cells: readonly CellRows[]): ImportanceWeights {
  let rows = 0;
  let covered = 0;
  let labelled = 0;
  for (const cell of cells) {
    rows += cell.rows;
    labelled += cell.labelled;
    if (cell.labelled > 0) covered += cell.rows;
  }
  let sum = 0;
  let squares = 0;
  const weights = cells.map((cell) => {
    if (cell.labelled === 0) return 0;
    const weight = cell.rows / covered / (cell.labelled / labelled);
    sum += cell.labelled * weight;
    squares += cell.labelled * weight * weight;
    return weight;
  });
  return {
    weights,
    effectiveRows: squares > 0 ? (sum * sum) / squares : 0,
    uncovered: rows > 0 ? 1 - covered / rows : 0,
  };
}

/** Of rows of one kind: how many, and what each adds to the numerator and the denominator of a ratio. */
export interface RatioRows {
  readonly weight: number;
  readonly rows: number;
  readonly of: number;
  readonly per: number;
}

export interface WeightedRatio {
  readonly value: number;
  /** Standard error, by linearisation. */
  readonly deviation: number;
}

/** Sum w·of / sum w·per: accuracy, precision, F1 and the like. null where the denominator is zero. */
export function weightedRatio(kinds: readonly RatioRows[]): WeightedRatio | null {
  let numerator = 0;
  let denominator = 0;
  for (const { weight, rows, of, per } of kinds) {
    numerator += weight * rows * of;
    denominator += weight * rows * per;
  }
  if (!(denominator > 0)) return null;
  const value = numerator / denominator;
  let variance = 0;
  for (const { weight, rows, of, per } of kinds) variance += rows * (weight * (of - value * per)) ** 2;
  return { value, deviation: Math.sqrt(variance) / denominator };
}

/** Of a cell's labelled rows: their weight, how many, the sum of their values and of the values' squares. */
export interface MeanRows {
  readonly weight: number;
  readonly rows: number;
  readonly sum: number;
  readonly squares: number;
}

/** Sum w·value / sum w: a mean error or loss. null where there are no rows. */
export function weightedMean(cells: readonly MeanRows[]): WeightedRatio | null {
  let sum = 0;
  let weights = 0;
  for (const cell of cells) {
    sum += cell.weight * cell.sum;
    weights += cell.weight * cell.rows;
  }
  if (!(weights > 0)) return null;
  const value = sum / weights;
  let variance = 0;
  for (const { weight, rows, sum: s, squares } of cells)
    variance += weight * weight * Math.max(0, squares - 2 * value * s + rows * value * value);
  return { value, deviation: Math.sqrt(variance) / weights };
}
