/** Number of events against the same time before: silence and floods are drift too. */
import { z } from "zod";
import { defineDetector, insufficient, minRowsOption } from "../src/core/detector.ts";
import type { ReferenceSubject } from "../src/core/summary.ts";
import { median } from "../src/math/median.ts";
import { normalQuantile } from "../src/math/normal-quantile.ts";

const z99 = normalQuantile(0.99);

export const volume = defineDetector({
  name: "volume",
  title: "Volume",
  description:
    "Number of the window's events over what is usual: the median of the same hour of the week in the four weeks before, as far as they had events, by the clocks of the model's `season_timezone`; so a holiday among them, or clocks that are changed, alarm nobody a week later. With one or two such weeks it is the nearer of them, and without any, as in windows longer than a day, the window before. A holiday itself is a breach where it halves the volume. With three weeks or more a breach lies beyond four times their usual deviation too. A breach lies above `threshold` or below one over it: twice or half as many by default, and beyond what chance explains if events arrive independently (Poisson). A window without a single event is a breach, not a lack of data; with too few events before, nothing is judged.",
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
    {
      reference: { bins: [], n: 900, before: { weeks: [1000, 100, 1010, 990] } },
      window: { bins: [], n: 398 },
      value: 0.4,
      source: "by hand: 398 / 995, the mean of the two middle ones of 100, 990, 1000, 1010",
    },
  ],

  /** Under no drift the logarithm of the ratio is about normal with the variance 1/n + 1/m, and m is expected to be n. */
  compare(reference, window, { threshold, min_rows }) {
    // The roles are exchanged: the time before has to hold the rows, the window may be empty.
    const { before, weeks, deviation } = usual(reference, window.n);
    const lacking = insufficient(1, before, min_rows);
    if (lacking?.status === "insufficient") {
      return { ...lacking, reason: `The time before has ${before} events; ${lacking.needed} are needed.` };
    }
    const value = window.n / before;
    const factor = Math.exp(Math.max(z99 * Math.sqrt(2 / before), MOST_DEVIATIONS * deviation));
    const noise = { expected: 1, upper99: factor, lower01: 1 / factor };
    const detail = { before, weeks };
    if (value < 1) return { status: "ok", value, noise, least: 1 / threshold, breach: "below", detail };
    return { status: "ok", value, noise, least: threshold, detail };
  },
});

/** Three weeks or more: the middle one is what is usual, whatever one of them was. */
const LEAST_WEEKS = 3;
const MOST_DEVIATIONS = 4;
/** Of the normal law: standard deviations in a median deviation. */
const MEDIAN_DEVIATION = 1.4826;

interface Usual {
  readonly before: number;
  /** Weeks that it comes from; 0: the window before. */
  readonly weeks: number;
  /** Of the logarithms of the weeks' counts. */
  readonly deviation: number;
}

function usual({ n, before: { weeks = [] } = {} }: ReferenceSubject, events: number): Usual {
  const found = { weeks: weeks.length, deviation: 0 };
  if (weeks.length >= LEAST_WEEKS) {
    const before = median(weeks);
    const deviation = MEDIAN_DEVIATION * median(weeks.map((count) => Math.abs(Math.log(count / before))));
    return { ...found, before, deviation };
  }
  const distance = (count: number) => Math.abs(Math.log(Math.max(events, 0.5) / count));
  const [first, ...rest] = weeks;
  if (first === undefined) return { ...found, before: n };
  return { ...found, before: rest.reduce((best, week) => (distance(week) < distance(best) ? week : best), first) };
}
