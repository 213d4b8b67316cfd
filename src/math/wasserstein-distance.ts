/** The 1-Wasserstein distance of two samples of raw values; binned-wasserstein.ts has that of counts. */
import { ascending, walk } from "./sorted-samples.ts";

/** The integral of |F - G|, in the unit of the values (Vallender 1974, Theory Probab. Appl. 18, 784-786); NaN if a sample is empty. */
export function wassersteinDistance(a: readonly number[], b: readonly number[]): number {
  if (a.length === 0 || b.length === 0) return Number.NaN;
  return integralOfDifference(a, b, Math.abs);
}

/** The integral over the axis of `size(F - G)`, a function that is 0 at 0. */
export function integralOfDifference(
  a: readonly number[],
  b: readonly number[],
  size: (difference: number) => number,
): number {
  let integral = 0;
  let from: number | undefined;
  let difference = 0;
  walk(ascending(a), ascending(b), (value, belowA, belowB) => {
    if (from !== undefined) integral += (value - from) * size(difference);
    from = value;
    difference = belowA / a.length - belowB / b.length;
  });
  return integral;
}
