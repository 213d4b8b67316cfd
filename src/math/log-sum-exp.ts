/** Sums of numbers that are known by their logarithms, without overflow: evidence grows to e^1000 and more. */

/** Beyond this difference the smaller summand is below half a unit in the last place of the greater one. */
const NEGLIGIBLE = 37.5;

/** ln(e^a + e^b); -Infinity stands for 0. */
export function logAddExp(a: number, b: number): number {
  const greater = a > b ? a : b;
  const difference = a > b ? b - a : a - b;
  // Also the way out for two -Infinity, whose difference is no number.
  if (!(difference > -NEGLIGIBLE)) return greater;
  return greater + Math.log1p(Math.exp(difference));
}

/** ln of the sum of e^x over all values; -Infinity for none. */
export function logSumExp(values: ArrayLike<number>): number {
  let greatest = Number.NEGATIVE_INFINITY;
  for (let index = 0; index < values.length; index++) {
    const value = values[index] ?? Number.NEGATIVE_INFINITY;
    if (value > greatest) greatest = value;
  }
  if (greatest === Number.NEGATIVE_INFINITY) return greatest;
  let sum = 0;
  for (let index = 0; index < values.length; index++) {
    const difference = (values[index] ?? Number.NEGATIVE_INFINITY) - greatest;
    if (difference > -NEGLIGIBLE) sum += Math.exp(difference);
  }
  return greatest + Math.log(sum);
}
