import { z } from "zod";
import { defineDetector, insufficient } from "../src/core/detector.ts";
import type { ReferenceSubject, WindowSummary } from "../src/core/summary.ts";
import { type Mass, massDistance, massDistanceMoments } from "../src/math/binned-wasserstein.ts";
import { momentQuantile } from "../src/math/moment-law.ts";
import { total } from "../src/math/total.ts";

// Features are rounded to 32 bits: a spread below the last digit of the mean is rounding, and the reference a constant.
const singlePrecision = 2 ** -24;

export const wasserstein = defineDetector({
  name: "wasserstein",
  title: "Wasserstein distance",
  description:
    "How far values have moved on average (earth mover's distance), in standard deviations of the reference, so 0.1 is a shift of all values by a tenth of one. Computed on all bins of the reference: each bin's rows are taken to lie at the mean of its reference rows, rows beyond the reference's range half-way to the window's own extreme; `detail.error_bound` is how far the value can be from that of the full samples. Missing values do not take part. If the reference is a constant, the unit is the constant's magnitude (1 if it is 0). The most sensitive one for shifts of a mean; for a change of shape see jensen-shannon.",
  citation: "Vallender, S. S. (1974). Calculation of the Wasserstein distance between probability distributions on the line. Theory Probab. Appl. 18, 784-786.",
  subjectKinds: ["feature", "prediction", "score"],
  featureKinds: ["numeric"],
  byDefault: true,
  range: [0, Number.POSITIVE_INFINITY],
  unit: "standard deviations",
  options: z.strictObject({
    threshold: z.number().min(0).default(0.1).describe("Least distance that matters, in standard deviations of the reference; the noise level may ask for more."),
    min_rows: z.int().min(1).default(200).describe("Rows with a value below which a window is not judged."),
  }),
  examples: [
    {
      reference: { kind: "numeric", edges: [0, 1, 2], bins: [50, 25, 25, 0], means: [0, 1, 2, 0], mean: 0.75, standardDeviation: 0.82915619758885, minimum: 0, maximum: 2 },
      window: { bins: [25, 25, 50, 0], minimum: 0, maximum: 2 },
      options: { min_rows: 1 },
      value: 0.6030226891555273,
      source: "by hand: (0.25 + 0.25) / sqrt(0.6875), as scipy.stats.wasserstein_distance over numpy.std",
    },
    {
      reference: { kind: "numeric", edges: [6.999999999999999, 7], bins: [0, 100, 0], means: [0, 7, 0], mean: 7, standardDeviation: 0, minimum: 7, maximum: 7 },
      window: { bins: [0, 99, 1], minimum: 7, maximum: 14 },
      options: { min_rows: 1 },
      value: 0.01,
      source: "by hand: one of 100 rows moved by 7, over the constant 7",
    },
  ],

  compare(reference, window, { threshold, min_rows }) {
    const lacking = insufficient(total(reference.bins), total(window.bins), min_rows);
    if (lacking !== undefined) return lacking;

    const { masses, error } = place(reference, window);
    const { unit, constant } = unitOf(reference);
    const moments = massDistanceMoments(masses);
    return {
      status: "ok",
      value: massDistance(masses) / unit,
      noise: { expected: moments.mean / unit, upper99: momentQuantile(0.99, moments) / unit },
      least: threshold,
      detail: { unit, unit_is: constant ? "magnitude of the constant reference" : "standard deviation of the reference", error_bound: error / unit },
    };
  },
});

function unitOf({ standardDeviation, mean }: ReferenceSubject): { readonly unit: number; readonly constant: boolean } {
  const magnitude = Math.abs(mean);
  if (standardDeviation > magnitude * singlePrecision && standardDeviation > Number.MIN_VALUE) return { unit: standardDeviation, constant: false };
  return { unit: magnitude > 0 ? magnitude : 1, constant: true };
}

/**
 * Where each bin's rows are taken to lie, and the sum of the most by which that can misplace them on average.
 *
 * In a bin from `low` to `high` reference rows with the mean r are on average at most 2 (r - low)(high - r) / (high - low) away from it,
 * and window rows at most the further end; for rows in the middle both are half the bin's width.
 */
function place(reference: ReferenceSubject, window: WindowSummary): { readonly masses: readonly Mass[]; readonly error: number } {
  const n = total(reference.bins);
  const m = total(window.bins);
  const masses: Mass[] = [];
  let error = 0;
  for (const [bin, x] of reference.bins.entries()) {
    const y = window.bins[bin] ?? 0;
    const { low, high } = ends(reference, window, bin);
    const width = high - low;
    const middle = low + width / 2;
    const outside = x === 0 && (bin === 0 || bin === reference.edges.length);
    const extreme = bin === 0 ? low : high;
    // A single row outside the range is the window's extreme itself.
    const at = x > 0 ? within(reference.means[bin] ?? middle, low, high) : outside && y === 1 ? extreme : middle;
    masses.push({ at, reference: x, window: y });
    if (width <= 0) continue;
    error += (x / n) * ((2 * (at - low) * (high - at)) / width);
    if (!(outside && y === 1)) error += (y / m) * Math.max(at - low, high - at);
  }
  return { masses, error };
}

/** The bin's ends; the outer ones reach as far as the reference's and the window's own extremes. */
function ends({ edges, minimum, maximum }: ReferenceSubject, window: WindowSummary, bin: number): { low: number; high: number } {
  const below = edges[bin - 1];
  const above = edges[bin];
  const low = below ?? Math.min(minimum, window.minimum ?? minimum, above ?? minimum);
  const high = above ?? Math.max(maximum, window.maximum ?? maximum, below ?? maximum);
  return { low, high };
}

function within(x: number, low: number, high: number): number {
  return Math.min(high, Math.max(low, x));
}
