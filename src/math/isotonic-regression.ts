/**
 * Isotonic regression by pooling adjacent violators: the non-decreasing curve with the least squared error. It turns scores into
 * probabilities without assuming a shape, but for the order.
 */

/** A non-decreasing piecewise linear curve: `xs` ascending and distinct, `ys` of the same length; constant beyond the ends. */
export interface IsotonicCurve {
  readonly xs: Float64Array;
  readonly ys: Float64Array;
}

/**
 * Ayer, Brunk, Ewing, Reid & Silverman (1955, Annals of Mathematical Statistics 26, 641-647), in one pass over a stack of blocks.
 *
 * @param values means in the order of x
 * @param weights of the same length, none negative; a value without weight is pooled with its neighbours
 * @returns fitted values, one for each given
 */
export function pooledAdjacentViolators(values: ArrayLike<number>, weights: ArrayLike<number>): Float64Array {
  const n = values.length;
  const sums = new Float64Array(n);
  const masses = new Float64Array(n);
  const ends = new Uint32Array(n);
  let blocks = 0;
  for (let index = 0; index < n; index++) {
    let mass = weights[index] ?? 0;
    let sum = mass * (values[index] ?? 0);
    // Compared as products: a block without weight never stands above its left neighbour's mean.
    while (blocks > 0 && (sums[blocks - 1] ?? 0) * mass >= sum * (masses[blocks - 1] ?? 0)) {
      blocks--;
      sum += sums[blocks] ?? 0;
      mass += masses[blocks] ?? 0;
    }
    sums[blocks] = sum;
    masses[blocks] = mass;
    ends[blocks] = index + 1;
    blocks++;
  }
  const fitted = new Float64Array(n);
  let from = 0;
  for (let block = 0; block < blocks; block++) {
    const mass = masses[block] ?? 0;
    const to = ends[block] ?? n;
    fitted.fill(mass > 0 ? (sums[block] ?? 0) / mass : 0, from, to);
    from = to;
  }
  return fitted;
}

/**
 * The curve through points in any order. Points of one x are averaged first, as scikit-learn's IsotonicRegression does.
 *
 * @param weights 1 each where it is left out; points without weight are left out
 */
export function isotonicCurve(x: ArrayLike<number>, y: ArrayLike<number>, weights?: ArrayLike<number>): IsotonicCurve {
  const order = Uint32Array.from({ length: x.length }, (_, index) => index)
    .filter((index) => weights === undefined || (weights[index] ?? 0) > 0)
    .sort((a, b) => (x[a] ?? 0) - (x[b] ?? 0));
  const xs: number[] = [];
  const means: number[] = [];
  const masses: number[] = [];
  for (const index of order) {
    const weight = weights?.[index] ?? 1;
    const last = xs.length - 1;
    if (last >= 0 && xs[last] === x[index]) {
      const mass = (masses[last] ?? 0) + weight;
      means[last] = (means[last] ?? 0) + (((y[index] ?? 0) - (means[last] ?? 0)) * weight) / mass;
      masses[last] = mass;
    } else {
      xs.push(x[index] ?? 0);
      means.push(y[index] ?? 0);
      masses.push(weight);
    }
  }
  return { xs: Float64Array.from(xs), ys: pooledAdjacentViolators(means, masses) };
}

/** The curve's value at x by linear interpolation; the end's value beyond an end; NaN for a curve without points. */
export function isotonicValue({ xs, ys }: IsotonicCurve, x: number): number {
  const last = xs.length - 1;
  if (last < 0) return Number.NaN;
  if (x <= (xs[0] ?? 0)) return ys[0] ?? 0;
  if (x >= (xs[last] ?? 0)) return ys[last] ?? 0;
  let below = 0;
  let above = last;
  while (above - below > 1) {
    const middle = (below + above) >> 1;
    if ((xs[middle] ?? 0) <= x) below = middle;
    else above = middle;
  }
  const left = xs[below] ?? 0;
  const share = (x - left) / ((xs[above] ?? 0) - left);
  const low = ys[below] ?? 0;
  return low + share * ((ys[above] ?? 0) - low);
}
