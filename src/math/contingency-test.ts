/** Pearson's chi-squared and the likelihood-ratio G of two samples' counts over the same bins. */
import { chiSquaredUpperTail } from "./chi-squared-upper-tail.ts";
import { total } from "./total.ts";

export interface ContingencyTest {
  readonly chiSquared: number;
  readonly chiSquaredP: number;
  /** 2 sum O ln(O / E): Wilks' statistic, with the same law in large samples. */
  readonly g: number;
  readonly gP: number;
  readonly degreesOfFreedom: number;
  /** sqrt(X² / rows), 0..1, as the table has two rows. */
  readonly cramersV: number;
}

/**
 * What a bin with x of n rows and y of m rows adds to chi-squared: (x m - y n)² / (n m (x + y)), which is exactly 0 where the shares are the
 * same. 0 for an empty bin; n and m are above 0.
 */
export function chiSquaredTerm(x: number, y: number, n: number, m: number): number {
  return x + y > 0 ? ((x / n - y / m) / (x + y)) * (x * m - y * n) : 0;
}

/**
 * The table of two rows, without Yates' correction (Pearson 1900; Wilks 1938); bins that are empty in both are left out.
 *
 * @param yates pull each difference half a row towards 0; SciPy does by default where there are two bins
 */
export function contingencyTest(a: readonly number[], b: readonly number[], yates = false): ContingencyTest {
  const n = total(a);
  const m = total(b);
  let chiSquared = 0;
  let g = 0;
  let columns = 0;
  for (const [bin, x] of a.entries()) {
    const y = b[bin] ?? 0;
    if (x + y === 0) continue;
    columns++;
    // |O - E|, the same in both rows.
    const difference = Math.abs(x * m - y * n) / (n + m);
    const kept = yates && difference > 0 ? Math.max(0, 1 - 0.5 / difference) ** 2 : 1;
    chiSquared += kept * chiSquaredTerm(x, y, n, m);
    g += likelihoodTerm(x, (x + y) * (n / (n + m))) + likelihoodTerm(y, (x + y) * (m / (n + m)));
  }
  const degreesOfFreedom = Math.max(0, columns - 1);
  return {
    chiSquared,
    chiSquaredP: chiSquaredUpperTail(chiSquared, degreesOfFreedom),
    g: Math.max(0, g),
    gP: chiSquaredUpperTail(g, degreesOfFreedom),
    degreesOfFreedom,
    cramersV: Math.sqrt(chiSquared / (n + m)),
  };
}

function likelihoodTerm(observed: number, expected: number): number {
  return observed > 0 ? 2 * observed * Math.log(observed / expected) : 0;
}
