/** Number of events against the same time before: silence and floods are drift too. */
import { z } from "zod";
import { defineDetector, insufficient, minRowsOption } from "../src/core/detector.ts";
import { normalQuantile } from "../src/math/normal-quantile.ts";

const z99 = normalQuantile(0.99);

export const volume = defineDetector({
  name: "volume",
  title: "Volume",
  description:
    "Number of the window's events over the number in the same length of time before. A breach lies above `threshold` or below one over it: twice or half as many by default, and beyond what chance explains if events arrive independently (Poisson). A window without a single event is a breach, not a lack of data; with too few events before, nothing is judged.",
  citation:
    "Logarithm of a ratio of two Poisson counts: Ng, H. K. T. & Tang, M.-L. (2005). Testing the equality of two Poisson means using the rate ratio. Statistics in Medicine 24, 955-965.",
  subjectKinds: ["model"],
  featureKinds: ["numeric", "categorical"],
  byDefault: true,
  range: [0, Number.POSITIVE_INFINITY],
  unit: "ratio",
  options: z.strictObject({
    threshold: z
      .number()
      .min(1)
      .default(2)
      .describe("Factor by which the number of events must rise, or fall, to matter."),
    min_rows: minRowsOption("Events in the time before"),
  }),
  examples: [
    { reference: { bins: [], n: 1000 }, window: { bins: [], n: 2500 }, value: 2.5, source: "by hand: 2500 / 1000" },
    { reference: { bins: [], n: 400 }, window: { bins: [], n: 0 }, value: 0, source: "by hand: 0 / 400" },
  ],

  /** Under no drift the logarithm of the ratio is about normal with the variance 1/n + 1/m, and m is expected to be n. */
  compare(reference, window, { threshold, min_rows }) {
    // The roles are exchanged: the time before has to hold the rows, the window may be empty.
    const lacking = insufficient(1, reference.n, min_rows);
    if (lacking?.status === "insufficient") {
      return { ...lacking, reason: `The time before has ${reference.n} events; ${lacking.needed} are needed.` };
    }
    const value = window.n / reference.n;
    const factor = Math.exp(z99 * Math.sqrt(2 / reference.n));
    const noise = { expected: 1, upper99: factor, lower01: 1 / factor };
    if (value < 1) return { status: "ok", value, noise, least: 1 / threshold, breach: "below" };
    return { status: "ok", value, noise, least: threshold };
  },
});
