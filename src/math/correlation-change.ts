/** Whether two features go together otherwise than before: the change of their rank correlation, with the error it has. */

/** A correlation of the ranks of rows that have both values. */
export interface RankCorrelation {
  readonly rows: number;
  readonly correlation: number;
  /** Variance of Fisher's transform artanh(correlation). */
  readonly variance: number;
}

/** Correlations beyond this are as good as 1: Fisher's transform has no end. */
const MOST_CORRELATION = 1 - 1e-6;

/**
 * Pearson's correlation of two features' midranks: Spearman's where no value is missing. Rows in which either is NaN are left out.
 * The variance of its Fisher transform is the greater of Bonett & Wright's (2000, Psychometrika 65, 23-28), for monotone relations of
 * normal variables, and the one that the rows themselves show (Steiger & Hakstian 1982, Br. J. Math. Stat. Psychol. 35, 208-215), for
 * those that spread unevenly.
 *
 * @returns null with fewer than 10 such rows, or where a feature is constant in them
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
  if (!(xx > 0 && yy > 0)) return null;
  const scale = Math.sqrt(xx) * Math.sqrt(yy);
  const correlation = Math.max(-MOST_CORRELATION, Math.min(MOST_CORRELATION, xy / scale));
  // Mean square of zx·zy − r (zx² + zy²) / 2, the influence of a row on the correlation.
  const r = correlation;
  const influence =
    (n * xxyy) / (scale * scale) -
    r * ((n * xxxy) / (xx * scale) + (n * xyyy) / (yy * scale)) +
    (r * r * ((n * xxxx) / (xx * xx) + 2 * ((n * xxyy) / (scale * scale)) + (n * yyyy) / (yy * yy))) / 4;
  const shown = influence / n / (1 - r * r) ** 2;
  const normal = (1 + (r * r) / 2) / (n - 3);
  return { rows: n, correlation, variance: Math.max(normal, shown) };
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
