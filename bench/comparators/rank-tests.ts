/** Two-sample tests that other monitors offer and Driftline does not: Mann-Whitney, Kuiper, Anderson-Darling, Welch. Comparators only. */
import { midranks } from "../../src/math/midranks.ts";
import { normalProbability } from "../../src/math/normal-probability.ts";
import { ascending, walk } from "../../src/math/sorted-samples.ts";
import { studentUpperTail } from "../../src/math/student-upper-tail.ts";

/**
 * The first sample's U and its two-sided p-value by the normal law with continuity and tie corrections (Mann & Whitney 1947), as
 * `scipy.stats.mannwhitneyu(method="asymptotic")`. It sees shifts alone.
 */
export function mannWhitney(a: readonly number[], b: readonly number[]): { u: number; pValue: number } {
  const [n, m] = [a.length, b.length];
  const rows = n + m;
  const { ranks, ties } = midranks([...a, ...b]);
  let u = (-n * (n + 1)) / 2;
  for (let i = 0; i < n; i++) u += ranks[i] ?? 0;
  const tied = ties.reduce((sum, size) => sum + (size ** 3 - size), 0);
  const spread = Math.sqrt(((n * m) / 12) * (rows + 1 - tied / (rows * (rows - 1))));
  const z = (Math.max(u, n * m - u) - (n * m) / 2 - 0.5) / spread;
  return { u, pValue: Math.min(1, 2 * normalProbability(-z)) };
}

/** sup (F - G) + sup (G - F) (Kuiper 1960): as good in the tails as in the middle, and the same wherever a circle is cut open. */
export function kuiper(a: readonly number[], b: readonly number[]): number {
  let [above, below] = [0, 0];
  walk(ascending(a), ascending(b), (_, belowA, belowB) => {
    const difference = belowA / a.length - belowB / b.length;
    above = Math.max(above, difference);
    below = Math.max(below, -difference);
  });
  return above + below;
}

/**
 * Scholz & Stephens' normalised A² of two samples (1987, JASA 82, 918-924), ties at their midrank, as `scipy.stats.anderson_ksamp`. The
 * p-value is interpolated between tabulated points and so cut to 0.001..0.25: of no use for ranking drifted features.
 */
export function andersonDarling(a: readonly number[], b: readonly number[]): { statistic: number; pValue: number } {
  const [n, m] = [a.length, b.length];
  const rows = n + m;
  let sum = 0;
  let [beforeA, beforeB] = [0, 0];
  walk(ascending(a), ascending(b), (_, belowA, belowB) => {
    const size = belowA + belowB - beforeA - beforeB;
    const middle = (belowA + belowB + beforeA + beforeB) / 2;
    const denominator = middle * (rows - middle) - (rows * size) / 4;
    const part = (below: number, before: number, of: number) => (rows * ((below + before) / 2) - middle * of) ** 2 / of;
    if (denominator > 0) sum += (size / rows / denominator) * (part(belowA, beforeA, n) + part(belowB, beforeB, m));
    [beforeA, beforeB] = [belowA, belowB];
  });
  const raw = (sum * (rows - 1)) / rows;
  const statistic = (raw - 1) / Math.sqrt(andersonVariance(n, m));
  return { statistic, pValue: andersonP(statistic) };
}

function andersonVariance(n: number, m: number): number {
  const rows = n + m;
  const inverse = 1 / n + 1 / m;
  let harmonic = 0;
  let nested = 0;
  // g sums 1 / ((rows - i) j) over 1 <= i < j < rows; from the last i backwards the inner sums grow by one term each.
  let inner = 0;
  for (let i = rows - 1; i >= 1; i--) {
    harmonic += 1 / i;
    if (i < rows - 1) {
      inner += 1 / (i + 1);
      nested += inner / (rows - i);
    }
  }
  const k = 2;
  const a = (4 * nested - 6) * (k - 1) + (10 - 6 * nested) * inverse;
  const b =
    (2 * nested - 4) * k ** 2 +
    8 * harmonic * k +
    (2 * nested - 14 * harmonic - 4) * inverse -
    8 * harmonic +
    4 * nested -
    6;
  const c =
    (6 * harmonic + 2 * nested - 2) * k ** 2 +
    (4 * harmonic - 4 * nested + 6) * k +
    (2 * harmonic - 6) * inverse +
    4 * harmonic;
  const d = (2 * harmonic + 6) * k ** 2 - 4 * harmonic * k;
  return (a * rows ** 3 + b * rows ** 2 + c * rows + d) / ((rows - 1) * (rows - 2) * (rows - 3));
}

/** log(p) as the least-squares parabola through Scholz & Stephens' critical points for two samples. */
function andersonP(statistic: number): number {
  const levels = [0.25, 0.1, 0.05, 0.025, 0.01, 0.005, 0.001];
  const constant = [0.675, 1.281, 1.645, 1.96, 2.326, 2.573, 3.085];
  const perRoot = [-0.245, 0.25, 0.678, 1.149, 1.822, 2.364, 3.615];
  const perOne = [-0.105, -0.305, -0.362, -0.391, -0.396, -0.345, -0.154];
  const critical = constant.map((value, i) => value + (perRoot[i] ?? 0) + (perOne[i] ?? 0));
  if (statistic < Math.min(...critical)) return 0.25;
  if (statistic > Math.max(...critical)) return 0.001;
  return Math.exp(parabola(critical, levels.map(Math.log))(statistic));
}

/** The least-squares polynomial of degree 2, by polynomials that are orthogonal on the points. */
function parabola(x: readonly number[], y: readonly number[]): (at: number) => number {
  const n = x.length;
  const sum = (of: (index: number) => number) => x.reduce((total, _, index) => total + of(index), 0);
  const centre = sum((i) => x[i] ?? 0) / n;
  const first = (at: number) => at - centre;
  const square = sum((i) => first(x[i] ?? 0) ** 2);
  const skew = sum((i) => first(x[i] ?? 0) ** 3) / square;
  const second = (at: number) => first(at) ** 2 - skew * first(at) - square / n;
  const polynomials = [() => 1, first, second];
  const weights = polynomials.map((of) => sum((i) => of(x[i] ?? 0) * (y[i] ?? 0)) / sum((i) => of(x[i] ?? 0) ** 2));
  return (at) => polynomials.reduce((total, of, index) => total + (weights[index] ?? 0) * of(at), 0);
}

/**
 * Welch's t of the first mean less the second and its two-sided p-value (1947, Biometrika 34, 28-35), as
 * `scipy.stats.ttest_ind(equal_var=False)`. Driftline's mean-shift takes its noise from the permutation law instead.
 */
export function welch(a: readonly number[], b: readonly number[]): { t: number; pValue: number } {
  const [meanA, partA] = meanAndError(a);
  const [meanB, partB] = meanAndError(b);
  const t = (meanA - meanB) / Math.sqrt(partA + partB);
  const degrees = (partA + partB) ** 2 / (partA ** 2 / (a.length - 1) + partB ** 2 / (b.length - 1));
  return { t, pValue: 2 * studentUpperTail(Math.abs(t), degrees) };
}

/** The mean and its squared standard error. */
function meanAndError(values: readonly number[]): [number, number] {
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
  const squares = values.reduce((sum, value) => sum + (value - mean) ** 2, 0);
  return [mean, squares / (values.length - 1) / values.length];
}
