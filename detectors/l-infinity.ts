/** The greatest change of a single bin's share: which category moved, and by how much. */
import { z } from "zod";
import { defineDetector, insufficient, minRowsOption } from "../src/core/detector.ts";
import { greatestDifferenceNoise } from "../src/math/maximum-law.ts";
import { pairedCounts } from "../src/math/paired-counts.ts";

export const lInfinity = defineDetector({
  name: "l-infinity",
  title: "Greatest change of a share",
  description:
    "The greatest difference, over all bins, of a bin's share in the reference and in the window: easy to explain, as it is of one category, which `detail.bin` names. Numeric features are compared on 20 quantile bins of the reference with *below*, *above* and *missing*, categorical ones on all categories. It does not see many small changes (total-variation adds them up), and of small categories only those that grow large.",
  citation:
    "Noise: the permutation law of each bin (Fisher, R. A. (1935). J. R. Stat. Soc. 98, 39-82), over all bins by the bound of Bonferroni, C. E. (1936).",
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
      .describe("Least change of a share that matters; the noise level may ask for more."),
    min_rows: minRowsOption(),
  }),
  examples: [
    {
      reference: { kind: "categorical", bins: [50, 30, 20, 0, 0] },
      window: { bins: [40, 35, 25, 0, 0] },
      options: { min_rows: 1 },
      value: 0.1,
      source: "numpy 2.1.3 abs(p - q).max()",
    },
    {
      reference: { kind: "categorical", bins: [100, 50, 20, 5, 0, 0] },
      window: { bins: [90, 60, 30, 0, 0, 3] },
      options: { min_rows: 1 },
      value: 0.07962529274004682,
      source: "by hand: 100 / 175 - 90 / 183",
    },
  ],

  /** max |p - q|. */
  compare(reference, window, { threshold, min_rows }) {
    const counts = pairedCounts(reference, window, 20);
    const { referenceRows, windowRows } = counts;
    const lacking = insufficient(referenceRows, windowRows, min_rows);
    if (lacking !== undefined) return lacking;

    let value = 0;
    let change = 0;
    let where = 0;
    for (const [bin, x] of counts.reference.entries()) {
      const difference = (counts.window[bin] ?? 0) / windowRows - x / referenceRows;
      if (Math.abs(difference) <= value) continue;
      value = Math.abs(difference);
      change = difference;
      where = bin;
    }
    const named = reference.kind === "categorical" ? [...reference.categories, "tail", "new", "missing"] : undefined;
    return {
      status: "ok",
      value,
      noise: greatestDifferenceNoise(counts),
      least: threshold,
      detail: { bin: value === 0 ? null : (named?.[where] ?? `${where + 1} of ${counts.reference.length}`), change },
    };
  },
});
