/** How far the mean has moved, with its direction: the plainest change of a number. */
import { z } from "zod";
import { defineDetector, insufficient, minRowsOption } from "../src/core/detector.ts";
import type { ReferenceSubject, WindowSummary } from "../src/core/summary.ts";
import { skewedQuantile } from "../src/math/moment-law.ts";
import { normalProbability } from "../src/math/normal-probability.ts";
import { finite, placeRows, unitOf } from "../src/math/placed-rows.ts";
import { total } from "../src/math/total.ts";

export const meanShift = defineDetector({
  name: "mean-shift",
  title: "Shift of the mean",
  description:
    "The distance of the window's mean from the reference's in standard deviations of the reference; `detail.shift` has its sign. The means are of all values, not of bins. It sees nothing but the mean: for a change of spread or shape see wasserstein or jensen-shannon, and a few far values move it as they move the mean itself. Missing values do not take part. If the reference is a constant, the unit is the constant's magnitude (1 if it is 0).",
  citation:
    "Pitman, E. J. G. (1937). Significance tests which may be applied to samples from any populations. Suppl. J. R. Stat. Soc. 4, 119-130.",
  subjectKinds: ["feature", "prediction", "score"],
  featureKinds: ["numeric"],
  byDefault: false,
  range: [0, Number.POSITIVE_INFINITY],
  unit: "standard deviations",
  options: z.strictObject({
    threshold: z
      .number()
      .min(0)
      .default(0.1)
      .describe("Least shift that matters, in standard deviations of the reference; the noise level may ask for more."),
    min_rows: minRowsOption("Rows with a value"),
  }),
  examples: [
    {
      reference: {
        kind: "numeric",
        edges: [0, 1],
        bins: [50, 50, 0],
        mean: 0.5,
        standardDeviation: 0.5,
        minimum: 0,
        maximum: 1,
      },
      window: { bins: [40, 60, 0], mean: 0.6, minimum: 0, maximum: 1 },
      options: { min_rows: 1 },
      value: 0.2,
      source: "by hand: (0.6 - 0.5) / 0.5",
    },
    {
      reference: {
        kind: "numeric",
        edges: [0, 1],
        bins: [50, 50, 0],
        mean: 0.5,
        standardDeviation: 0.5,
        minimum: 0,
        maximum: 1,
      },
      window: { bins: [80, 20, 0], mean: 0.2, minimum: 0, maximum: 1 },
      options: { min_rows: 1 },
      value: 0.6,
      source: "by hand: (0.5 - 0.2) / 0.5",
    },
  ],

  compare(reference, window, { threshold, min_rows }) {
    const n = total(reference.bins);
    const m = total(window.bins);
    const lacking = insufficient(n, m, min_rows);
    if (lacking !== undefined) return lacking;
    if (window.mean === null)
      return { status: "insufficient", rows: m, needed: min_rows, reason: "The window has no mean." };

    const { unit, unitIs } = unitOf(reference);
    // Quarters first: the two may lie further apart than a double can say.
    const shift =
      Math.sign(window.mean - reference.mean) * finite(Math.abs((window.mean / 4 - reference.mean / 4) / unit) * 4);
    const { standardDeviation, skewness } = permutationLaw(reference, window, unit);
    const towards = shift < 0 ? -skewness : skewness;
    return {
      status: "ok",
      value: Math.abs(shift),
      noise: {
        expected: finite(standardDeviation * Math.sqrt(2 / Math.PI)),
        // Both sides of 0 are looked at, so half of the 1 % lies on this one.
        upper99: finite(skewedQuantile(0.995, standardDeviation, towards)),
      },
      least: threshold,
      detail: {
        shift,
        p_value:
          standardDeviation > 0 ? 2 * normalProbability(-Math.abs(shift / standardDeviation)) : shift === 0 ? 1 : 0,
        unit,
        unit_is: unitIs,
      },
    };
  },
});

/**
 * Of the difference of the means, in the unit, if the pooled rows were dealt out to the two samples at random. So a value far out in the
 * window widens the law by which it is judged. The rows lie where placeRows puts them; what the reference's spread has more than that of
 * its places lies inside the bins, and is taken to be the same in both samples.
 */
function permutationLaw(reference: ReferenceSubject, window: WindowSummary, unit: number) {
  const { masses, referenceRows: n, windowRows: m } = placeRows(reference, window);
  const rows = n + m;
  const mean = (of: (place: number, mass: (typeof masses)[number]) => number) =>
    masses.reduce((sum, mass) => sum + of((mass.at - reference.mean) / unit, mass), 0);
  const pooled = mean((place, mass) => (place * (mass.reference + mass.window)) / rows);
  const variance = mean((place, mass) => ((place - pooled) ** 2 * (mass.reference + mass.window)) / rows);
  const third = mean((place, mass) => ((place - pooled) ** 3 * (mass.reference + mass.window)) / rows);
  const centre = mean((place, mass) => (place * mass.reference) / n);
  const between = mean((place, mass) => ((place - centre) ** 2 * mass.reference) / n);
  const spread = finite(variance + Math.max(0, (reference.standardDeviation / unit) ** 2 - between));
  if (!(spread > 0) || rows < 3) return { standardDeviation: 0, skewness: 0 };
  const standardDeviation = Math.sqrt(spread * (rows / n / m) * (rows / (rows - 1)));
  // The skewness of the mean of m rows drawn from n + m without return.
  const dealt = ((n - m) / (rows - 2)) * Math.sqrt((rows - 1) / (n * (m / rows)) / rows);
  const skewness = (third / spread ** 1.5) * dealt;
  return { standardDeviation, skewness: Number.isFinite(skewness) ? skewness : 0 };
}
