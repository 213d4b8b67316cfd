/** Jensen-Shannon distance: the default for every feature, prediction and score, as it needs no smoothing and is bounded. */
import { z } from "zod";
import { defineDetector, insufficient, minRowsOption } from "../src/core/detector.ts";
import { jensenShannonTerm } from "../src/math/divergences.ts";
import { meanOfRoot, momentQuantile } from "../src/math/moment-law.ts";
import { nullMoments, sumOfTerms } from "../src/math/null-moments.ts";
import { pairedCounts } from "../src/math/paired-counts.ts";

export const jensenShannon = defineDetector({
  name: "jensen-shannon",
  title: "Jensen-Shannon distance",
  description:
    "How far the window's distribution lies from the reference's: the root of the mean divergence of the two from their average, in base 2, so 0 is equal and 1 is disjoint. It needs no smoothing, so rare and new categories do no harm. Numeric features are compared on 20 quantile bins of the reference with *below*, *above* and *missing*, categorical ones on all categories. Samples of one distribution are some way apart by chance, the more bins and the fewer rows the further: see the noise level. For a small shift of a mean, wasserstein is more sensitive.",
  citation:
    "Lin, J. (1991). Divergence measures based on the Shannon entropy. IEEE Trans. Inf. Theory 37, 145-151. Endres, D. M. & Schindelin, J. E. (2003). A new metric for probability distributions. IEEE Trans. Inf. Theory 49, 1858-1860.",
  subjectKinds: ["feature", "prediction", "score"],
  featureKinds: ["numeric", "categorical"],
  byDefault: true,
  range: [0, 1],
  unit: "distance",
  options: z.strictObject({
    threshold: z
      .number()
      .min(0)
      .max(1)
      .default(0.1)
      .describe("Least distance that matters; the noise level may ask for more."),
    min_rows: minRowsOption(),
  }),
  examples: [
    {
      reference: { kind: "categorical", bins: [50, 30, 20, 0, 0] },
      window: { bins: [40, 35, 25, 0, 0] },
      options: { min_rows: 1 },
      value: 0.08609435336652073,
      source: "scipy 1.14.1 spatial.distance.jensenshannon(base=2)",
    },
    {
      reference: { kind: "categorical", bins: [50, 0, 0] },
      window: { bins: [8, 0, 2] },
      options: { min_rows: 1 },
      value: 0.3286815268928463,
      source: "scipy 1.17.1 spatial.distance.jensenshannon([1, 0], [.8, .2], base=2)",
    },
  ],

  /** D = sqrt(KL(p, a) / 2 + KL(q, a) / 2), a = (p + q) / 2. */
  compare(reference, window, { threshold, min_rows }) {
    const counts = pairedCounts(reference, window, 20);
    const { referenceRows, windowRows } = counts;
    const lacking = insufficient(referenceRows, windowRows, min_rows);
    if (lacking !== undefined) return lacking;

    // In bits.
    const divergence = (x: number, y: number) => jensenShannonTerm(x / referenceRows, y / windowRows) / Math.LN2;
    const sum = sumOfTerms(counts, divergence);
    const moments = nullMoments(counts, divergence);
    return {
      status: "ok",
      value: Math.sqrt(Math.min(1, sum)),
      noise: { expected: meanOfRoot(moments), upper99: Math.sqrt(momentQuantile(0.99, moments)) },
      least: threshold,
    };
  },
});
