/** Page-Hinkley test: a cumulative sum against the running mean, for changes of the mean in a stream whose unit is known. */
import { z } from "zod";
import { defineSequentialDetector } from "../../src/core/sequential-detector.ts";

export const pageHinkley = defineSequentialDetector({
  name: "page-hinkley",
  title: "Page-Hinkley test",
  description:
    "Sums the deviations of the values from their running mean, less a slack, and finds a change when the sum has risen by more than `threshold` above its least value (or fallen as far below its greatest). The running mean follows a slow change, and old deviations fade, so that a ramp may pass unnoticed; adwin has no such blind spot and no unit. With the defaults and independent values of standard deviation 1 it alarms falsely about 640 times in a million values, and far more often where the spread is larger: raise `threshold` to 260 standard deviations for about ten.",
  citation:
    "Page, E. S. (1954). Continuous inspection schemes. Biometrika 41, 100-115. Hinkley, D. V. (1971). Biometrika 58, 509-523. As in River 0.26, which fades the sums.",
  scaleFree: false,
  scaleNote:
    "The options `threshold` and `slack` are in the unit of the stream: divide the values by their standard deviation first, or give both options in its multiples.",
  options: z.strictObject({
    threshold: z
      .number()
      .positive()
      .default(50)
      .describe("Rise or fall of the summed deviations above which the stream has changed, in the unit of the stream."),
    slack: z
      .number()
      .min(0)
      .default(0.005)
      .describe("Deviation that is forgiven with every value, in the unit of the stream."),
    fading: z
      .number()
      .positive()
      .max(1)
      .default(0.9999)
      .describe("Share of the sum that is kept from one value to the next; 1 forgets nothing."),
    direction: z.enum(["up", "down", "both"]).default("both").describe("Which changes of the mean are looked for."),
    min_values: z.int().min(1).default(30).describe("The first value after a start that is judged."),
  }),
  state: z.strictObject({
    count: z.int().min(0),
    mean: z.number(),
    rise: z.number(),
    leastRise: z.number(),
    fall: z.number(),
    greatestFall: z.number(),
  }),
  start: () => ({ count: 0, mean: 0, rise: 0, leastRise: 0, fall: 0, greatestFall: 0 }),

  /** m = fading m + (x - mean) - slack; a change when m - min m is above the threshold; mirrored for a fall. */
  step({ state, value, options: { threshold, slack, fading, direction, min_values } }) {
    const count = state.count + 1;
    const mean = state.mean + (1 / count) * (value - state.mean);
    const deviation = value - mean;
    const rise = fading * state.rise + deviation - slack;
    const fall = fading * state.fall + deviation + slack;
    const leastRise = count === 1 ? rise : Math.min(state.leastRise, rise);
    const greatestFall = count === 1 ? fall : Math.max(state.greatestFall, fall);
    const next = { count, mean, rise, leastRise, fall, greatestFall };
    if (count < min_values) {
      return { state: next, verdict: { status: "insufficient", drifted: false, seen: count, needed: min_values } };
    }
    const score = Math.max(direction === "down" ? 0 : rise - leastRise, direction === "up" ? 0 : greatestFall - fall);
    const drifted = score > threshold;
    return { state: next, verdict: { status: "ok", drifted, warning: false, score, limit: threshold } };
  },
});
