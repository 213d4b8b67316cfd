/** Plain sum of counts, used by every measure on bins. */

/** Sum of the values; 0 for none. */
export function total(values: readonly number[]): number {
  let sum = 0;
  for (const value of values) sum += value;
  return sum;
}
