/** Wasserstein distance in reference standard deviations: the default for numbers, most sensitive to a shifted mean. */
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
    min_rows: z.int().min(1).default(200).describe("Rows with a value below which a window is not judged."),
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

    const { masses, inside, error, excess } = place(reference, window);
    const { unit, constant } = unitOf(reference);
    const moments = massDistanceMoments(inside);
    return {
      status: "ok",
      value: finite(massDistance(masses) / unit),
      noise: {
        expected: finite(moments.mean / unit),
        upper99: finite((momentQuantile(0.99, moments) + excess) / unit),
      },
      least: threshold,
      detail: {
        unit,
        unit_is: constant ? "magnitude of the constant reference" : "standard deviation of the reference",
        error_bound: finite(error / unit),
      },
    };
  },
});

/** Values near the greatest double overflow when they are squared; a number that large says the same. */
function finite(x: number): number {
  return Number.isFinite(x) ? x : Number.MAX_VALUE;
}

function unitOf({ standardDeviation, mean }: ReferenceSubject): { readonly unit: number; readonly constant: boolean } {
  const magnitude = Math.abs(mean);
  const isSpread = standardDeviation > magnitude * singlePrecision && standardDeviation > Number.MIN_VALUE;
  if (isSpread) return { unit: standardDeviation, constant: false };
  return { unit: magnitude > 0 ? magnitude : 1, constant: true };
}

interface Placed {
  readonly masses: readonly Mass[];
  /** The same with the window's rows beyond the reference's range moved to its end, for the noise. */
  readonly inside: readonly Mass[];
  /** By how much rows are misplaced at most, on average over the rows of either sample, summed. */
  readonly error: number;
  /** What rows beyond the reference's range may add to the distance by chance. */
  readonly excess: number;
}

/**
 * In a bin from `low` to `high` reference rows with the mean r are on average at most 2 (r - low)(high - r) / (high - low) away from it,
 * and window rows at most as far as the further end; for r in the middle both are half the bin's width.
 */
function place(reference: ReferenceSubject, window: WindowSummary): Placed {
  const n = total(reference.bins);
  const m = total(window.bins);
  const masses: Mass[] = [];
  const inside: Mass[] = [];
  let error = 0;
  let excess = 0;
  for (const [bin, x] of reference.bins.entries()) {
    const y = window.bins[bin] ?? 0;
    const beyond = rowsBeyond(reference, window, bin);
    if (beyond !== undefined) {
      masses.push({ at: beyond.end, reference: x, window: 0 }, { at: beyond.at, reference: 0, window: y });
      inside.push({ at: beyond.end, reference: x, window: y });
      error += (y / m) * beyond.error;
      excess += (Math.min(y, chanceFinds(n, m)) / m) * Math.abs(beyond.at - beyond.end);
      continue;
    }
    const low = reference.edges[bin - 1] ?? reference.minimum;
    const high = reference.edges[bin] ?? reference.maximum;
    const width = Math.max(0, high - low);
    const at = x > 0 ? Math.min(high, Math.max(low, reference.means[bin] ?? low)) : low + width / 2;
    masses.push({ at, reference: x, window: y });
    inside.push({ at, reference: x, window: y });
    if (width > 0)
      error += (x / n) * ((2 * (at - low) * (high - at)) / width) + (y / m) * Math.max(at - low, high - at);
  }
  return { masses, inside, error, excess };
}

/** The window's rows in an outer bin that reaches beyond the reference's range: half-way to the extreme, or at it if there is only one. */
function rowsBeyond(reference: ReferenceSubject, window: WindowSummary, bin: number) {
  const { edges, minimum, maximum } = reference;
  const isFirst = bin === 0;
  const end = isFirst ? minimum : maximum;
  const extreme = isFirst ? window.minimum : window.maximum;
  const rows = window.bins[bin] ?? 0;
  const isOuter = (isFirst || bin === edges.length) && (reference.bins[bin] ?? 0) <= 1;
  if (!isOuter || rows === 0 || extreme === null || (isFirst ? extreme >= end : extreme <= end)) return undefined;
  // Halves first: the two may lie further apart than a double can say.
  const at = rows === 1 ? extreme : extreme / 2 + end / 2;
  return { end, at, error: rows === 1 ? 0 : Math.abs(at - end) };
}

/**
 * How many of m rows may lie beyond one end of n earlier ones by chance, 99.5 % of the time: k do with the probability (m / (n + m))^k.
 * One stray value may be any distance away, so without this a single one would be a breach.
 */
function chanceFinds(n: number, m: number): number {
  return Math.ceil(Math.log(0.005) / Math.log(m / (n + m)));
}
