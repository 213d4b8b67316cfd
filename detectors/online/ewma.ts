/** EWMA chart: an exponentially weighted mean against its control limits, for small lasting shifts of the mean. */
import { z } from "zod";
import { inControlOptions, learnedMoments } from "../../src/core/in-control-options.ts";
import { defineSequentialDetector } from "../../src/core/sequential-detector.ts";
import { inControlScale, standardScore } from "../../src/math/in-control-scale.ts";
import { noMoments, withValue } from "../../src/math/running-moments.ts";

export const ewma = defineSequentialDetector({
  name: "ewma",
  title: "EWMA chart",
  description:
    "An exponentially weighted mean of the standardised values; a change has been found when it is further from the target than `threshold` of its own standard deviations, which grow from the first value on to their limit. A small `weight` remembers longer and finds smaller shifts, later. With the defaults it alarms falsely about every 350 values, its narrow first limits included, if they are normal, independent and the target is exact; a target learned from few values makes it more often, heavy tails too. It finds what cusum finds, about as soon, and its line is easier to read on a chart.",
  citation:
    "Roberts, S. W. (1959). Control chart tests based on geometric moving averages. Technometrics 1, 239-250. Lucas, J. M. & Saccucci, M. S. (1990). Technometrics 32, 1-12 (run lengths).",
  scaleFree: true,
  scaleNote:
    "Free of the unit as long as target and standard deviation are learned; where they are given, they are in the unit of the stream.",
  options: z.strictObject({
    threshold: z
      .number()
      .positive()
      .default(2.7)
      .describe("Distance from the target above which the stream has changed, in standard deviations of the mean."),
    weight: z.number().positive().max(1).default(0.1).describe("Share of the newest value in the mean."),
    ...inControlOptions,
  }),
  state: z.strictObject({
    learned: learnedMoments,
    /** In standard deviations from the target. */
    mean: z.number(),
    /** Weight that the start still has in the mean: (1 - weight)^t. */
    startWeight: z.number().min(0).max(1),
  }),
  start: () => ({ learned: noMoments, mean: 0, startWeight: 1 }),

  /** e = (1 - w) e + w z; Var e = w / (2 - w) (1 - (1 - w)^2t). */
  step({ state, value, options }) {
    const scale = inControlScale(options, state.learned);
    if (scale === undefined) {
      const learned = withValue(state.learned, value);
      return {
        state: { ...state, learned },
        verdict: { status: "insufficient", drifted: false, seen: learned.count, needed: options.min_values },
      };
    }
    const { weight, threshold } = options;
    const mean = (1 - weight) * state.mean + weight * standardScore(value, scale);
    const startWeight = state.startWeight * (1 - weight);
    const limit = threshold * Math.sqrt((weight / (2 - weight)) * (1 - startWeight ** 2));
    const score = Math.abs(mean);
    return {
      state: { learned: state.learned, mean, startWeight },
      verdict: { status: "ok", drifted: score > limit, warning: false, score, limit },
    };
  },
});
