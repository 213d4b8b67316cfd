/** Kullback-Leibler divergence, for people whose rules are written in it: of the window from the reference, in nats, smoothed. */
import { z } from "zod";
import { defineDetector, insufficient, minRowsOption } from "../src/core/detector.ts";
import { kullbackLeiblerTerm, smoothedShare } from "../src/math/divergences.ts";
import { momentQuantile } from "../src/math/moment-law.ts";
import { nullMoments, sumOfTerms } from "../src/math/null-moments.ts";
import { pairedCounts } from "../src/math/paired-counts.ts";

export const kullbackLeibler = defineDetector({
  name: "kullback-leibler",
  title: "Kullback-Leibler divergence",
  description:
    "Relative entropy of the window from the reference, KL(window || reference) = sum of q ln(q / p) with q the window's shares and p the reference's, in natural logarithms (nats; over 0.693 it is in bits): what a model of the reference's distribution loses on the window's rows. The other direction has another value; other tools take KL(reference || window). Numeric features are compared on 20 quantile bins of the reference with *below*, *above* and *missing*, categorical ones on all categories. Shares are smoothed, (count + 1/2) / (rows + bins / 2), as a category never seen would make it infinite; bins that are empty on both sides are left out. Small changes show as half of their PSI. Prefer jensen-shannon unless others expect this one.",
  citation:
    "Kullback, S. & Leibler, R. A. (1951). On information and sufficiency. Ann. Math. Statist. 22, 79-86. Smoothing: Krichevsky, R. & Trofimov, V. (1981). IEEE Trans. Inf. Theory 27, 199-207.",
  subjectKinds: ["feature", "prediction", "score"],
  featureKinds: ["numeric", "categorical"],
  byDefault: false,
  range: [0, Number.POSITIVE_INFINITY],
  unit: "nats",
  options: z.strictObject({
    threshold: z
      .number()
      .min(0)
      .default(0.1)
      .describe("Least divergence that matters, in nats; the noise level may ask for more."),
    min_rows: minRowsOption(),
  }),
  examples: [
    {
      reference: { kind: "categorical", bins: [50, 30, 20, 0, 0] },
      window: { bins: [40, 35, 25, 0, 0] },
      options: { min_rows: 1 },
      value: 0.019875755886575107,
      source: "scipy 1.14.1 stats.entropy(q, p) with (c + 1/2) / (n + B/2), B = 3",
    },
    {
      reference: { kind: "categorical", bins: [100, 100, 100, 100, 100, 100, 100, 100, 100, 100, 0, 0] },
      window: { bins: [80, 95, 90, 110, 105, 100, 120, 98, 102, 100, 0, 0] },
      options: { min_rows: 1 },
      value: 0.005265802226071675,
      source: "scipy 1.17.1 stats.entropy(q, p) with (c + 1/2) / (n + B/2), B = 10",
    },
  ],

  compare(reference, window, { threshold, min_rows }) {
    const counts = pairedCounts(reference, window, 20);
    const { referenceRows, windowRows } = counts;
    const lacking = insufficient(referenceRows, windowRows, min_rows);
    if (lacking !== undefined) return lacking;

    const bins = counts.reference.filter((x, bin) => x + (counts.window[bin] ?? 0) > 0).length;
    // No term is negative, so the noise has nothing that cancels.
    const part = (x: number, y: number) =>
      kullbackLeiblerTerm(smoothedShare(y, windowRows, bins), smoothedShare(x, referenceRows, bins));
    const value = sumOfTerms(counts, part);
    const moments = nullMoments(counts, part, true);
    return {
      status: "ok",
      value,
      noise: { expected: moments.mean, upper99: momentQuantile(0.99, moments) },
      least: threshold,
      detail: { bins },
    };
  },
});
