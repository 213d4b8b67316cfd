/** Pearson's chi-squared and the likelihood-ratio G of two samples' counts over the same bins. */
import { chiSquaredUpperTail } from "./chi-squared-upper-tail.ts";

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
 * The table of two rows, without Yates' correction (Pearson 1900; Wilks 1938); bins that are empty in both are left out.
 *
 * @param yates pull each difference half a row towards 0; SciPy does by default where there are two bins
 */
export function contingencyTest(a: readonly number[], b: readonly number[], yates = false): ContingencyTest {
  let n = 0;
  let m = 0;
  for (const count of a) n += count;
  for (const count of b) m += count;
  let chiSquared = 0;
  let g = 0;
  let columns = 0;
  for (const [bin, x] of a.entries()) {
    const y = b[bin] ?? 0;
    if (x + y === 0) continue;
    columns++;
    for (const [observed, rows] of [[x, n] as const, [y, m] as const]) {
      const expected = ((x + y) * rows) / (n + m);
      const difference = Math.abs(observed - expected);
      chiSquared += (yates ? Math.max(0, difference - 0.5) : difference) ** 2 / expected;
      if (observed > 0) g += 2 * observed * Math.log(observed / expected);
    }
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
