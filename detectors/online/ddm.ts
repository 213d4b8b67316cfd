/** Drift detection method: the error rate of a classifier against its own best, one outcome at a time. */
import { z } from "zod";
import { defineSequentialDetector } from "../../src/core/sequential-detector.ts";

export const ddm = defineSequentialDetector({
  name: "ddm",
  title: "Drift detection method",
  description:
    "Follows the share of errors and its binomial standard deviation since the start and remembers where their sum was least; warns when the sum is two of those standard deviations above that rate, and finds a change at three. It only sees rises. The average is over all values since the start, so that after a long good time it takes long to notice; a start without errors makes the first error an alarm. On independent errors of rate 0.1 a quarter of all starts alarm falsely within a hundred values and nearly half within twenty thousand; one that has lasted longer hardly ever does, and hardly notices anything either.",
  citation:
    "Gama, J., Medas, P., Castillo, G. & Rodrigues, P. (2004). Learning with drift detection. SBIA 2004, LNCS 3171, 286-295. Springer. As in River 0.26.",
  domain: [0, 1],
  scaleFree: false,
  scaleNote:
    "Takes errors, 1 for a wrong prediction and 0 for a right one, or shares of errors; other values are passed over and counted.",
  options: z.strictObject({
    threshold: z
      .number()
      .positive()
      .default(3)
      .describe("Standard deviations above the least error rate from which on the stream has changed."),
    warning_threshold: z
      .number()
      .positive()
      .default(2)
      .describe("Standard deviations above the least error rate from which on there is a warning."),
    min_values: z.int().min(1).default(31).describe("The first value after a start that is judged."),
  }),
  state: z.strictObject({
    count: z.int().min(0),
    rate: z.number().min(0),
    least: z.strictObject({ rate: z.number().min(0), deviation: z.number().min(0) }).nullable(),
  }),
  start: () => ({ count: 0, rate: 0, least: null }),

  /** p + s > p_min + threshold s_min, where p_min + s_min is the least sum since judging began, the present one included. */
  step({ state, value, options: { threshold, warning_threshold, min_values } }) {
    const count = state.count + 1;
    const rate = Math.max(0, state.rate + (1 / count) * (value - state.rate));
    if (count < min_values) {
      return {
        state: { count, rate, least: null },
        verdict: { status: "insufficient", drifted: false, seen: count, needed: min_values },
      };
    }
    const deviation = Math.sqrt(Math.max(0, rate * (1 - rate)) / count);
    const score = rate + deviation;
    const least =
      state.least === null || score <= state.least.rate + state.least.deviation ? { rate, deviation } : state.least;
    const limit = least.rate + threshold * least.deviation;
    const drifted = score > limit;
    const warning = !drifted && score > least.rate + warning_threshold * least.deviation;
    return { state: { count, rate, least }, verdict: { status: "ok", drifted, warning, score, limit } };
  },
});
