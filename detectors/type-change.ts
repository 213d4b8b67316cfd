/** Numbers that became text, or text that became numbers: the schema upstream has changed. */
import { z } from "zod";
import { defineDetector, insufficient, minRowsOption } from "../src/core/detector.ts";
import type { ReferenceSubject, WindowSummary } from "../src/core/summary.ts";
import { rateNoise } from "../src/math/rate-noise.ts";
import { total } from "../src/math/total.ts";
import { wilsonInterval } from "../src/math/wilson-interval.ts";

export const typeChange = defineDetector({
  name: "type-change",
  title: "Change of type",
  description:
    "Share of the window's rows whose value is of another type than in the reference: of a number those that are text, an object or the like; of a category those that are no text, and numbers that the reference has never seen, where less than one in twenty of its own categories is a number. A breach lies above `threshold`: half of the rows by default, since a few stray values are no change of type and invalid-rate tells of those. `detail.found` says which it was.",
  citation:
    "Interval: Wilson, E. B. (1927). JASA 22, 209-212. Noise: Fisher, R. A. (1935). J. R. Stat. Soc. 98, 39-82.",
  subjectKinds: ["feature"],
  featureKinds: ["numeric", "categorical"],
  byDefault: true,
  range: [0, 1],
  unit: "share of rows",
  options: z.strictObject({
    threshold: z
      .number()
      .min(0)
      .max(1)
      .default(0.5)
      .describe("Share of another type above which the type has changed."),
    min_rows: minRowsOption(),
  }),
  examples: [
    {
      reference: { kind: "numeric", edges: [0], bins: [500, 500] },
      window: { bins: [10, 10], invalid: 380 },
      value: 0.95,
      source: "by hand: 380 of 400 rows are no numbers",
    },
    {
      reference: { kind: "categorical", categories: ["red", "blue"], bins: [600, 400, 0, 0] },
      window: {
        bins: [50, 0, 0, 150],
        newValues: [
          ["1", 100],
          ["2", 40],
          ["green", 10],
        ],
      },
      value: 0.7,
      source: "by hand: 140 of 200 rows hold the new categories 1 and 2",
    },
  ],

  compare(reference, window, { threshold, min_rows }) {
    const lacking = insufficient(reference.n, window.n, min_rows);
    if (lacking !== undefined) return lacking;
    const numbers = reference.kind === "categorical" ? newNumbers(reference, window) : 0;
    const changed = Math.min(window.n, window.invalid + numbers);
    const share = changed / window.n;
    return {
      status: "ok",
      value: share,
      noise: rateNoise(reference.invalid, reference.n, changed, window.n),
      // What was invalid before is no change.
      least: Math.max(threshold, Math.min(1, reference.invalid / reference.n + threshold)),
      ...wilsonInterval(changed, window.n),
      detail: {
        found: foundText(reference, share, numbers > window.invalid),
        reference_rate: reference.invalid / reference.n,
      },
    };
  },
});

/** As JSON and most services write numbers. */
const NUMBER = /^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i;
const isNumber = (text: string): boolean => NUMBER.test(text.trim());
/** Share of the reference's rows in categories that look like numbers, from which numbers are nothing new. */
const MOST_NUMBERS = 0.05;

/** Rows in new categories that are numbers, told from those that are kept by name. */
function newNumbers({ categories, bins }: ReferenceSubject, { newValues = [], bins: found }: WindowSummary): number {
  const known = categories.reduce((rows, name, bin) => rows + (isNumber(name) ? (bins[bin] ?? 0) : 0), 0);
  if (known > MOST_NUMBERS * total(bins)) return 0;
  const named = total(newValues.map(([, rows]) => rows));
  const numeric = total(newValues.map(([name, rows]) => (isNumber(name) ? rows : 0)));
  // The most frequent ones speak for the others.
  return named > 0 ? Math.round(((found[categories.length + 1] ?? 0) * numeric) / named) : 0;
}

function foundText({ kind }: ReferenceSubject, share: number, areNumbers: boolean): string {
  const rows = `${Number((100 * share).toPrecision(3))} % of the values`;
  if (kind === "numeric") return `${rows} are no longer numbers`;
  return areNumbers ? `${rows} are numbers where there was text` : `${rows} are no longer text`;
}
