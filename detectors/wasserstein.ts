/** Wasserstein distance in reference standard deviations: the default for numbers, most sensitive to a shifted mean. */
import { z } from "zod";
import { defineDetector, insufficient, minRowsOption } from "../src/core/detector.ts";
import { massDistance, massDistanceMoments } from "../src/math/binned-wasserstein.ts";
import { momentQuantile } from "../src/math/moment-law.ts";
import { chanceFinds, finite, type PlacedRows, placeRows, unitOf } from "../src/math/placed-rows.ts";
import { total } from "../src/math/total.ts";

export const wasserstein = defineDetector({
  name: "wasserstein",
  title: "Wasserstein distance",
  description:
    "How far values have moved on average (earth mover's distance), in standard deviations of the reference, so 0.1 is a shift of all values by a tenth of one. Computed on all bins of the reference: each bin's rows are taken to lie at the mean of its reference rows, rows beyond the reference's range half-way to the window's own extreme, and the few of them that chance explains count as noise; `detail.error_bound` is how far the value can be from that of the full samples. Missing values do not take part. If the reference is a constant, the unit is the constant's magnitude (1 if it is 0). The most sensitive one for shifts of a mean; for a change of shape see jensen-shannon.",
  citation:
    "Vallender, S. S. (1974). Calculation of the Wasserstein distance between probability distributions on the line. Theory Probab. Appl. 18, 784-786.",
  subjectKinds: ["feature", "prediction", "score"],
  featureKinds: ["numeric"],
  byDefault: true,
  range: [0, Number.POSITIVE_INFINITY],
  unit: "standard deviations",
  options: z.strictObject({
    threshold: z
      .number()
      .min(0)
      .default(0.1)
      .describe(
        "Least distance that matters, in standard deviations of the reference; the noise level may ask for more.",
      ),
    min_rows: minRowsOption("Rows with a value"),
  }),
  examples: [
    {
      reference: {
        kind: "numeric",
        edges: [0, 1, 2],
        bins: [50, 25, 25, 0],
        means: [0, 1, 2, 0],
        mean: 0.75,
        standardDeviation: 0.82915619758885,
        minimum: 0,
        maximum: 2,
      },
      window: { bins: [25, 25, 50, 0], minimum: 0, maximum: 2 },
      options: { min_rows: 1 },
      value: 0.6030226891555273,
      source: "by hand: (0.25 + 0.25) / sqrt(0.6875), as scipy.stats.wasserstein_distance over numpy.std",
    },
    {
      reference: {
        kind: "numeric",
        edges: [6.999999999999999, 7],
        bins: [0, 100, 0],
        means: [0, 7, 0],
        mean: 7,
        standardDeviation: 0,
        minimum: 7,
        maximum: 7,
      },
      window: { bins: [0, 99, 1], minimum: 7, maximum: 14 },
      options: { min_rows: 1 },
      value: 0.01,
      source: "by hand: one of 100 rows moved by 7, over the constant 7",
    },
  ],

  compare(reference, window, { threshold, min_rows }) {
    const lacking = insufficient(total(reference.bins), total(window.bins), min_rows);
    if (lacking !== undefined) return lacking;

    const placed = placeRows(reference, window);
    const { unit, unitIs } = unitOf(reference);
    const moments = massDistanceMoments(placed.inside);
    return {
      status: "ok",
      value: finite(massDistance(placed.masses) / unit),
      noise: {
        expected: finite(moments.mean / unit),
        upper99: finite((momentQuantile(0.99, moments) + chanceExcess(placed)) / unit),
      },
      least: threshold,
      detail: { unit, unit_is: unitIs, error_bound: finite(errorBound(placed) / unit) },
    };
  },
});

/**
 * By how much rows are misplaced at most, on average over the rows of either sample, summed.
 *
 * In a bin from `low` to `high` reference rows with the mean r are on average at most 2 (r - low)(high - r) / (high - low) away from it,
 * and window rows at most as far as the further end; for r in the middle both are half the bin's width.
 */
function errorBound({ bins, beyond, referenceRows, windowRows }: PlacedRows): number {
  let error = 0;
  for (const { low, high, at, reference, window } of bins) {
    if (!(high > low)) continue;
    error += (reference / referenceRows) * ((2 * (at - low) * (high - at)) / (high - low));
    error += (window / windowRows) * Math.max(at - low, high - at);
  }
  // A single row beyond the range lies at the window's extreme, exactly.
  for (const { end, at, window } of beyond) if (window > 1) error += (window / windowRows) * Math.abs(at - end);
  return error;
}

/** What rows beyond the reference's range may add to the distance by chance. */
function chanceExcess({ beyond, referenceRows, windowRows }: PlacedRows): number {
  const finds = chanceFinds(referenceRows, windowRows);
  let excess = 0;
  for (const { end, at, window } of beyond) excess += (Math.min(window, finds) / windowRows) * Math.abs(at - end);
  return excess;
}
