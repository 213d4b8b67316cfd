/**
 * What a window's events as a whole are compared with: those of the same hour of the week in the weeks before, the copies among what was
 * received, and the longest silence of the week before. Read for the windows that are computed, and no more than the detectors ask for.
 */
import { z } from "zod";
import type { ModelHistory } from "../core/summary.ts";
import type { WindowGrid } from "../core/window-grid.ts";
import { localHours } from "../sequential/season-slots.ts";
import { list, sql, time } from "../store/sql.ts";
import type { Lane } from "../store/store.ts";
import { windowStart } from "../store/window-start.ts";
import { runsOf } from "./pane-runs.ts";
import { ledgerOfAll, paneName } from "./panes.ts";
import type { PreparedModel } from "./prepare-model.ts";
import { countSeries, type Series, type SeriesCounts, seriesKey } from "./window-series.ts";

export const WEEK = 7 * 86_400_000;
const DAY = 86_400_000;
const HOUR = 3_600_000;
/** Empty windows that get rows after a window with events; a longer silence says no more. */
export const LONGEST_GAP = 100;
/** Weeks that are looked back. */
const WEEKS_BEFORE = 4;

/** The whole model in one window. */
export interface ModelInWindow {
  /** Events of the window before. */
  readonly before: number;
  readonly history: ModelHistory;
  /** Events of all versions that came, copies included, and those of them that were copies; left out where nobody asks, or it is not known. */
  readonly received?: number;
  readonly copies?: number;
  /** From the newest event of any version to the window's end, s. */
  readonly age?: number;
}

/**
 * Start of the window at the same hour of the week, some weeks later or (negative) earlier, by the clocks of the time zone: where they were
 * changed in between a week is an hour shorter or longer. Windows longer than that hour stay on their own grid.
 */
export function sameHour(timeZone: string, ms: number): (start: number, weeks: number) => number {
  const local = localHours(timeZone);
  const offset = (at: number) => {
    const { day, hour } = local(at);
    return (day * 24 + hour) * HOUR - Math.floor(at / HOUR) * HOUR;
  };
  return (start, weeks) => {
    const plain = start + weeks * WEEK;
    return Math.round((plain + offset(start) - offset(plain)) / ms) * ms;
  };
}

/** The same of a model's windows. Days by the clocks of a time zone are their own hour of the week: those of the same weekday. */
function sameHourOf({ config }: PreparedModel, grid: WindowGrid): (start: number, weeks: number) => number {
  if (grid.isRegular) return sameHour(config.season_timezone, grid.ms);
  return (start, weeks) => grid.shift(start, 7 * weeks);
}

/** Later windows whose volume is compared with this one: of windows of a day at most those of the same hour of the week, in order. */
export const comparedWith = (prepared: PreparedModel, grid: WindowGrid, start: number): number[] =>
  sameHours(prepared, grid, start, 1);

/** Windows at the same hour of the week, the nearest first: later ones, or with -1 earlier ones; none of windows longer than a day. */
function sameHours(prepared: PreparedModel, grid: WindowGrid, start: number, direction: 1 | -1): number[] {
  if (grid.ms > DAY) return [];
  const at = sameHourOf(prepared, grid);
  return Array.from({ length: WEEKS_BEFORE }, (_, week) => at(start, direction * (week + 1)));
}

export interface ModelHistories {
  of(start: number, series: Series): ModelInWindow;
}

