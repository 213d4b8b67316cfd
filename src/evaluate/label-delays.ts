/**
 * How many of the predictions that are just old enough have their label, in a window and in the weeks before it. All that are compared have lived
 * through the same age before the window's end, so that labels which are not due yet bear on nothing.
 */
import { z } from "zod";
import type { MetricRow } from "../core/metric.ts";
import type { LabelledShare, LabelsByAge } from "../core/summary.ts";
import type { WindowGrid } from "../core/window-grid.ts";
import { type AgedGroup, ageAtShare, kaplanMeier } from "../math/kaplan-meier.ts";
import { join, sql } from "../store/sql.ts";
import type { Lane } from "../store/store.ts";
import type { LabelDelayWatch } from "./bound-detectors.ts";
import { blankRow, judged, modelSubject, type SeriesWindow } from "./drift-rows.ts";
import { type Span, withinSpan } from "./kept-rows.ts";
import { WEEK } from "./model-history.ts";
import { newestSummaries, paneName } from "./panes.ts";
import type { PreparedModel } from "./prepare-model.ts";
import { ofVersions } from "./version-scope.ts";

const HOUR = 3_600_000;
const DAY = 24 * HOUR;
const WEEKS_BEFORE = 4;
/** Of the labels that come at all as far as is known, those that have come by the age that is looked at. */
const USUAL = 0.9;
/** Ages that are told apart, ms: each three tenths more than the one before, from an hour to a year. */
const AGES = Array.from({ length: 36 }, (_, index) => Math.round(HOUR * 1.3 ** index));

/** In windows of a day or longer, or in the longest that the model has by time: each asks for months of labels. */
function hasLabelDelay({ config }: PreparedModel, grid: WindowGrid): boolean {
  const longest = Math.max(...config.windows.flatMap((window) => (window.kind === "time" ? [window.ms] : [])));
  return grid.ms >= Math.min(DAY, longest);
}

/**
 * Windows computed before, whose predictions that were old enough have got another label since, or are others.
 *
 * @param from event time, ms, from which labels or predictions are others; not finite where none are
 */
export function lateDelays(
  prepared: PreparedModel,
  { grid, computedTo, epoch }: { readonly grid: WindowGrid; readonly computedTo: number; readonly epoch: number },
  from: number,
): number[] {
  const { labelDelay } = prepared;
  if (labelDelay === null || !hasLabelDelay(prepared, grid) || !Number.isFinite(from)) return [];
  const starts: number[] = [];
  for (let start = grid.startOf(from + labelDelay.grace); grid.endOf(start) <= computedTo; start = grid.endOf(start))
    if (grid.endOf(start) > epoch) starts.push(start);
  return starts;
}

/** A row of each window and series, the same for all versions; none of a window whose labels can be compared with no week before. */
export async function labelDelayRows(
  lane: Lane,
  prepared: PreparedModel,
  grid: WindowGrid,
  windows: readonly SeriesWindow[],
  computedAt: number,
): Promise<MetricRow[]> {
  const { labelDelay } = prepared;
  if (labelDelay === null || windows.length === 0 || !hasLabelDelay(prepared, grid)) return [];
  const ends = [...new Set(windows.map(({ end }) => end))];
  const found = await readLabels(lane, prepared, labelDelay, grid, ends);
  if (found === null) return [];
  return windows.flatMap((window) => {
    const labels = found(window.end);
    if (labels === undefined) return [];
    const { now, weeks } = labels;
    const empty = {
      missing: 0,
      invalid: 0,
      bins: [],
      mean: null,
      standardDeviation: null,
      minimum: null,
      maximum: null,
    };
    const summary = { ...empty, n: now.n, labels: now };
    return [judged(blankRow(prepared, window, computedAt), labelDelay, modelSubject(0, { labels: weeks }), summary)];
  });
}

interface WindowLabels {
  readonly now: LabelsByAge;
  readonly weeks: readonly LabelledShare[];
}

/** Predictions of one bin of event time, and how many of their labels had come by each age. */
interface Bin {
  n: number;
  readonly came: number[];
}

