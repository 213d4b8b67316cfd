/** Tabular CUSUM: the chart that finds a shift of known size of the mean soonest, in standard deviations of the stream itself. */
import { z } from "zod";
import { inControlOptions, learnedMoments } from "../../src/core/in-control-options.ts";
import { defineSequentialDetector } from "../../src/core/sequential-detector.ts";
import { inControlScale, standardScore } from "../../src/math/in-control-scale.ts";
import { noMoments, withValue } from "../../src/math/running-moments.ts";

export const cusum = defineSequentialDetector({
  name: "cusum",
  title: "CUSUM chart",
  description:
    "Two sums of the standardised deviations from the target, one for rises and one for falls, that give back `slack` with every value and never fall below 0; a change has been found when one of them is above `threshold`. No rule finds a shift by twice the slack sooner at the same rate of false alarms. At slack 0.5 the two sums together alarm falsely every 465 values at threshold 5, every 9,600 at 8 and every 100,000 at 10.3, if values are normal, independent and the target is exact; a target that was learned from few values makes it more often. It suits a KPI of windows, of which there are few; prefer ewma for small shifts, adwin for a stream of single events.",
  citation:
    "Page, E. S. (1954). Continuous inspection schemes. Biometrika 41, 100-115. Siegmund, D. (1985). Sequential Analysis. Springer (run lengths).",
  scaleFree: true,
  scaleNote:
    "Free of the unit as long as target and standard deviation are learned; where they are given, they are in the unit of the stream.",
  options: z.strictObject({
    threshold: z
      .number()
      .positive()
      .default(5)
      .describe("Sum above which the stream has changed, in standard deviations."),
    slack: z
      .number()
      .min(0)
      .default(0.5)
      .describe("Deviation that is forgiven with every value, in standard deviations: half the shift to be found."),
    direction: z.enum(["up", "down", "both"]).default("both").describe("Which changes of the mean are looked for."),
    ...inControlOptions,
  }),
  state: z.strictObject({
    learned: learnedMoments,
    upper: z.number().min(0),
    lower: z.number().min(0),
  }),
  start: () => ({ learned: noMoments, upper: 0, lower: 0 }),

  /** upper = max(0, upper + z - slack), lower = max(0, lower - z - slack). */
  step({ state, value, options }) {
    const scale = inControlScale(options, state.learned);
    if (scale === undefined) {
      const learned = withValue(state.learned, value);
      return {
        state: { ...state, learned },
        verdict: { status: "insufficient", drifted: false, seen: learned.count, needed: options.min_values },
      };
    }
    const score = standardScore(value, scale);
    const upper = options.direction === "down" ? 0 : Math.max(0, state.upper + score - options.slack);
    const lower = options.direction === "up" ? 0 : Math.max(0, state.lower - score - options.slack);
    const greatest = Math.max(upper, lower);
    const drifted = greatest > options.threshold;
    return {
      state: { learned: state.learned, upper, lower },
      verdict: { status: "ok", drifted, warning: false, score: greatest, limit: options.threshold },
    };
  },
});
