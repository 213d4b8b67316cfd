/**
 * Tumbling windows by event time. A window with events is a merge of its panes; a closed window without events between others gets
 * rows too, of status `insufficient`, since silence is not a zero and not a green light.
 */
import { z } from "zod";
import { type WindowGrid, windowGrid } from "../core/window-grid.ts";
import { leastOf } from "../math/extremes.ts";
import { sql } from "../store/sql.ts";
import type { Lane } from "../store/store.ts";
import { windowStart } from "../store/window-start.ts";
import {
  computeDelays,
  computeKpis,
  computeWindows,
  ledgerName,
  type TimeWindow,
  type WindowChanges,
  type WindowPlace,
} from "./compute-windows.ts";
import { lateDelays } from "./label-delays.ts";
import type { MetricBatch } from "./metric-writer.ts";
import { comparedWith, LONGEST_GAP, WEEK } from "./model-history.ts";
import { runsOf } from "./pane-runs.ts";
import { ledgerOfAll, paneName } from "./panes.ts";
import type { PreparedModel } from "./prepare-model.ts";
import { countSeries, type SeriesCounts } from "./window-series.ts";

const DAY = 86_400_000;
/** Windows merged by one statement. */
const WINDOWS_AT_ONCE = 200;
/** Windows left out between two that one statement reads. */
const GAP_WINDOWS = 20;

/** What is known of a model's windows of one length, from one run to the next. */
export interface TimeWindowState extends WindowPlace {
  /** End of the latest window of an earlier epoch. Such windows are computed anew only where counts have changed. */
  readonly epoch: number;
  /** Windows with events that were not closed when they were last looked at. */
  readonly open: Set<number>;
  /** End of the latest window computed so far; -Infinity before the first. */
  computedTo: number;
  firstTouched: number;
  /** Start of the latest window with kept events; null before the first. */
  lastData: number | null;
  /** Start of the latest window that any event fell into, one that turned out to be a copy included; null before the first. */
  lastTouched: number | null;
}

/** `epoch`: end of the latest window of an earlier epoch, -Infinity where there is none. */
export async function openTimeWindows(
  lane: Lane,
  prepared: PreparedModel,
  spec: TimeWindow,
  epoch: number,
): Promise<TimeWindowState> {
  const grid = windowGrid(spec.ms, prepared.config.timezone);
  const rows = (pane: string) =>
    sql`FROM panes FINAL WHERE model = ${prepared.config.name} AND reference_id = ${prepared.referenceId} AND pane = ${pane}`;
  // A window is empty where no version has events.
  const events = ledgerOfAll(prepared, paneName(prepared));
  const [data] = await lane.query(
    sql`SELECT count() AS known, toUnixTimestamp64Milli(min(pane_start)) AS earliest, toUnixTimestamp64Milli(max(pane_start)) AS latest,
        countIf(n > 0) AS filled, toUnixTimestamp64Milli(maxIf(pane_start, n > 0)) AS latest_filled ${events}`,
    z.object({
      known: z.number(),
      earliest: z.number(),
      latest: z.number(),
      filled: z.number(),
      latest_filled: z.number(),
    }),
  );
  const span = { from: data?.earliest ?? 0, to: (data?.latest ?? 0) + 1 };
  const start = windowStart(grid, sql`toUnixTimestamp64Milli(pane_start)`, span);
  const pending = await lane.query(
    sql`SELECT DISTINCT ${start} AS start ${events} AND n > 0 AND start NOT IN (SELECT toUnixTimestamp64Milli(pane_start) ${rows(ledgerName(prepared, spec))})`,
    z.object({ start: z.number() }),
  );
  const [last] = await lane.query(
    sql`SELECT count() AS known, toUnixTimestamp64Milli(max(pane_start)) AS latest ${rows(ledgerName(prepared, spec))}`,
    z.object({ known: z.number(), latest: z.number() }),
  );
  return {
    spec,
    grid,
    epoch,
    open: new Set(pending.map((row) => row.start).filter((begin) => grid.endOf(begin) > epoch)),
    computedTo: Math.max(
      epoch,
      last === undefined || last.known === 0 ? Number.NEGATIVE_INFINITY : grid.endOf(last.latest),
    ),
    firstTouched: data === undefined || data.known === 0 ? Number.POSITIVE_INFINITY : grid.startOf(data.earliest),
    lastData: data === undefined || data.filled === 0 ? null : grid.startOf(data.latest_filled),
    lastTouched: data === undefined || data.known === 0 ? null : grid.startOf(data.latest),
  };
}

export interface Dirty extends WindowChanges {
  /** Those of them whose counts are not what they were. */
  readonly changed: ReadonlySet<number>;
  /** Panes whose predictions have got a label, or another one. */
  readonly labelled: readonly number[];
  /** Start of the earliest pane that new labels carry the time of, ms; Infinity where there are none. */
  readonly labelsFrom: number;
}

export interface Evaluated {
  windows: number;
  rows: number;
}

/** Whether a window, or one of those without events after the last, has closed by the watermark. */
export const isTimeWindowDue = (state: TimeWindowState, watermark: number): boolean =>
  [...state.open].some((start) => state.grid.endOf(start) <= watermark) || gapStarts(state, watermark).length > 0;

