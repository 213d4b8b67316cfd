/** A field that has got stuck: one value in every row, where the reference had many. */
import { z } from "zod";
import { defineDetector, insufficient, minRowsOption } from "../src/core/detector.ts";
import type { ReferenceSubject, WindowSummary } from "../src/core/summary.ts";
import { total } from "../src/math/total.ts";
import { wilsonInterval } from "../src/math/wilson-interval.ts";

export const constantValue = defineDetector({
  name: "constant-value",
  title: "Constant value",
  description:
    "1 where all of the window's values are one and the same although the reference's varied: a stuck sensor, a default that an upstream service fills in, a model that gives one answer. `detail.constant` has the value. It is no breach where chance explains it: of 200 rows of a flag that is 0 in 99.9 % of the reference, all are 0 four times in five. Missing values do not take part; where nothing but missing ones is left see missing-rate. A feature that has one value in a window by its nature, such as the weekday in windows of an hour, is constant in each: name the others in `subjects`.",
  citation:
    "The chance of m equal values is the greatest share to the power of m, the share by the upper end of its interval: Wilson, E. B. (1927). JASA 22, 209-212.",
  subjectKinds: ["feature", "prediction", "score"],
  featureKinds: ["numeric", "categorical"],
  byDefault: true,
  range: [0, 1],
  unit: "1 if constant",
  options: z.strictObject({
    threshold: z.number().min(0).max(1).default(0).describe("The value is 0 or 1, so there is nothing to set."),
    min_rows: minRowsOption("Rows with a value"),
  }),
  examples: [
    {
      reference: { kind: "numeric", edges: [0, 1, 2], bins: [0, 500, 500, 0], minimum: 0, maximum: 2 },
      window: { bins: [0, 300, 0, 0], minimum: 1, maximum: 1 },
      value: 1,
      source: "by hand: 300 rows, all of them 1",
    },
    {
      reference: { kind: "categorical", bins: [600, 400, 0, 0] },
      window: { bins: [299, 1, 0, 0] },
      value: 0,
      source: "by hand: two categories",
    },
  ],

  compare(reference, window, { threshold, min_rows }) {
    const n = total(reference.bins);
    const m = total(window.bins);
    const lacking = insufficient(n, m, min_rows);
    if (lacking !== undefined) return lacking;
    const only = varied(reference) ? onlyValue(reference, window) : null;
    if (only === null) return { status: "ok", value: 0, noise: { expected: 0, upper99: 0 }, least: threshold };
    // Of a number the bin holds other values too, so this is an upper bound.
    const chance = wilsonInterval(only.referenceRows, n, 0.98).upper ** m;
    return {
      status: "ok",
      value: 1,
      noise: { expected: chance, upper99: chance >= 0.01 ? 1 : 0 },
      least: threshold,
      detail: { constant: only.value, reference_rate: only.referenceRows / n, p_value: chance },
    };
  },
});

const varied = ({ kind, bins, minimum, maximum }: ReferenceSubject): boolean =>
  kind === "numeric" ? minimum < maximum : bins.filter((rows) => rows > 0).length > 1;

interface Only {
  readonly value: number | string;
  /** Rows of the reference in the same bin. */
  readonly referenceRows: number;
}

/** The one value that all rows have; null where there are several, or can't be told. */
function onlyValue({ kind, bins, categories }: ReferenceSubject, window: WindowSummary): Only | null {
  const filled = window.bins.flatMap((rows, bin) => (rows > 0 ? [bin] : []));
  const [bin] = filled;
  if (bin === undefined || filled.length > 1) return null;
  const referenceRows = bins[bin] ?? 0;
  if (kind === "numeric")
    return window.minimum !== null && window.minimum === window.maximum
      ? { value: window.minimum, referenceRows }
      : null;
  const listed = categories[bin];
  if (listed !== undefined) return { value: listed, referenceRows };
  const [first, second] = window.newValues ?? [];
  return bin === categories.length + 1 && first !== undefined && second === undefined && first[1] === window.bins[bin]
    ? { value: first[0], referenceRows }
    : null;
}
