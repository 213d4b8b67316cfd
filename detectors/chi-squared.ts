/** Pearson's chi-squared of two samples, for people who expect a p-value; an effect size keeps it quiet on large windows. */
import { z } from "zod";
import { defineDetector, insufficient, minRowsOption } from "../src/core/detector.ts";
import { chiSquaredQuantile } from "../src/math/chi-squared-quantile.ts";
import { chiSquaredTerm, contingencyTest } from "../src/math/contingency-test.ts";
import { momentQuantile } from "../src/math/moment-law.ts";
import { nullMoments } from "../src/math/null-moments.ts";
import { pairedCounts } from "../src/math/paired-counts.ts";

export const chiSquared = defineDetector({
  name: "chi-squared",
  title: "Chi-squared test",
  description:
    "Pearson's statistic of the table of two samples by bins, without Yates' correction; columns that are empty in both are left out. The statistic grows with the rows, so a p-value alone alarms on any trifle in a large window: a breach also needs an effect, Cramér's V of at least `threshold`. Numeric features are compared on 20 quantile bins of the reference with *below*, *above* and *missing*, categorical ones on all categories. The noise level is the greater of the chi-squared law's and the permutation law's, which holds where bins expect fewer than five rows.",
  citation:
    "Pearson, K. (1900). Philosophical Magazine 50, 157-175. Cramér, H. (1946). Mathematical Methods of Statistics, section 21.9. Princeton.",
  subjectKinds: ["feature", "prediction", "score"],
  featureKinds: ["numeric", "categorical"],
  byDefault: false,
  range: [0, Number.POSITIVE_INFINITY],
  unit: "statistic",
  options: z.strictObject({
    threshold: z
      .number()
      .min(0)
      .max(1)
      .default(0.1)
      .describe("Least effect that matters, as Cramér's V between 0 and 1; the noise level may ask for more."),
    min_rows: minRowsOption(),
  }),
  examples: [
    {
      reference: { kind: "categorical", bins: [50, 30, 20, 0, 0] },
      window: { bins: [40, 35, 25, 0, 0] },
      options: { min_rows: 1 },
      value: 2.051282051282051,
      source: "scipy 1.14.1 stats.chi2_contingency(correction=False)",
    },
    {
      reference: { kind: "categorical", bins: [50, 0, 0] },
      window: { bins: [8, 0, 2] },
      options: { min_rows: 1 },
      value: 10.344827586206897,
      source: "scipy 1.17.1 stats.chi2_contingency([[50, 0], [8, 2]], correction=False)",
    },
  ],

  /** X² = sum (x m - y n)² / (n m (x + y)); V = sqrt(X² / (n + m)), as the table has two rows. */
  compare(reference, window, { threshold, min_rows }) {
    const counts = pairedCounts(reference, window, 20);
    const { referenceRows: n, windowRows: m } = counts;
    const lacking = insufficient(n, m, min_rows);
    if (lacking !== undefined) return lacking;

    const { chiSquared, chiSquaredP, degreesOfFreedom, cramersV } = contingencyTest(counts.reference, counts.window);
    const moments = nullMoments(counts, (x, y) => chiSquaredTerm(x, y, n, m));
    return {
      status: "ok",
      value: chiSquared,
      noise: {
        expected: Math.max(degreesOfFreedom, moments.mean),
        upper99: Math.max(chiSquaredQuantile(0.99, degreesOfFreedom), momentQuantile(0.99, moments)),
      },
      least: threshold ** 2 * (n + m),
      detail: {
        p_value: chiSquaredP,
        degrees_of_freedom: degreesOfFreedom,
        cramers_v: cramersV,
      },
    };
  },
});