/** Computes what has closed or changed. `watermark` is Infinity at the end of a replay. */
export async function evaluateTimeWindows(
  lane: Lane,
  prepared: PreparedModel,
  batch: MetricBatch,
  state: TimeWindowState,
  dirty: Dirty,
  watermark: number,
  now: number,
): Promise<Evaluated> {
  const { spec, grid, open } = state;
  const { startOf, endOf } = grid;
  const touched = new Set(
    dirty.panes.filter((pane) => endOf(pane) > state.epoch || dirty.changed.has(pane)).map(startOf),
  );
  for (const start of touched) {
    open.add(start);
    state.firstTouched = Math.min(state.firstTouched, start);
    state.lastTouched = Math.max(state.lastTouched ?? start, start);
  }
  const closedTo = Math.max(
    watermark === Number.POSITIVE_INFINITY ? endOf(state.lastTouched ?? 0) : watermark,
    state.computedTo,
  );
  const closed = (start: number) => endOf(start) <= closedTo;
  const due = [...open].filter(closed).sort((a, b) => a - b);
  const emptied = gapStarts(state, closedTo);
  const labelled = [...new Set(dirty.labelled.map(startOf))].filter((start) => closed(start)).sort((a, b) => a - b);
  const done: Evaluated = { windows: 0, rows: 0 };
  if (due.length === 0 && emptied.length === 0 && labelled.length === 0) return done;

  const all = [...due, ...emptied, ...labelled];
  const reach = spec.ms <= DAY ? WEEK : spec.ms;
  const margin = Math.max(reach, LONGEST_GAP * spec.ms);
  const counts: SeriesCounts = new Map();
  for (const run of runsOf(all, 2 * margin)) {
    const span = { from: (run[0] ?? 0) - margin, to: endOf(run[run.length - 1] ?? 0) + margin };
    for (const [start, series] of await countSeries(lane, prepared, grid, span)) counts.set(start, series);
  }
  for (const start of due) if (counts.has(start)) state.lastData = Math.max(state.lastData ?? start, start);
  const affected = new Set([...due, ...(await laterWindows(lane, prepared, state, due, counts))]);
  const after = due.filter((start) => counts.has(start)).flatMap((start) => gapAfter(start, grid, counts, closedTo));
  const empty = [...emptied, ...after].filter((start) => !counts.has(start));
  const starts = [...new Set([...affected, ...empty])].sort((a, b) => a - b);
  for (const chunk of chunksOf(starts, spec)) {
    done.rows += await computeWindows(
      lane,
      prepared,
      batch,
      state,
      chunk,
      counts,
      dirty,
      chunk.some((start) => start < state.computedTo),
      now,
    );
    done.windows += chunk.length;
  }
  const again = labelled.filter((start) => !affected.has(start) && counts.has(start));
  for (const chunk of chunksOf(again, spec)) {
    done.rows += await computeKpis(lane, prepared, batch, state, chunk, counts, now);
    done.windows += chunk.length;
  }
  const late = lateDelays(prepared, state, Math.min(dirty.labelsFrom, leastOf(dirty.changed))).filter(
    (start) => !affected.has(start),
  );
  for (const chunk of chunksOf(late, spec)) done.rows += await computeDelays(lane, prepared, batch, state, chunk, now);
  for (const start of due) open.delete(start);
  if (starts.length > 0) state.computedTo = Math.max(state.computedTo, endOf(starts[starts.length - 1] ?? 0));
  return done;
}

/** Windows computed before that are compared with one that has changed; their counts are added. */
async function laterWindows(
  lane: Lane,
  prepared: PreparedModel,
  { spec, grid, computedTo }: TimeWindowState,
  due: readonly number[],
  counts: SeriesCounts,
): Promise<number[]> {
  const week = prepared.detectors.some(({ name }) => name === "freshness") ? Math.ceil(WEEK / spec.ms) : 1;
  const later = due.flatMap((start) => [
    ...Array.from({ length: week }, (_, index) => grid.shift(start, index + 1)),
    ...comparedWith(prepared, grid, start),
  ]);
  const computed = later.filter((start) => start < computedTo);
  for (const run of runsOf(
    computed.filter((start) => !counts.has(start)),
    DAY,
  )) {
    const span = { from: grid.shift(run[0] ?? 0, -1), to: grid.endOf(run[run.length - 1] ?? 0) };
    for (const [start, series] of await countSeries(lane, prepared, grid, span)) counts.set(start, series);
  }
  return computed.filter((start) => counts.has(start));
}

/** Windows for one statement: not too many, and none far from the next. */
function chunksOf(starts: readonly number[], spec: TimeWindow): number[][] {
  return runsOf(starts, GAP_WINDOWS * spec.ms).flatMap((run) =>
    Array.from({ length: Math.ceil(run.length / WINDOWS_AT_ONCE) }, (_, at) =>
      run.slice(at * WINDOWS_AT_ONCE, (at + 1) * WINDOWS_AT_ONCE),
    ),
  );
}

/** Windows after the last one with events that have closed since. */
function gapStarts({ grid, lastData, computedTo }: TimeWindowState, closedTo: number): number[] {
  if (lastData === null) return [];
  const starts: number[] = [];
  let start = lastData;
  for (let gap = 1; gap <= LONGEST_GAP; gap++) {
    start = grid.endOf(start);
    if (grid.endOf(start) > closedTo) break;
    if (start >= computedTo) starts.push(start);
  }
  return starts;
}

function gapAfter(start: number, grid: WindowGrid, counts: SeriesCounts, closedTo: number): number[] {
  const starts: number[] = [];
  let next = start;
  for (let gap = 1; gap <= LONGEST_GAP; gap++) {
    next = grid.endOf(next);
    if (counts.has(next) || grid.endOf(next) > closedTo) break;
    starts.push(next);
  }
  return starts;
}
