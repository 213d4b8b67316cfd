/** Share of values in categories never seen, against what the reference's rarest categories let expect. */
import { z } from "zod";
import { defineDetector, insufficient, minRowsOption } from "../src/core/detector.ts";
import type { ReferenceSubject } from "../src/core/summary.ts";
import { doubletonRows } from "../src/math/good-turing.ts";
import { knownSingletons } from "../src/math/paired-counts.ts";
import { rateNoise } from "../src/math/rate-noise.ts";
import { total } from "../src/math/total.ts";
import { wilsonInterval } from "../src/math/wilson-interval.ts";

export const newCategoryRate = defineDetector({
  name: "new-category-rate",
  title: "New categories",
  description:
    "Share of the window's values in categories that the reference has never seen. Where the reference has many categories of one row (identifiers, cities, free text), new ones are to be expected for ever: as many as the share of rows that are their category's only one. A breach lies more than `threshold` above that share, and above what chance explains at these numbers of rows.",
  citation:
    "Good, I. J. (1953). The population frequencies of species and the estimation of population parameters. Biometrika 40, 237-264. Esty, W. W. (1983). A normal limit law for a nonparametric estimator of the coverage of a random sample. Ann. Statist. 11, 905-912.",
  subjectKinds: ["feature", "prediction", "score"],
  featureKinds: ["categorical"],
  byDefault: true,
  range: [0, 1],
  unit: "share of rows",
  options: z.strictObject({
    threshold: z
      .number()
      .min(0)
      .max(1)
      .default(0.005)
      .describe("Least rise over the expected share that matters; the noise level may ask for more."),
    min_rows: minRowsOption("Rows with a value"),
  }),
  examples: [
    {
      reference: { kind: "categorical", bins: [600, 400, 0, 0] },
      window: { bins: [120, 60, 0, 20] },
      value: 0.1,
      source: "by hand: 20 of 200 values",
    },
    {
      reference: { kind: "categorical", bins: [600, 300, 100, 0], singletons: 50 },
      window: { bins: [240, 120, 30, 10] },
      value: 0.025,
      source: "by hand: 10 of 400 values",
    },
  ],

  compare(reference, window, { threshold, min_rows }) {
    const referenceRows = total(reference.bins);
    const windowRows = total(window.bins);
    const lacking = insufficient(referenceRows, windowRows, min_rows);
    if (lacking !== undefined) return lacking;
    const found = window.bins[reference.categories.length + 1] ?? 0;
    const singletons = knownSingletons(reference);
    return {
      status: "ok",
      value: found / windowRows,
      noise: rateNoise(
        singletons,
        referenceRows,
        found,
        windowRows,
        moreVariance(reference, singletons, found, windowRows),
      ),
      least: singletons / referenceRows + threshold,
      ...wilsonInterval(found, windowRows),
      detail: { expected_rate: singletons / referenceRows },
    };
  },
});

/**
 * What the number of singletons varies more than a binomial count at the reference's share would. Where the singletons are few, both that
 * share and the categories seen twice are often too few at once; so what the two samples have together is taken for the share, if that is
 * greater, and the doubletons are raised as it is. Those of the tail are an upper bound already.
 */
function moreVariance(reference: ReferenceSubject, singletons: number, found: number, windowRows: number): number {
  const n = total(reference.bins);
  const pooled = (singletons + found) / (n + windowRows);
  const { listed, tail } = doubletonRows(reference);
  const lumps = listed * Math.max(1, (pooled * n) / Math.max(1, singletons)) + tail;
  return lumps + Math.max(0, pooled - singletons / n) * (1 / n + 1 / windowRows) * n * n;
}
