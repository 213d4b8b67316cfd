/** Age of the newest event: a stream that has stopped, told by its own habits. */
import { z } from "zod";
import { defineDetector } from "../src/core/detector.ts";

export const freshness = defineDetector({
  name: "freshness",
  title: "Age of the newest event",
  description:
    "Seconds from the newest event to the end of the window, to a pane. A breach is longer than `threshold`, and longer than any silence of the week before that event: nights, weekends and a batch a day are no breach, an hour without events by day is, once it is longer than the nights were. With less than a week of events nothing is judged. Of all versions and variants together; volume compares each with what is usual, and is on by default.",
  citation:
    "The chance that a gap exceeds the k before it is 1 / (k + 1) if they are alike: Wilks, S. S. (1941). Ann. Math. Statist. 12, 91-96.",
  subjectKinds: ["model"],
  featureKinds: ["numeric", "categorical"],
  byDefault: false,
  range: [0, Number.POSITIVE_INFINITY],
  unit: "seconds",
  options: z.strictObject({
    threshold: z
      .number()
      .min(0)
      .default(900)
      .describe("Seconds without an event that matter; the week before may ask for more."),
    min_rows: z.int().min(0).default(0).describe("Has no meaning here: a window without events is what is looked for."),
  }),
  examples: [
    {
      reference: { bins: [], n: 0, before: { longestSilence: 1200 } },
      window: { bins: [], n: 0, age: 3600 },
      value: 3600,
      source: "by hand: an hour without events",
    },
    {
      reference: { bins: [], n: 0, before: { longestSilence: 0 } },
      window: { bins: [], n: 500, age: 0 },
      value: 0,
      source: "by hand: an event in the last pane",
    },
  ],

  compare({ before }, { age }, { threshold }) {
    if (age === undefined) return { status: "insufficient", rows: 0, needed: 1, reason: "No event has been seen." };
    const longest = before?.longestSilence;
    if (longest === undefined)
      return { status: "insufficient", rows: 0, needed: 1, reason: "Less than a week of events is known." };
    return {
      status: "ok",
      value: age,
      noise: { expected: 0, upper99: longest },
      least: threshold,
      detail: { longest_silence: longest },
    };
  },
});
