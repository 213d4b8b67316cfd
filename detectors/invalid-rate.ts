/** Share of values of the wrong type: a changed upstream schema shows here first. */
import { z } from "zod";
import { defineDetector, insufficient, minRowsOption } from "../src/core/detector.ts";
import { rateNoise } from "../src/math/rate-noise.ts";
import { wilsonInterval } from "../src/math/wilson-interval.ts";

export const invalidRate = defineDetector({
  name: "invalid-rate",
  title: "Invalid values",
  description:
    "Share of the window's rows in which the value has the wrong type for its feature, such as text for a number. A breach lies more than `threshold` above the reference's share, and above what chance explains at these numbers of rows; fewer invalid values than before are no breach.",
  citation:
    "Interval: Wilson, E. B. (1927). JASA 22, 209-212. Noise: Fisher, R. A. (1935). The logic of inductive inference. J. R. Stat. Soc. 98, 39-82.",
  subjectKinds: ["feature", "prediction", "score"],
  featureKinds: ["numeric", "categorical"],
  byDefault: true,
  range: [0, 1],
  unit: "share of rows",
  options: z.strictObject({
    threshold: z
      .number()
      .min(0)
      .max(1)
      .default(0.005)
      .describe("Least rise over the reference's share that matters; the noise level may ask for more."),
    min_rows: minRowsOption("Rows, missing and invalid values included,"),
  }),
  examples: [
    {
      reference: { bins: [495, 495], invalid: 10 },
      window: { bins: [90, 90], invalid: 20 },
      value: 0.1,
      source: "by hand: 20 of 200 rows",
    },
    { reference: { bins: [500, 500] }, window: { bins: [150, 150] }, value: 0, source: "by hand: none of 300 rows" },
  ],

  compare(reference, window, { threshold, min_rows }) {
    const lacking = insufficient(reference.n, window.n, min_rows);
    if (lacking !== undefined) return lacking;
    return {
      status: "ok",
      value: window.invalid / window.n,
      noise: rateNoise(reference.invalid, reference.n, window.invalid, window.n),
      least: reference.invalid / reference.n + threshold,
      ...wilsonInterval(window.invalid, window.n),
      detail: { reference_rate: reference.invalid / reference.n },
    };
  },
});
