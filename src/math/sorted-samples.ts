/** Two samples walked through together in ascending order: what all distances of cumulative distributions have in common. */

/** The values of a sample, ascending, in a copy; NaN has no place in an order and is refused by a RangeError. */
export function ascending(values: readonly number[]): Float64Array {
  const sorted = Float64Array.from(values);
  if (sorted.some(Number.isNaN)) throw new RangeError("A sample holds NaN, which has no place in an order.");
  return sorted.sort();
}

/**
 * Calls `visit` once for each distinct value of the two, ascending, with how many of either lie at or below it.
 *
 * @param a ascending
 * @param b ascending
 */
export function walk(
  a: Float64Array,
  b: Float64Array,
  visit: (value: number, belowA: number, belowB: number) => void,
): void {
  let i = 0;
  let j = 0;
  while (i < a.length || j < b.length) {
    const value = Math.min(a[i] ?? Number.POSITIVE_INFINITY, b[j] ?? Number.POSITIVE_INFINITY);
    while (i < a.length && a[i] === value) i++;
    while (j < b.length && b[j] === value) j++;
    visit(value, i, j);
  }
}
