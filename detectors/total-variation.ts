/** Total variation: the share of rows that moved, the easiest distance to explain. */
import { z } from "zod";
import { defineDetector, insufficient, minRowsOption } from "../src/core/detector.ts";
import { totalVariationTerm } from "../src/math/divergences.ts";
import { momentQuantile } from "../src/math/moment-law.ts";
import { nullMoments, sumOfTerms } from "../src/math/null-moments.ts";
import { pairedCounts } from "../src/math/paired-counts.ts";

export const totalVariation = defineDetector({
  name: "total-variation",
  title: "Total variation distance",
  description:
    "The share of rows that would have to move to another bin to turn the reference's distribution into the window's: half the sum of the differences of the shares. The easiest distance to explain. Numeric features are compared on 20 quantile bins of the reference with *below*, *above* and *missing*, categorical ones on all categories. It does not see how far rows have moved (wasserstein does).",
  citation:
    "Levin, D. A., Peres, Y. & Wilmer, E. L. (2009). Markov Chains and Mixing Times, section 4.1. American Mathematical Society.",
  subjectKinds: ["feature", "prediction", "score"],
  featureKinds: ["numeric", "categorical"],
  byDefault: false,
  range: [0, 1],
  unit: "share of rows",
  options: z.strictObject({
    threshold: z
      .number()
      .min(0)
      .max(1)
      .default(0.05)
      .describe("Least share of moved rows that matters; the noise level may ask for more."),
    min_rows: minRowsOption(),
  }),
  examples: [
    {
      reference: { kind: "categorical", bins: [50, 50, 0, 0] },
      window: { bins: [80, 20, 0, 0] },
      options: { min_rows: 1 },
      value: 0.3,
      source: "by hand: (|0.5 - 0.8| + |0.5 - 0.2|) / 2",
    },
    {
      reference: { kind: "categorical", bins: [100, 50, 20, 5, 0, 0] },
      window: { bins: [90, 60, 30, 0, 0, 3] },
      options: { min_rows: 1 },
      value: 0.10819672131147538,
      source: "numpy 2.1.3 abs(p - q).sum() / 2",
    },
  ],

  /** TV = sum |p - q| / 2. */
  compare(reference, window, { threshold, min_rows }) {
    const counts = pairedCounts(reference, window, 20);
    const { referenceRows, windowRows } = counts;
    const lacking = insufficient(referenceRows, windowRows, min_rows);
    if (lacking !== undefined) return lacking;

    const moved = (x: number, y: number) => totalVariationTerm(x / referenceRows, y / windowRows);
    const sum = sumOfTerms(counts, moved);
    const moments = nullMoments(counts, moved);
    return {
      status: "ok",
      value: Math.min(1, sum),
      noise: { expected: moments.mean, upper99: momentQuantile(0.99, moments) },
      least: threshold,
    };
  },
});
