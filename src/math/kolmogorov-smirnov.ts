/** The two-sample Kolmogorov-Smirnov test on raw values: the distance and its exact p-value. */
import { ascending, walk } from "./sorted-samples.ts";

/** sup |F - G| of two samples with at least one value each; 0..1, NaN if one is empty. */
export function kolmogorovSmirnovDistance(a: readonly number[], b: readonly number[]): number {
  let distance = a.length === 0 || b.length === 0 ? Number.NaN : 0;
  walk(ascending(a), ascending(b), (_, belowA, belowB) => {
    distance = Math.max(distance, Math.abs(belowA / a.length - belowB / b.length));
  });
  return distance;
}

/**
 * P(D >= distance) for samples of n and m values of one continuous law; with ties it is an upper bound.
 *
 * The n + m ordered values are a random path from (0, 0) to (n, m); this is the probability that it leaves the band |i/n - j/m| < D
 * (Hodges 1958, Arkiv för Matematik 3, 469-486), by the recursion over the path's points from the outside, so that all terms are positive
 * and the smallest p-values keep their digits. n·m steps.
 *
 * @param distance a distance that such samples can have, to rounding
 */
export function kolmogorovSmirnovExactUpperTail(distance: number, n: number, m: number): number {
  const divisor = greatestCommonDivisor(n, m);
  const [stepN, stepM] = [m / divisor, n / divisor];
  // In units of 1 / lcm(n, m) all differences are whole.
  const limit = Math.round(distance * n * stepN);
  const touched = new Float64Array(m + 1);
  for (let i = 0; i <= n; i++) {
    for (let j = 0; j <= m; j++) {
      if (Math.abs(i * stepN - j * stepM) >= limit) touched[j] = 1;
      else if (i + j > 0) {
        const fromBelow = i > 0 ? (i / (i + j)) * (touched[j] ?? 0) : 0;
        const fromLeft = j > 0 ? (j / (i + j)) * (touched[j - 1] ?? 0) : 0;
        touched[j] = fromBelow + fromLeft;
      }
    }
  }
  return touched[m] ?? Number.NaN;
}

function greatestCommonDivisor(a: number, b: number): number {
  return b === 0 ? a : greatestCommonDivisor(b, a % b);
}
