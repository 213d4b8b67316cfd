/** The two-sample Cramér-von Mises test: Anderson's statistic on raw values, and its p-value by the limit law. */
import { midranks } from "./midranks.ts";
import { modifiedBesselQuarter } from "./modified-bessel-quarter.ts";

/**
 * T = n m / (n + m)² times the sum of (F - G)² over all values (Anderson 1962, Ann. Math. Statist. 33, 1148-1159), from ranks.
 *
 * Ties share their ranks, as SciPy has it; then T is not 0 for two equal constants of different sizes.
 */
export function cramerVonMisesStatistic(a: readonly number[], b: readonly number[]): number {
  const n = a.length;
  const m = b.length;
  const { ranks } = midranks([...[...a].sort((x, y) => x - y), ...[...b].sort((x, y) => x - y)]);
  let ofA = 0;
  let ofB = 0;
  for (let i = 0; i < n; i++) ofA += ((ranks[i] ?? 0) - (i + 1)) ** 2;
  for (let j = 0; j < m; j++) ofB += ((ranks[n + j] ?? 0) - (j + 1)) ** 2;
  return (n * ofA + m * ofB) / (n * m * (n + m)) - (4 * n * m - 1) / (6 * (n + m));
}

/**
 * P(T >= statistic) for samples of one continuous law, by the limit law at the statistic that is standardised with the mean and variance
 * at these sizes.
 *
 * @param leastTerm the series ends after the first term below it
 */
export function cramerVonMisesUpperTail(statistic: number, n: number, m: number, leastTerm = 1e-17): number {
  const rows = n + m;
  const mean = (1 + 1 / rows) / 6;
  const product = n * m;
  const variance =
    ((rows + 1) * (4 * product * rows - 3 * (n * n + m * m) - 2 * product)) / (45 * rows * rows * 4 * product);
  const standardised = 1 / 6 + (statistic - mean) / Math.sqrt(45 * variance);
  // Below this the law has no weight that a double could tell from 0; with one row a side there is no spread.
  if (!(variance > 0) || standardised < 0.003) return 1;
  // Above, its tail is below 1e-85, and the sum would be all rounding.
  if (standardised > 40 && leastTerm < Number.EPSILON) return 0;
  return Math.max(0, 1 - limitLaw(standardised, leastTerm));
}

/** P(ω² <= x), Anderson & Darling (1952, Ann. Math. Statist. 23, 193-212, equation 4.35). */
function limitLaw(x: number, leastTerm: number): number {
  let sum = 0;
  // Γ(k + 1/2) / Γ(k + 1), beginning with sqrt(π).
  let ratio = Math.sqrt(Math.PI);
  for (let k = 0; ; k++) {
    const y = 4 * k + 1;
    const q = (y * y) / (16 * x);
    const term =
      ((ratio * Math.sqrt(y)) / (Math.PI ** 1.5 * Math.sqrt(x))) * Math.exp(-2 * q) * modifiedBesselQuarter(q);
    sum += term;
    if (!(term >= leastTerm)) return sum;
    ratio *= (k + 0.5) / (k + 1);
  }
}
