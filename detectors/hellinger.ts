/** Hellinger distance: bounded as Jensen-Shannon is, a little more moved by bins that one side lacks. */
import { z } from "zod";
import { defineDetector, insufficient, minRowsOption } from "../src/core/detector.ts";
import { hellingerTerm } from "../src/math/divergences.ts";
import { meanOfRoot, momentQuantile } from "../src/math/moment-law.ts";
import { nullMoments, sumOfTerms } from "../src/math/null-moments.ts";
import { pairedCounts } from "../src/math/paired-counts.ts";

export const hellinger = defineDetector({
  name: "hellinger",
  title: "Hellinger distance",
  description:
    "The root of half the summed squared differences of the roots of the shares, so 0 is equal and 1 is disjoint. It needs no smoothing. Numeric features are compared on 20 quantile bins of the reference with *below*, *above* and *missing*, categorical ones on all categories. A small change shows as 0.85 times its Jensen-Shannon distance in base 2, so the same cut-off asks for more: 0.1 is a shift of a mean by 0.28 standard deviations. Samples of one distribution are some way apart by chance: see the noise level.",
  citation:
    "Hellinger, E. (1909). Neue Begründung der Theorie quadratischer Formen von unendlichvielen Veränderlichen. J. reine angew. Math. 136, 210-271.",
  subjectKinds: ["feature", "prediction", "score"],
  featureKinds: ["numeric", "categorical"],
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
    min_rows: minRowsOption(),
  }),
  examples: [
    {
      reference: { kind: "categorical", bins: [50, 30, 20, 0, 0] },
      window: { bins: [40, 35, 25, 0, 0] },
      options: { min_rows: 1 },
      value: 0.0717117272813177,
      source: "numpy 2.1.3 sqrt(((sqrt(p) - sqrt(q))**2).sum() / 2)",
    },
    {
      reference: { kind: "categorical", bins: [50, 0, 0] },
      window: { bins: [8, 0, 2] },
      options: { min_rows: 1 },
      value: 0.3249196962329063,
      source: "by hand: sqrt(1 - sqrt(0.8))",
    },
  ],

  /** H = sqrt(sum (sqrt p - sqrt q)² / 2). */
  compare(reference, window, { threshold, min_rows }) {
    const counts = pairedCounts(reference, window, 20);
    const { referenceRows, windowRows } = counts;
    const lacking = insufficient(referenceRows, windowRows, min_rows);
    if (lacking !== undefined) return lacking;

    const part = (x: number, y: number) => hellingerTerm(x / referenceRows, y / windowRows);
    const sum = sumOfTerms(counts, part);
    const moments = nullMoments(counts, part);
    return {
      status: "ok",
      value: Math.sqrt(Math.min(1, sum)),
      noise: { expected: meanOfRoot(moments), upper99: Math.sqrt(momentQuantile(0.99, moments)) },
      least: threshold,
    };
  },
});
