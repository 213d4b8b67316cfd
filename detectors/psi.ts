/** Population stability index, for people whose rules are written in it, with the noise level that the customary cut-offs lack. */
import { z } from "zod";
import { defineDetector, insufficient, minRowsOption } from "../src/core/detector.ts";
import { smoothedShare, stabilityTerm } from "../src/math/divergences.ts";
import { momentQuantile } from "../src/math/moment-law.ts";
import { nullMoments, sumOfTerms } from "../src/math/null-moments.ts";
import { pairedCounts } from "../src/math/paired-counts.ts";

export const psi = defineDetector({
  name: "psi",
  title: "Population stability index",
  description:
    "The symmetric divergence of credit scoring: sum of (p - q) ln(p / q). Numeric features are compared on 10 quantile bins of the reference with *missing*, categorical ones on all categories. Shares are smoothed, (count + 1/2) / (rows + bins / 2), so that an empty bin is finite; bins that are empty on both sides are left out. The customary 0.1 and 0.2 ignore that PSI grows with bins and falls with rows: here a breach needs to exceed the noise level too. It is blind to small shifts (0.2 is a shift of the mean by 0.45 standard deviations); prefer jensen-shannon or wasserstein unless others expect PSI.",
  citation:
    "Yurdakul, B. & Naranjo, J. (2020). Statistical properties of the population stability index. Journal of Risk Model Validation 14, 89-100. Smoothing: Krichevsky, R. & Trofimov, V. (1981). IEEE Trans. Inf. Theory 27, 199-207.",
  subjectKinds: ["feature", "prediction", "score"],
  featureKinds: ["numeric", "categorical"],
  byDefault: false,
  range: [0, Number.POSITIVE_INFINITY],
  unit: "index",
  options: z.strictObject({
    threshold: z.number().min(0).default(0.2).describe("Least index that matters; the noise level may ask for more."),
    min_rows: minRowsOption(),
  }),
  examples: [
    {
      reference: { kind: "categorical", bins: [50, 30, 20, 0, 7, 0, 0] },
      window: { bins: [40, 35, 0, 10, 9, 0, 0] },
      options: { min_rows: 1 },
      value: 1.0231607307993318,
      source: "numpy 2.4.6 sum((p - q) * log(p / q)) with (c + 1/2) / (n + B/2), B = 5",
    },
    {
      reference: { kind: "categorical", bins: [100, 50, 20, 5, 0, 0] },
      window: { bins: [90, 60, 30, 0, 0, 3] },
      options: { min_rows: 1 },
      value: 0.13424256572745263,
      source: "numpy 2.1.3 sum((p - q) * log(p / q)) with (c + 1/2) / (n + B/2), B = 5",
    },
  ],

  /** PSI = sum (p - q) ln(p / q). */
  compare(reference, window, { threshold, min_rows }) {
    const counts = pairedCounts(reference, window, 10, false);
    const { referenceRows, windowRows } = counts;
    const lacking = insufficient(referenceRows, windowRows, min_rows);
    if (lacking !== undefined) return lacking;

    const bins = counts.reference.filter((x, bin) => x + (counts.window[bin] ?? 0) > 0).length;
    const part = (x: number, y: number) =>
      stabilityTerm(smoothedShare(x, referenceRows, bins), smoothedShare(y, windowRows, bins));
    const sum = sumOfTerms(counts, part);
    const moments = nullMoments(counts, part, true);
    return {
      status: "ok",
      value: Math.max(0, sum),
      noise: { expected: moments.mean, upper99: momentQuantile(0.99, moments) },
      least: threshold,
      detail: { bins },
    };
  },
});