/** Of these windows. `counts` holds them and the windows before them; the model has none before `firstTouched`. */
export async function readModelHistories(
  lane: Lane,
  prepared: PreparedModel,
  { grid, firstTouched }: { readonly grid: WindowGrid; readonly firstTouched: number },
  starts: readonly number[],
  counts: SeriesCounts,
): Promise<ModelHistories> {
  const asks = (metric: string) => prepared.detectors.some(({ name }) => name === metric);
  // By start: looked up for each series of a window.
  const weeksOf = new Map(starts.map((start) => [start, sameHours(prepared, grid, start, -1)]));
  const earlier: SeriesCounts = new Map();
  if (asks("volume"))
    for (const run of runsOf(
      [...weeksOf.values()].flat().filter((week) => week >= firstTouched),
      DAY,
    )) {
      const span = { from: run[0] ?? 0, to: grid.endOf(run[run.length - 1] ?? 0) };
      for (const [start, series] of await countSeries(lane, prepared, grid, span)) earlier.set(start, series);
    }
  const received = asks("duplicate-rate") ? await readReceived(lane, prepared, grid, starts) : null;
  const silences = asks("freshness") ? await readSilences(lane, prepared, grid, starts) : null;
  const eventsAt = (from: SeriesCounts, start: number, series: Series) =>
    from.get(start)?.get(seriesKey(series))?.n ?? 0;
  return {
    of(start, series) {
      const weeks = (weeksOf.get(start) ?? []).map((week) => eventsAt(earlier, week, series));
      const came = received?.get(start);
      const kept = [...(counts.get(start)?.values() ?? [])].reduce((sum, { n }) => sum + n, 0);
      const silence = silences?.(grid.endOf(start));
      return {
        before: eventsAt(counts, grid.shift(start, -1), series),
        history: {
          weeks: weeks.filter((events) => events > 0),
          ...(silence?.longest === undefined ? {} : { longestSilence: silence.longest }),
        },
        // Commit records are not kept for ever.
        ...(came === undefined || came < kept ? {} : { received: came, copies: came - kept }),
        ...(silence === undefined ? {} : { age: silence.age }),
      };
    },
  };
}

/** Predictions that came, copies included, by window: what the commit records counted. */
async function readReceived(
  lane: Lane,
  { config }: PreparedModel,
  grid: WindowGrid,
  starts: readonly number[],
): Promise<Map<number, number>> {
  const span = { from: Math.min(...starts), to: grid.endOf(Math.max(...starts)) };
  const window = windowStart(grid, sql`toUnixTimestamp64Milli(t.pane)`, span);
  // A pane outside the span is of none of its windows, whatever its start would be by them.
  const within = sql`t.pane >= ${time(span.from)} AND t.pane < ${time(span.to)}`;
  const rows = await lane.query(
    sql`SELECT ${window} AS start, sum(t.n) AS received
      FROM (SELECT arrayJoin(touched) AS t FROM batches FINAL WHERE max_timestamp >= ${time(Math.min(...starts))})
      WHERE t.model = ${config.name} AND t.kind = 'prediction' AND ${within} AND start IN ${list(starts)} GROUP BY start`,
    z.object({ start: z.number(), received: z.number() }),
  );
  return new Map(rows.map(({ start, received }) => [start, received]));
}

interface Silence {
  /** s, to a pane. */
  readonly age: number;
  /** Left out where less than a week is known. */
  readonly longest?: number;
}

/** By end of a window: how long before it the newest event was, and the longest silence of the week before that event. */
async function readSilences(
  lane: Lane,
  prepared: PreparedModel,
  grid: WindowGrid,
  starts: readonly number[],
): Promise<(end: number) => Silence | undefined> {
  const { pane } = prepared.config;
  const ledger = sql`${ledgerOfAll(prepared, paneName(prepared))} AND n > 0`;
  const to = grid.endOf(Math.max(...starts));
  // A silence may be as long as windows without events are written for, and a week before that.
  const from = grid.shift(Math.min(...starts), -LONGEST_GAP) - WEEK;
  const rows = await lane.query(
    sql`SELECT DISTINCT toUnixTimestamp64Milli(pane_start) AS start ${ledger} AND pane_start >= ${time(from)} AND pane_start < ${time(to)} ORDER BY start`,
    z.object({ start: z.number() }),
  );
  const [first] = await lane.query(
    sql`SELECT toUnixTimestamp64Milli(min(pane_start)) AS start ${ledger}`,
    z.object({ start: z.number() }),
  );
  const filled = rows.map(({ start }) => start);
  return (end) => {
    let last = filled.length - 1;
    while (last >= 0 && (filled[last] ?? 0) >= end) last--;
    const newest = filled[last];
    if (newest === undefined) return undefined;
    const age = Math.max(0, end - newest - pane) / 1000;
    if (first === undefined || first.start > newest - WEEK) return { age };
    let longest = 0;
    for (let at = last; at > 0 && (filled[at] ?? 0) > newest - WEEK; at--)
      longest = Math.max(longest, (filled[at] ?? 0) - (filled[at - 1] ?? 0) - pane);
    return { age, longest: longest / 1000 };
  };
}
