/** Kolmogorov-Smirnov distance on bins, with the bound of what binning hides. */
import { z } from "zod";
import { defineDetector, insufficient, minRowsOption } from "../src/core/detector.ts";
import { kolmogorovUpperTail } from "../src/math/kolmogorov-upper-tail.ts";
import { total } from "../src/math/total.ts";

/** Mean and 99 % point of Kolmogorov's law. */
const kolmogorovMean = Math.sqrt(Math.PI / 2) * Math.LN2;
const kolmogorovUpper99 = 1.6276236115189;

export const kolmogorovSmirnov = defineDetector({
  name: "kolmogorov-smirnov",
  title: "Kolmogorov-Smirnov distance",
  description:
    "The greatest difference of the two cumulative distributions, over all bins of the reference. The distance of the full samples may be greater, as it may lie inside a bin: `detail.largest` says how great it can be at most. Missing values do not take part. The p-value is that of Kolmogorov's limit law; ties make it, and the noise level, cautious. It looks at the middle and is weak in the tails; on a large window a p-value alone would alarm on any trifle, so a breach needs `threshold` too.",
  citation:
    "Smirnov, N. (1939). Bulletin Math. Univ. Moscou 2(2), 3-14. Kolmogorov, A. (1933). Giornale dell'Istituto Italiano degli Attuari 4, 83-91.",
  subjectKinds: ["feature", "prediction", "score"],
  featureKinds: ["numeric"],
  byDefault: false,
  range: [0, 1],
  unit: "distance",
  options: z.strictObject({
    threshold: z
      .number()
      .min(0)
      .max(1)
      .default(0.1)
      .describe("Least distance that matters; the noise level may ask for more."),
    min_rows: minRowsOption("Rows with a value"),
  }),
  examples: [
    {
      reference: { kind: "numeric", edges: [0.1, 0.2, 0.3], bins: [1000, 1000, 1000, 0] },
      window: { bins: [0, 1000, 500, 0] },
      value: 1 / 3,
      source: "by hand: 1/3 of the reference and none of the window is at or below 0.1",
    },
    {
      reference: { kind: "numeric", edges: [1, 2, 3], bins: [25, 25, 25, 25] },
      window: { bins: [10, 20, 30, 40] },
      options: { min_rows: 1 },
      value: 0.2,
      source: "by hand: 0.5 against 0.3 at the second edge",
    },
  ],

  /** D = max |F - G| over the edges; within a bin the difference can exceed its ends' by no more than the bin's mass on one side. */
  compare(reference, window, { threshold, min_rows }) {
    const n = total(reference.bins);
    const m = total(window.bins);
    const lacking = insufficient(n, m, min_rows);
    if (lacking !== undefined) return lacking;

    let value = 0;
    let largest = 0;
    let referenceBelow = 0;
    let windowBelow = 0;
    for (const [bin, x] of reference.bins.entries()) {
      const y = window.bins[bin] ?? 0;
      const before = referenceBelow / n - windowBelow / m;
      referenceBelow += x;
      windowBelow += y;
      const after = referenceBelow / n - windowBelow / m;
      value = Math.max(value, Math.abs(after));
      largest = Math.max(largest, Math.min(before + x / n, after + y / m), Math.min(y / m - before, x / n - after));
    }
    const spread = Math.sqrt(1 / n + 1 / m);
    value = Math.min(1, value);
    largest = Math.min(1, Math.max(value, largest));
    return {
      status: "ok",
      value,
      noise: { expected: kolmogorovMean * spread, upper99: Math.min(1, kolmogorovUpper99 * spread) },
      least: threshold,
      detail: { p_value: kolmogorovUpperTail(value / spread), largest, error_bound: largest - value },
    };
  },
});
