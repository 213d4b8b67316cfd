/** Energy distance in reference standard deviations: scale-free, so that one threshold fits all features. */
import { z } from "zod";
import { defineDetector, insufficient, minRowsOption } from "../src/core/detector.ts";
import { sweep } from "../src/math/binned-wasserstein.ts";
import { meanOfRoot, momentQuantile } from "../src/math/moment-law.ts";
import { chanceFinds, finite, type PlacedRows, placeRows, unitOf } from "../src/math/placed-rows.ts";
import { squaredDifferenceMoments, squaresBetween } from "../src/math/squared-difference-law.ts";
import { total } from "../src/math/total.ts";

export const energy = defineDetector({
  name: "energy",
  title: "Energy distance",
  description:
    "The root of 2 E|X - Y| - E|X - X'| - E|Y - Y'|, that is of twice the integral of the squared difference of the cumulative distributions, with values in standard deviations of the reference: a shift of normal values by d of them is 0.75 d. Two definitions are in use: Székely and Rizzo's energy distance is the expression itself (`detail.squared`, here over the standard deviation); SciPy's is its root in the root of the feature's unit (`detail.unscaled`), which no threshold fits for all features. Computed on all bins of the reference, as wasserstein is: each bin's rows at the mean of its reference rows, rows beyond the range half-way to the window's extreme; `detail.error_bound` is how far the value can be from that of the full samples. Less moved by a few far values than wasserstein. Missing values do not take part; if the reference is a constant, the unit is its magnitude.",
  citation:
    "Székely, G. J. & Rizzo, M. L. (2013). Energy statistics: a class of statistics based on distances. Journal of Statistical Planning and Inference 143, 1249-1272.",
  subjectKinds: ["feature", "prediction", "score"],
  featureKinds: ["numeric"],
  byDefault: false,
  range: [0, Number.POSITIVE_INFINITY],
  unit: "root standard deviations",
  options: z.strictObject({
    threshold: z
      .number()
      .min(0)
      .default(0.075)
      .describe(
        "Least distance that matters; 0.075 is a shift of normal values by a tenth of a standard deviation. The noise level may ask for more.",
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
      value: 0.5491004867761125,
      source:
        "by hand: sqrt(2 (0.25² + 0.25²) / sqrt(0.6875)), as scipy.stats.energy_distance over the root of numpy.std",
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
      window: { bins: [0, 90, 10], minimum: 7, maximum: 21 },
      options: { min_rows: 1 },
      value: 0.1414213562373095,
      source: "by hand: sqrt(2 · 0.1² · 7 / 7), ten of 100 rows beyond the constant 7 taken to lie at 14",
    },
  ],

  compare(reference, window, { threshold, min_rows }) {
    const lacking = insufficient(total(reference.bins), total(window.bins), min_rows);
    if (lacking !== undefined) return lacking;

    const placed = placeRows(reference, window);
    const { unit, unitIs } = unitOf(reference);
    const { gaps, referenceRows, windowRows } = sweep(placed.masses);
    let integral = 0;
    for (const { width, referenceBelow, windowBelow } of gaps) {
      integral += (width * (referenceBelow / referenceRows - windowBelow / windowRows) ** 2) / unit;
    }
    const squared = finite(2 * integral);
    const value = Math.sqrt(squared);
    const cuts = sweep(placed.inside).gaps.map((gap) => ({ ...gap, square: finite((2 * gap.width) / unit) }));
    const moments = squaredDifferenceMoments(cuts, referenceRows, windowRows);
    const error = finite(errorBound(placed, unit));
    return {
      status: "ok",
      value,
      noise: {
        expected: finite(meanOfRoot(moments)),
        upper99: Math.sqrt(finite(momentQuantile(0.99, moments) + chanceExcess(placed, unit))),
      },
      least: threshold,
      detail: {
        squared,
        unscaled: finite(value * Math.sqrt(unit)),
        unit,
        unit_is: unitIs,
        // The square is within `error` of the full samples'; the root moves most where that is smaller.
        error_bound: Math.max(
          value - Math.sqrt(Math.max(0, squared - error)),
          Math.sqrt(finite(squared + error)) - value,
        ),
      },
    };
  },
});

/**
 * Of the squared distance: within a bin the difference of the cumulative distributions lies between its value before the bin less the
 * window's rows in it and that value plus the reference's.
 */
function errorBound({ bins, beyond, referenceRows, windowRows }: PlacedRows, unit: number): number {
  let error = 0;
  let before = 0;
  const below = beyond.filter(({ end, at }) => at < end);
  for (const { window, reference } of below) before += reference / referenceRows - window / windowRows;
  for (const { low, high, reference, window } of bins) {
    const { least, greatest } = squaresBetween(before - window / windowRows, before + reference / referenceRows);
    if (high > low) error += ((high - low) / unit) * (greatest - least);
    before += reference / referenceRows - window / windowRows;
  }
  for (const { end, extreme, at, window } of beyond) {
    // Rows half-way may lie anywhere between the range's end and the window's extreme.
    if (window > 1) error += (Math.abs(extreme - end) / unit - Math.abs(at - end) / unit) * (window / windowRows) ** 2;
  }
  return 2 * error;
}

/** What rows beyond the reference's range may add to the squared distance by chance. */
function chanceExcess({ beyond, referenceRows, windowRows }: PlacedRows, unit: number): number {
  const finds = chanceFinds(referenceRows, windowRows);
  let excess = 0;
  for (const { end, at, window } of beyond) {
    excess += 2 * (Math.abs(at - end) / unit) * (Math.min(window, finds) / windowRows) ** 2;
  }
  return excess;
}
