/** Labels that come later than they did, or no more: a model without labels has KPIs of the past alone. */
import { z } from "zod";
import { defineDetector, minRowsOption } from "../src/core/detector.ts";
import type { LabelledShare, LabelsByAge } from "../src/core/summary.ts";
import { median } from "../src/math/median.ts";
import { normalQuantile } from "../src/math/normal-quantile.ts";

const z99 = normalQuantile(0.99);

const grace = z
  .number()
  .min(0)
  .default(86_400)
  .describe(
    "Seconds that labels may come after the time that they carry: of a nightly batch a day. What is found, is found by so much later.",
  );

/** ms, of the options as written. */
export const graceOf = (written: unknown): number => z.object({ grace }).parse(written).grace * 1000;

export const labelDelay = defineDetector({
  name: "label-delay",
  title: "Labels that are late",
  description:
    "Of the labels that are usually there by then, the share that is not. Looked at are the predictions of one day (or of the window, where it is longer) that are just old enough: as old as nine tenths of the labels of the four weeks before have taken. They are compared with predictions of the same age, and of the same weekday, in each of these weeks, so that labels which are not due yet are no sign of anything, nor are weekends. With three such weeks the middle one is what is usual, and a breach lies beyond four times their usual deviation too; with fewer it is the nearest. Windows of a day or longer have it, or a model's longest window. It counts all versions together, and the times that labels carry; a label that was corrected counts from its correction. By `grace` labels may come after their own time. It says nothing where no labels are known, or of fewer than a week of them.",
  citation:
    "Comparing at a fixed age that all have reached: Klein, J. P., Logan, B., Harhoff, M. & Andersen, P. K. (2007). Analyzing survival curves at a fixed point in time. Statistics in Medicine 26, 4505-4519. The usual delays in `detail` are of Kaplan, E. L. & Meier, P. (1958). JASA 53, 457-481.",
  subjectKinds: ["model"],
  featureKinds: ["numeric", "categorical"],
  byDefault: true,
  range: [0, 1],
  unit: "share of labels",
  options: z.strictObject({
    threshold: z
      .number()
      .min(0)
      .max(1)
      .default(0.2)
      .describe("Share of the usual labels that must be missing to matter."),
    min_rows: minRowsOption("Labels that are due"),
    grace,
  }),
  examples: [
    {
      reference: { bins: [], n: 0, before: { labels: [{ n: 1000, labelled: 900 }] } },
      window: {
        bins: [],
        n: 0,
        labels: { n: 1000, labelled: 180, horizon: 864_000, delay: null, usualDelay: 432_000 },
      },
      value: 0.8,
      source: "by hand: 1 - 180 / 900",
    },
    {
      reference: {
        bins: [],
        n: 0,
        before: {
          labels: [
            { n: 1000, labelled: 0 },
            { n: 1000, labelled: 800 },
            { n: 500, labelled: 410 },
            { n: 1000, labelled: 810 },
          ],
        },
      },
      window: { bins: [], n: 0, labels: { n: 2000, labelled: 1610, horizon: 3600, delay: 1800, usualDelay: 1800 } },
      value: 0,
      source: "by hand: 0.805 is the mean of the two middle ones of 0, 0.8, 0.81, 0.82",
    },
  ],

  compare({ before }, { labels }, { threshold, min_rows }) {
    const lacking = (reason: string, rows: number) => ({
      status: "insufficient" as const,
      rows,
      needed: min_rows,
      reason,
    });
    if (labels === undefined) return lacking("No week before has labels to compare with.", 0);
    const weeks = (before?.labels ?? []).filter(({ n }) => n > 0);
    if (weeks.length === 0 || labels.n === 0)
      return lacking(
        labels.n === 0 ? "There are no predictions that are old enough." : "No week before has labels to compare with.",
        labels.n,
      );
    const { usual, deviation, rows } = usualOf(weeks, labels);
    const due = labels.n * usual;
    if (!(due >= min_rows) || due === 0)
      return lacking(`${Math.round(due)} labels are due; ${min_rows} are needed.`, Math.round(due));
    // Of the difference of two shares, if labels come independently; neither is taken for a certainty (Agresti & Coull 1998).
    const share = (usual * rows + 2) / (rows + 4);
    const chance = z99 * Math.sqrt(share * (1 - share) * (1 / labels.n + 1 / rows));
    return {
      status: "ok",
      value: Math.max(0, 1 - labels.labelled / due),
      noise: { expected: 0, upper99: Math.max(chance, MOST_DEVIATIONS * deviation) / usual },
      least: threshold,
      detail: {
        predictions: labels.n,
        labelled: labels.labelled,
        usual_share: usual,
        weeks: weeks.length,
        age_s: labels.horizon,
        delay_s: labels.delay,
        usual_delay_s: labels.usualDelay,
        finding: findingOf(labels, usual),
      },
    };
  },
});

/** "16 % of the predictions that are 6.1 days old have a label, usually 88 %; half of the usual labels came within 4 days, now 7 days". */
function findingOf({ n, labelled, horizon, delay, usualDelay }: LabelsByAge, usual: number): string {
  const percent = (share: number) => `${Number((100 * share).toPrecision(2))} %`;
  const now = delay === null ? "longer" : ageText(delay);
  const delays = usualDelay === null ? "" : `; half of the usual labels came within ${ageText(usualDelay)}, now ${now}`;
  return `${percent(labelled / n)} of the predictions that are ${ageText(horizon)} old have a label, usually ${percent(usual)}${delays}`;
}

function ageText(seconds: number): string {
  const [size, unit] = seconds < 172_800 ? [3600, "hour"] : [86_400, "day"];
  const count = Number((seconds / size).toPrecision(2));
  return `${count} ${unit}${count === 1 ? "" : "s"}`;
}

/** Three weeks or more: the middle one is what is usual, whatever one of them was. */
const LEAST_WEEKS = 3;
const MOST_DEVIATIONS = 4;
/** Of the normal law: standard deviations in a median deviation. */
const MEDIAN_DEVIATION = 1.4826;

function usualOf(weeks: readonly LabelledShare[], now: LabelledShare) {
  const shares = weeks.map(({ n, labelled }) => labelled / n);
  const rows = weeks.reduce((sum, { n }) => sum + n, 0) / weeks.length;
  if (weeks.length >= LEAST_WEEKS) {
    const usual = median(shares);
    const deviation = MEDIAN_DEVIATION * median(shares.map((share) => Math.abs(share - usual)));
    return { usual, deviation, rows };
  }
  const share = now.labelled / now.n;
  const usual = shares.reduce((best, one) => (Math.abs(one - share) < Math.abs(best - share) ? one : best));
  return { usual, deviation: 0, rows };
}