/** By the end of a window, undefined where there is nothing to compare; null where the time that bears on these windows has no label. */
async function readLabels(
  lane: Lane,
  prepared: PreparedModel,
  { grace }: LabelDelayWatch,
  grid: WindowGrid,
  ends: readonly number[],
): Promise<((end: number) => WindowLabels | undefined) | null> {
  const { pane, label_horizon: horizon } = prepared.config;
  const ages = AGES.filter((age) => age <= Math.max(horizon, HOUR));
  const size = Math.ceil(HOUR / pane) * pane;
  const length = Math.ceil(Math.max(DAY, grid.ms) / size) * size;
  const floor = (at: number) => Math.floor(at / size) * size;
  const reach = (ages.at(-1) ?? 0) + length + WEEKS_BEFORE * WEEK + 2 * size;
  const span = { from: floor(Math.min(...ends) - grace - reach), to: floor(Math.max(...ends) - grace) };
  const bins = await readBins(lane, prepared, span, size, ages);
  if (bins === null) return null;
  const [first = 0] = bins.keys();
  /** Of predictions in [from, from + length): null where part of them is from before the first that is known. */
  const shareAt = (age: number, from: number): LabelledShare | null => {
    if (from < first) return null;
    let [n, labelled] = [0, 0];
    for (let at = from; at < from + length; at += size) {
      const bin = bins.get(at);
      n += bin?.n ?? 0;
      for (let step = 0; step <= age; step++) labelled += bin?.came[step] ?? 0;
    }
    return { n, labelled: Math.min(n, labelled) };
  };
  return (end) => {
    const known = end - grace;
    const fromOf = (age: number) => floor(known - (ages[age] ?? 0)) - length;
    const weeksOf = (age: number) =>
      Array.from({ length: WEEKS_BEFORE }, (_, week) => shareAt(age, fromOf(age) - floor((week + 1) * WEEK))).filter(
        (week): week is LabelledShare => week !== null && week.n > 0,
      );
    const byAge = ages.map((_, age) => weeksOf(age));
    const shares = byAge.map((weeks) => total(weeks, "labelled") / Math.max(1, total(weeks, "n")));
    const most = Math.max(...shares);
    const age = most > 0 ? shares.findIndex((share) => share >= USUAL * most) : -1;
    const now = age < 0 ? null : shareAt(age, fromOf(age));
    if (now === null) return undefined;
    const from = fromOf(age);
    const half = (shares[age] ?? 0) / 2;
    const ageOf = (of: Span) => medianAge(bins, of, { known, size, ages, half });
    return {
      now: {
        ...now,
        horizon: (ages[age] ?? 0) / 1000,
        delay: ageOf({ from, to: known }),
        usualDelay: ageOf({ from: from - WEEKS_BEFORE * WEEK, to: from }),
      },
      weeks: byAge[age] ?? [],
    };
  };
}

const total = (weeks: readonly LabelledShare[], of: keyof LabelledShare): number =>
  weeks.reduce((sum, week) => sum + week[of], 0);

/** Age by which a share of the predictions of a time has a label, s, as far as they are old enough; null beyond. */
function medianAge(
  bins: ReadonlyMap<number, Bin>,
  { from, to }: Span,
  of: { readonly known: number; readonly size: number; readonly ages: readonly number[]; readonly half: number },
): number | null {
  const groups: AgedGroup[] = [];
  for (let at = from; at < to; at += of.size) {
    const bin = bins.get(at);
    const lived = of.known - at - of.size;
    const followed = of.ages.filter((age) => age <= lived).length;
    if (bin !== undefined) groups.push({ n: bin.n, events: bin.came, followed });
  }
  const age = ageAtShare(kaplanMeier(groups, of.ages.length), of.ages, of.half);
  return age === null ? null : Math.round(age / 1000);
}

const cameRow = z.object({ start: z.number(), age: z.number(), n: z.number() });
const binRow = z.object({ start: z.number(), n: z.number() });

/** From the first bin that has predictions on, in the order of time; null where none of them has a label. */
async function readBins(
  lane: Lane,
  prepared: PreparedModel,
  span: Span,
  size: number,
  ages: readonly number[],
): Promise<Map<number, Bin> | null> {
  const { name: model, task, join_labels: how } = prepared.config;
  const labelled = task === "regression" ? sql`isNotNull(label)` : sql`label_text != ''`;
  const tables = how.by === "id" ? [sql`outcomes`] : [sql`outcomes`, sql`entity_outcomes`];
  const rows = tables.map(
    (table) =>
      sql`SELECT toUnixTimestamp64Milli(timestamp) AS at, toUnixTimestamp64Milli(label_timestamp) - at AS delay FROM ${table} FINAL WHERE model = ${model} AND ${withinSpan(span)} AND ${ofVersions(prepared.versions)} AND ${labelled}`,
  );
  const came = await lane.query(
    sql`SELECT intDiv(at, ${size}) * ${size} AS start, arrayCount(x -> x < delay, [${join(ages.map((age) => sql`${age}`))}]) AS age, count() AS n
      FROM (${join(rows, " UNION ALL ")}) GROUP BY start, age`,
    cameRow,
  );
  if (came.length === 0) return null;
  const predicted = await lane.query(
    sql`SELECT intDiv(toUnixTimestamp64Milli(pane_start), ${size}) * ${size} AS start, sum(n) AS n FROM pane_summaries
      WHERE ${newestSummaries(prepared, paneName(prepared), span)} AND subject_kind = 'model' GROUP BY start ORDER BY start`,
    binRow,
  );
  const bins = new Map(predicted.map(({ start, n }): [number, Bin] => [start, { n, came: ages.map(() => 0) }]));
  for (const { start, age, n } of came) {
    const bin = bins.get(start);
    // Beyond the last age: as if it had not come.
    if (bin !== undefined && age < ages.length) bin.came[age] = n;
  }
  return bins;
}
