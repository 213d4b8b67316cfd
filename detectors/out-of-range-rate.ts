/** Share of values beyond the least and the greatest of the reference: where a model extrapolates, and where units were changed. */
import { z } from "zod";
import { defineDetector, insufficient, minRowsOption } from "../src/core/detector.ts";
import type { ReferenceSubject, WindowSummary } from "../src/core/summary.ts";
import { rangeExceedance } from "../src/math/range-exceedance.ts";
import { total } from "../src/math/total.ts";
import { wilsonInterval } from "../src/math/wilson-interval.ts";

export const outOfRangeRate = defineDetector({
  name: "out-of-range-rate",
  title: "Values out of range",
  description:
    "Share of the window's values that lie below the least or above the greatest value of the reference, where a model was never trained; `detail` has the two apart. A few are to be expected for ever, two in as many as the reference has rows, and a breach lies above `threshold` and above what chance explains at these numbers of rows. Values equal to the reference's least one count as below it only where the reference has that value once and the window has a lower one too. Missing values do not take part.",
  citation:
    "Wilks, S. S. (1941). Determination of sample sizes for setting tolerance limits. Ann. Math. Statist. 12, 91-96. Interval: Wilson, E. B. (1927). JASA 22, 209-212.",
  subjectKinds: ["feature", "prediction", "score"],
  featureKinds: ["numeric"],
  byDefault: false,
  range: [0, 1],
  unit: "share of rows",
  options: z.strictObject({
    threshold: z
      .number()
      .min(0)
      .max(1)
      .default(0.005)
      .describe("Least share out of range that matters; the noise level may ask for more."),
    min_rows: minRowsOption("Rows with a value"),
  }),
  examples: [
    {
      reference: { kind: "numeric", edges: [0, 5, 10], bins: [1, 500, 499, 0], minimum: 0, maximum: 10 },
      window: { bins: [4, 96, 84, 16], minimum: -3, maximum: 12 },
      value: 0.1,
      source: "by hand: 4 below and 16 above of 200 values",
    },
    {
      reference: { kind: "numeric", edges: [0, 5, 10], bins: [1, 500, 499, 0], minimum: 0, maximum: 10 },
      window: { bins: [1, 150, 149, 0], minimum: 0, maximum: 10 },
      value: 0,
      source: "by hand: none of 300 values",
    },
  ],

  compare(reference, window, { threshold, min_rows }) {
    const n = total(reference.bins);
    const m = total(window.bins);
    const lacking = insufficient(n, m, min_rows);
    if (lacking !== undefined) return lacking;
    const { below, above } = outside(reference, window);
    return {
      status: "ok",
      value: (below + above) / m,
      noise: rangeExceedance(n, m),
      least: threshold,
      ...wilsonInterval(below + above, m),
      detail: { below, above, minimum: window.minimum, maximum: window.maximum },
    };
  },
});

/** The outer bins' rows, of which the lower one may hold the reference's least value too. */
function outside(
  reference: ReferenceSubject,
  window: WindowSummary,
): { readonly below: number; readonly above: number } {
  const last = reference.bins.length - 1;
  const isBelow = window.minimum === null ? reference.bins[0] === 0 : window.minimum < reference.minimum;
  const isAbove = window.maximum === null ? reference.bins[last] === 0 : window.maximum > reference.maximum;
  return { below: isBelow ? (window.bins[0] ?? 0) : 0, above: isAbove && last > 0 ? (window.bins[last] ?? 0) : 0 };
}
