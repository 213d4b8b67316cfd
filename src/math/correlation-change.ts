/** Whether two features go together otherwise than before: the change of their rank correlation, with the error it has. */

/** A correlation of the ranks of rows that have both values. */
export interface RankCorrelation {
  readonly rows: number;
  readonly correlation: number;
  /** Variance of Fisher's transform artanh(correlation), times the number of rows. */
  readonly spread: number;
}

/** Rows of equal weight that a feature's spread must come from: a feature that is nearly always the same tells nothing of what it goes with. */
const LEAST_WEIGHT = 30;
/** Correlations beyond this are as good as 1: Fisher's transform has no end. */
const MOST_CORRELATION = 1 - 1e-6;

/**
 * Pearson's correlation of two features' midranks: Spearman's where no value is missing. Rows in which either is NaN are left out.
 * The spread of its Fisher transform is the greater of Bonett & Wright's (2000, Psychometrika 65, 23-28), for monotone relations of
 * normal variables, and the one that the rows themselves show (Steiger & Hakstian 1982, Br. J. Math. Stat. Psychol. 35, 208-215), for
 * those that spread unevenly.
 *
 * @returns null with fewer than 10 such rows, or where a feature's spread comes from too few of them
 */
export function rankCorrelation(first: Float64Array, second: Float64Array): RankCorrelation | null {
  let [n, sumX, sumY] = [0, 0, 0];
  for (let row = 0; row < first.length; row++) {
    const x = first[row] ?? Number.NaN;
    const y = second[row] ?? Number.NaN;
    if (Number.isNaN(x + y)) continue;
    n++;
    sumX += x;
    sumY += y;
  }
  if (n < 10) return null;
  const [meanX, meanY] = [sumX / n, sumY / n];
  // Of all products of the deviations that the correlation and its variance need.
  let [xx, yy, xy, xxxx, yyyy, xxyy, xxxy, xyyy] = [0, 0, 0, 0, 0, 0, 0, 0];
  for (let row = 0; row < first.length; row++) {
    const x = (first[row] ?? Number.NaN) - meanX;
    const y = (second[row] ?? Number.NaN) - meanY;
    if (Number.isNaN(x + y)) continue;
    const [x2, y2, both] = [x * x, y * y, x * y];
    xx += x2;
    yy += y2;
    xy += both;
    xxxx += x2 * x2;
    yyyy += y2 * y2;
    xxyy += x2 * y2;
    xxxy += x2 * both;
    xyyy += y2 * both;
  }
  // Of ranks without ties 1.8 rows weigh one; of a feature that is nearly always 0, those that are not weigh alone.
  if (!(xx * xx >= LEAST_WEIGHT * xxxx && yy * yy >= LEAST_WEIGHT * yyyy && xxxx > 0 && yyyy > 0)) return null;
  const scale = Math.sqrt(xx) * Math.sqrt(yy);
  const correlation = Math.max(-MOST_CORRELATION, Math.min(MOST_CORRELATION, xy / scale));
  // Mean square of zx·zy − r (zx² + zy²) / 2, the influence of a row on the correlation.
  const r = correlation;
  const influence =
    (n * xxyy) / (scale * scale) -
    r * ((n * xxxy) / (xx * scale) + (n * xyyy) / (yy * scale)) +
    (r * r * ((n * xxxx) / (xx * xx) + 2 * ((n * xxyy) / (scale * scale)) + (n * yyyy) / (yy * yy))) / 4;
  const shown = influence / (1 - r * r) ** 2;
  return { rows: n, correlation, spread: Math.max(1 + (r * r) / 2, shown) };
}

/**
 * Standard error of the difference of two transformed correlations where nothing has changed. Both show the same spread then, so the
 * greater one counts: the smaller sample's is the less certain.
 */
export function changeError(before: RankCorrelation, after: RankCorrelation): number {
  return Math.sqrt(Math.max(before.spread, after.spread) * (1 / (before.rows - 3) + 1 / (after.rows - 3)));
}

/** Midranks of the values, NaN where they are NaN. */
export function ranksOfPresent(values: Float64Array): Float64Array {
  const order = new Float64Array(values.filter((value) => !Number.isNaN(value))).sort();
  const rankOf = new Map<number, number>();
  for (let first = 0; first < order.length; ) {
    const value = order[first] ?? 0;
    let end = first + 1;
    while (end < order.length && order[end] === value) end++;
    rankOf.set(value, (first + 1 + end) / 2);
    first = end;
  }
  return values.map((value) => (Number.isNaN(value) ? Number.NaN : (rankOf.get(value) ?? Number.NaN)));
}
