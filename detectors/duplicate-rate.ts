/** Copies of events: a producer that sends twice, or a stream that is read again. */
import { z } from "zod";
import { defineDetector, insufficient, minRowsOption } from "../src/core/detector.ts";
import { wilsonInterval } from "../src/math/wilson-interval.ts";

export const duplicateRate = defineDetector({
  name: "duplicate-rate",
  title: "Copies of events",
  description:
    "Share of the events that came in the window's time and were copies of others: the same id, version and variant within `dedupe_within`. Copies change no number, since each event counts once; but a rise says that a producer sends twice, or that somebody reads a topic again. Of all versions and variants together. Counted from the records of the batches, which are kept for two weeks: windows that are computed later than that have none.",
  citation: "Interval: Wilson, E. B. (1927). JASA 22, 209-212.",
  subjectKinds: ["model"],
  featureKinds: ["numeric", "categorical"],
  byDefault: false,
  range: [0, 1],
  unit: "share of events",
  options: z.strictObject({
    threshold: z.number().min(0).max(1).default(0.05).describe("Share of copies above which it matters."),
    min_rows: minRowsOption("Events that came, copies included,"),
  }),
  examples: [
    {
      reference: { bins: [], n: 0 },
      window: { bins: [], n: 750, received: 1000, copies: 250 },
      value: 0.25,
      source: "by hand: 250 of 1000",
    },
    {
      reference: { bins: [], n: 0 },
      window: { bins: [], n: 300, received: 300, copies: 0 },
      value: 0,
      source: "by hand",
    },
  ],

  compare(_reference, { copies, received }, { threshold, min_rows }) {
    if (copies === undefined || received === undefined)
      return { status: "insufficient", rows: 0, needed: min_rows, reason: "It is not known how many events came." };
    const lacking = insufficient(1, received, min_rows);
    if (lacking !== undefined) return lacking;
    return {
      status: "ok",
      value: copies / received,
      noise: { expected: 0, upper99: 0 },
      least: threshold,
      ...wilsonInterval(copies, received),
      detail: { received, copies },
    };
  },
});
