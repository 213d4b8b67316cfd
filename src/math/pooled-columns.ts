/**
 * Features as columns for a classifier that tells two samples apart. Bins and scores come from both samples pooled, blind to which a row
 * is from: bins of one sample alone fit that sample better than the other, and would tell the two apart where nothing has changed.
 */
import type { SparseRows } from "./logistic-regression.ts";
import { normalQuantile } from "./normal-quantile.ts";

/** Values of one feature in all rows; NaN: missing. A category is a whole number from 0. */
export interface PooledFeature {
  readonly kind: "numeric" | "categorical";
  readonly values: Float64Array;
}

/** A number of mean 0 and variance 1 a row, whose products with those of other features tell of what goes together. */
export interface FeatureScore {
  readonly feature: number;
  /** 0 where the value is missing. */
  readonly values: Float64Array;
}

export interface PooledColumns {
  readonly table: SparseRows;
  /** The feature of each column. */
  readonly featureOf: Int32Array;
  readonly scores: readonly FeatureScore[];
}

/** Columns of all features together, about: the cost of a fit grows with its cube. */
const MOST_COLUMNS = 400;
const MOST_BINS = 10;
/** Scores that are multiplied with each other. */
const MOST_SCORES = 240;
const SCORES_PER_CATEGORICAL = 3;
/** Rows, and share of rows, that a category needs for a column of its own. */
const LEAST_ROWS = 10;
const LEAST_SHARE = 0.01;

export function pooledColumns(features: readonly PooledFeature[], rows: number): PooledColumns {
  const numeric = features.filter(({ kind }) => kind === "numeric").length;
  const room = Math.floor((MOST_COLUMNS - numeric) / Math.max(1, features.length));
  const bins = Math.max(2, Math.min(MOST_BINS, room));
  const normalScore = normalScores();
  const entries: Entry[] = [];
  const featureOf: number[] = [];
  const scores: FeatureScore[] = [];
  for (const [feature, { kind, values }] of features.entries()) {
    // Two bins say less than the score does: then only whether the value is there gets a column.
    const cells = kind === "categorical" ? categoryCells(values, bins) : rankCells(values, room < 3 ? 1 : bins);
    // Columns that are the same in all rows tell nothing; of one bin and its missing values only these need one.
    const isSingle = cells.counts.length === 2;
    if (isSingle && (cells.counts[1] ?? 0) > 0) {
      entries.push({ firstColumn: featureOf.length, values: Float64Array.from(cells.cellOf) });
      featureOf.push(feature);
    } else if (!isSingle && cells.counts.filter((count) => count > 0).length > 1) {
      entries.push({ firstColumn: featureOf.length, cellOf: cells.cellOf });
      for (let cell = 0; cell < cells.counts.length; cell++) featureOf.push(feature);
    }
    if (kind === "numeric") {
      const score = { feature, values: standardised(values, (row) => normalScore(cells.placeOf[row] ?? 0.5)) };
      entries.push({ firstColumn: featureOf.length, values: score.values });
      featureOf.push(feature);
      scores.push(score);
    } else scores.push(...categoryScores(feature, values, cells));
  }
  const table = tableOf(entries, rows, featureOf.length);
  return { table, featureOf: Int32Array.from(featureOf), scores: scores.slice(0, MOST_SCORES) };
}

/** What each row has one of: a cell out of several columns, or the value of one column. */
type Entry =
  | { readonly firstColumn: number; readonly cellOf: Int32Array }
  | { readonly firstColumn: number; readonly values: Float64Array };

function tableOf(entries: readonly Entry[], rows: number, columns: number): SparseRows {
  const width = entries.length;
  const indices = new Int32Array(rows * width);
  const values = new Float64Array(rows * width);
  for (const [at, entry] of entries.entries()) {
    for (let row = 0; row < rows; row++) {
      const place = row * width + at;
      indices[place] = entry.firstColumn + ("cellOf" in entry ? (entry.cellOf[row] ?? 0) : 0);
      values[place] = "cellOf" in entry ? 1 : (entry.values[row] ?? 0);
    }
  }
  return { rows, width, columns, indices, values };
}

