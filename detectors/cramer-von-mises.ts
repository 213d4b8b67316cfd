/** Cramér-von Mises on bins: a whole-distribution test whose effect is bounded, with the bound of what binning hides. */
import { z } from "zod";
import { defineDetector, insufficient, minRowsOption } from "../src/core/detector.ts";
import { cramerVonMisesUpperTail } from "../src/math/cramer-von-mises.ts";
import { momentQuantile } from "../src/math/moment-law.ts";
import { squaredDifferenceMoments, squaresBetween, type WeightedCut } from "../src/math/squared-difference-law.ts";
import { total } from "../src/math/total.ts";

export const cramerVonMises = defineDetector({
  name: "cramer-von-mises",
  title: "Cramér-von Mises distance",
  description:
    "The squared difference of the two cumulative distributions, on average over the rows of both: 0 is equal, a third is disjoint, and a shift of normal values by d standard deviations is 0.09 d². Unlike kolmogorov-smirnov it counts the whole distribution and not one place, so it sees small shifts sooner; like it, it is weak in the tails. Over all bins of the reference, a bin's rows taken to lie evenly mixed; the distance of the full samples is within `detail.error_bound` of the value. `detail.statistic` is Anderson's T, as SciPy has it for distinct values, on average over all orders of the rows in their bins, and the p-value is of its limit law. Missing values do not take part.",
  citation:
    "Anderson, T. W. (1962). On the distribution of the two-sample Cramér-von Mises criterion. Ann. Math. Statist. 33, 1148-1159.",
  subjectKinds: ["feature", "prediction", "score"],
  featureKinds: ["numeric"],
  byDefault: false,
  range: [0, 1 / 3],
  unit: "squared share of rows",
  options: z.strictObject({
    threshold: z
      .number()
      .min(0)
      .max(1 / 3)
      .default(0.001)
      .describe(
        "Least distance that matters; 0.001 is a shift of normal values by a tenth of a standard deviation. The noise level may ask for more.",
      ),
    min_rows: minRowsOption("Rows with a value"),
  }),
  examples: [
    {
      reference: { kind: "numeric", edges: [1, 2, 3, 4, 5], bins: [1, 1, 1, 0, 0, 0] },
      window: { bins: [0, 0, 0, 1, 1, 1] },
      options: { min_rows: 1 },
      value: 1 / 3,
      source: "by hand: the difference rises evenly from 0 to 1 and falls again",
    },
    {
      reference: { kind: "numeric", edges: [1, 2, 3], bins: [25, 25, 25, 25] },
      window: { bins: [10, 20, 30, 40] },
      options: { min_rows: 1 },
      value: 11.5 / 600,
      source: "by hand: (35 · 0.0225 + 45 · (0.0225 + 0.03 + 0.04) + 55 · (0.04 + 0.03 + 0.0225) + 65 · 0.0225) / 600",
    },
  ],

  /** Between the cuts the difference runs straight from d to e, so the mean of its square is (d² + d e + e²) / 3. */
  compare(reference, window, { threshold, min_rows }) {
    const n = total(reference.bins);
    const m = total(window.bins);
    const lacking = insufficient(n, m, min_rows);
    if (lacking !== undefined) return lacking;

    const cuts: { referenceBelow: number; windowBelow: number; square: number; product: number }[] = [];
    let [value, ofOrders, error, from, referenceBelow, windowBelow] = [0, 0, 0, 0, 0, 0];
    for (const [bin, x] of reference.bins.entries()) {
      const y = window.bins[bin] ?? 0;
      if (x + y === 0) continue;
      const share = (x + y) / (n + m);
      referenceBelow += x;
      windowBelow += y;
      const to = referenceBelow / n - windowBelow / m;
      const square = (from * from + from * to + to * to) / 3;
      value += share * square;
      ofOrders += share * meanOverOrders(x, y, from, to, 1 / n + 1 / m);
      error += share * farthest(from - y / m, from + x / n, square);
      const before = cuts[cuts.length - 1];
      if (before !== undefined) {
        before.square += share / 3;
        before.product = share / 6;
      }
      cuts.push({ referenceBelow, windowBelow, square: share / 3, product: 0 });
      from = to;
    }
    const moments = squaredDifferenceMoments(cuts satisfies readonly WeightedCut[], n, m);
    const statistic = ofOrders * (n / (n + m)) * m;
    return {
      status: "ok",
      value: Math.min(1 / 3, value),
      noise: { expected: moments.mean, upper99: Math.min(1 / 3, momentQuantile(0.99, moments)) },
      least: threshold,
      detail: { statistic, p_value: cramerVonMisesUpperTail(statistic, n, m), error_bound: error },
    };
  },
});

/**
 * Mean of (F - G)² over a bin's rows and over all orders of them: the square of the mean difference after i of k rows, and the variance
 * x y i (k - i) / (k² (k - 1)) · (1/n + 1/m)² around it, summed over i and divided by k. Exact for a bin of one row.
 */
function meanOverOrders(x: number, y: number, from: number, to: number, step: number): number {
  const k = x + y;
  const change = to - from;
  const squares = from * from + (from * change * (k + 1)) / k + (change * change * (k + 1) * (2 * k + 1)) / (6 * k * k);
  return squares + (x / k) * (y / k) * ((k + 1) / 6) * step * step;
}

/** How far the square of a difference between `low` and `high` can be from `square`: in a bin, all rows of one sample may lie before the other's. */
function farthest(low: number, high: number, square: number): number {
  const { least, greatest } = squaresBetween(low, high);
  return Math.max(greatest - square, square - least, 0);
}