interface Cells {
  /** The last of `counts` is for missing values. */
  readonly cellOf: Int32Array;
  readonly counts: readonly number[];
  /** Share of the values that are below, and of half of those that are equal; empty for categories. */
  readonly placeOf: Float64Array;
}

/** Bins of equal numbers of rows by midrank; equal values share one. */
function rankCells(raw: Float64Array, bins: number): Cells {
  const sorted = raw.filter((value) => !Number.isNaN(value)).sort();
  const cellOf = new Int32Array(raw.length).fill(bins);
  const placeOf = new Float64Array(raw.length);
  const counts = Array.from({ length: bins + 1 }, () => 0);
  for (let row = 0; row < raw.length; row++) {
    const value = raw[row] ?? Number.NaN;
    if (!Number.isNaN(value)) {
      const place = (firstAbove(sorted, value, false) + firstAbove(sorted, value, true)) / 2 / sorted.length;
      placeOf[row] = place;
      cellOf[row] = Math.min(bins - 1, Math.floor(place * bins));
    }
    counts[cellOf[row] ?? 0] = (counts[cellOf[row] ?? 0] ?? 0) + 1;
  }
  return { cellOf, counts, placeOf };
}

/** Place of the first value above (or, not `strictly`, at) the given one. */
function firstAbove(sorted: Float64Array, value: number, strictly: boolean): number {
  let low = 0;
  let high = sorted.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    const at = sorted[middle] ?? 0;
    if (at < value || (strictly && at === value)) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** The most frequent categories, then all others together. */
function categoryCells(raw: Float64Array, bins: number): Cells {
  const rows = new Map<number, number>();
  for (const value of raw) if (!Number.isNaN(value)) rows.set(value, (rows.get(value) ?? 0) + 1);
  const least = Math.max(LEAST_ROWS, LEAST_SHARE * raw.length);
  const listed = [...rows]
    .filter(([, count]) => count >= least)
    .sort(([a, countA], [b, countB]) => countB - countA || a - b)
    .slice(0, bins - 1);
  const cellAt = new Map(listed.map(([category], cell) => [category, cell]));
  const counts = Array.from({ length: listed.length + 2 }, () => 0);
  const cellOf = Int32Array.from(raw, (value) =>
    Number.isNaN(value) ? listed.length + 1 : (cellAt.get(value) ?? listed.length),
  );
  for (const cell of cellOf) counts[cell] = (counts[cell] ?? 0) + 1;
  return { cellOf, counts, placeOf: new Float64Array(0) };
}

/** One for each of the most frequent categories: whether the row has it. */
function categoryScores(feature: number, raw: Float64Array, { cellOf, counts }: Cells): FeatureScore[] {
  const categories = Math.min(SCORES_PER_CATEGORICAL, Math.max(1, counts.filter((count) => count > 0).length - 1));
  return Array.from({ length: categories }, (_, category) => ({
    feature,
    values: standardised(raw, (row) => (cellOf[row] === category ? 1 : 0)),
  }));
}

/** Of mean 0 and variance 1 over the rows that have a value; constant ones are 0. */
function standardised(raw: Float64Array, scoreOf: (row: number) => number): Float64Array {
  const scores = new Float64Array(raw.length);
  let [n, sum, squares] = [0, 0, 0];
  for (let row = 0; row < raw.length; row++) {
    if (Number.isNaN(raw[row] ?? Number.NaN)) continue;
    const score = scoreOf(row);
    scores[row] = score;
    n++;
    sum += score;
    squares += score * score;
  }
  const mean = sum / n;
  const deviation = Math.sqrt(Math.max(0, squares / n - mean * mean));
  for (let row = 0; row < raw.length; row++) {
    if (Number.isNaN(raw[row] ?? Number.NaN)) continue;
    scores[row] = deviation > 1e-9 ? ((scores[row] ?? 0) - mean) / deviation : 0;
  }
  return scores;
}

/** Quantiles of the normal law at thousandths, looked up: exact ones would cost more than the fit. */
function normalScores(): (place: number) => number {
  const half = Float64Array.from({ length: 501 }, (_, at) => normalQuantile(Math.max(0.5, at) / 1000));
  return (place) => {
    const at = Math.round(1000 * place);
    return at <= 500 ? (half[at] ?? 0) : -(half[1000 - at] ?? 0);
  };
}
