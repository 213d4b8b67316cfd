/** The computed windows of one version and variant in their order, a page at a time: what its streams are read along. */
import { z } from "zod";
import { name, sql } from "../../store/sql.ts";
import type { Lane } from "../../store/store.ts";
import { windowStart } from "../../store/window-start.ts";
import {
  anchorPeriod,
  type CountedWindow,
  countedWindows,
  MOST_TIME,
  paneCounts,
  rowsOfWindows as rowsOfCounted,
} from "../count-boundaries.ts";
import { type CountWindowState, seriesWindow } from "../count-windows.ts";
import type { SeriesWindow } from "../drift-rows.ts";
import type { Span } from "../kept-rows.ts";
import type { WindowRows } from "../kpis/joined-rows.ts";
import { newestSummaries, paneName } from "../panes.ts";
import type { PreparedModel } from "../prepare-model.ts";
import type { TimeWindowState } from "../time-windows.ts";
import { type Series, seriesKey } from "../window-series.ts";

export interface WindowPage {
  /** Ascending, with events. */
  readonly windows: readonly SeriesWindow[];
  /** Whether there may be more after them. */
  readonly more: boolean;
  /** Start of the first window that is not computed yet, from which on a row may be there that stays; Infinity where none is known. */
  readonly until: number;
  /** The rows of some of the windows, neighbours in their order. */
  rowsOf(some: readonly SeriesWindow[]): WindowRows | null;
}

export interface PageRequest {
  readonly series: Series;
  /** Windows that start later; -Infinity: all. */
  readonly after: number;
  /** Start of the first pane that the series has events in, ms. */
  readonly firstPane: number;
  /** Only what memory knows: enough where all that was computed before has been seen. */
  readonly recentOnly: boolean;
}

const TIME_WINDOWS_AT_ONCE = 2000;

/** Windows of an earlier epoch are none of these streams. */
export async function timeWindowPage(
  lane: Lane,
  prepared: PreparedModel,
  { spec, grid, epoch, computedTo }: TimeWindowState,
  { series, after, firstPane }: PageRequest,
): Promise<WindowPage> {
  const next = Number.isFinite(after) ? grid.endOf(after) : after;
  const first = Math.max(next, epoch, grid.startOf(firstPane), grid.startOf(0));
  // An epoch may begin within a window by the clocks of another time zone.
  const from = grid.startOf(first) === first ? first : grid.endOf(first);
  const key = (column: "pane_start" | "timestamp", span: Span) =>
    windowStart(grid, sql`toUnixTimestamp64Milli(${name(column)})`, span);
  const ofSeries = sql`version = ${series.version} AND variant = ${series.variant}`;
  const found =
    from >= computedTo
      ? []
      : await lane.query(
          sql`SELECT ${key("pane_start", { from, to: computedTo })} AS start, sum(n) AS events FROM pane_summaries
            WHERE ${newestSummaries(prepared, paneName(prepared), { from, to: computedTo })} AND subject_kind = 'model' AND ${ofSeries}
            GROUP BY start HAVING events > 0 ORDER BY start LIMIT ${TIME_WINDOWS_AT_ONCE}`,
          z.object({ start: z.number(), events: z.number() }),
        );
  return {
    windows: found.map(({ start, events }) => ({
      window: spec.name,
      start,
      end: grid.endOf(start),
      ...series,
      n: events,
    })),
    more: found.length === TIME_WINDOWS_AT_ONCE,
    until: Number.POSITIVE_INFINITY,
    rowsOf(some) {
      const [first] = some;
      const last = some[some.length - 1];
      if (first === undefined || last === undefined) return null;
      const span = { from: first.start, to: last.end };
      return { span, key: key("timestamp", span), where: ofSeries };
    },
  };
}

/** Anchors by page: a page ends with an anchor that has windows. */
export async function countWindowPage(
  lane: Lane,
  prepared: PreparedModel,
  state: CountWindowState,
  request: PageRequest,
  watermark: number,
): Promise<WindowPage> {
  const { spec, epoch } = state;
  const { series, after } = request;
  const last = await lastPane(lane, prepared, state, request.recentOnly);
  let period = anchorPeriod(prepared.config.anchor, Math.max(after, request.firstPane, 0));
  while (period.from <= last) {
    const { computed, next } = await anchorWindows(lane, prepared, state, request, period, watermark);
    const windows = computed.filter(({ start, end }) => start > after && end > epoch);
    if (windows.length > 0) return pageOf(state, series, windows, period.to <= last, next?.start);
    // An anchor that never ends would be its own next one.
    if (period.to > last) break;
    period = anchorPeriod(prepared.config.anchor, period.to);
  }
  return pageOf({ spec }, series, [], false, undefined);
}

function pageOf(
  { spec }: Pick<CountWindowState, "spec">,
  series: Series,
  windows: readonly CountedWindow[],
  more: boolean,
  until = Number.POSITIVE_INFINITY,
): WindowPage {
  const byStart = new Map(windows.map((window) => [window.start, window]));
  return {
    windows: windows.map((window) => seriesWindow(spec, series, window)),
    more,
    until,
    rowsOf: (some) =>
      rowsOfCounted(
        series,
        some.flatMap(({ start }) => byStart.get(start) ?? []),
      ),
  };
}

/** Start of the latest pane with events, or of the latest anchor that memory knows. */
async function lastPane(
  lane: Lane,
  prepared: PreparedModel,
  { known }: CountWindowState,
  recentOnly: boolean,
): Promise<number> {
  if (recentOnly) return Math.max(Number.NEGATIVE_INFINITY, ...known.keys());
  const [row] = await lane.query(
    sql`SELECT count() AS panes, toUnixTimestamp64Milli(max(pane_start)) AS latest FROM panes FINAL
      WHERE model = ${prepared.config.name} AND reference_id = ${prepared.referenceId} AND pane = ${paneName(prepared)} AND n > 0`,
    z.object({ panes: z.number(), latest: z.number() }),
  );
  return row === undefined || row.panes === 0 ? Number.NEGATIVE_INFINITY : row.latest;
}

/** The computed windows of an anchor, and the first that is not complete. */
async function anchorWindows(
  lane: Lane,
  prepared: PreparedModel,
  { spec, known }: CountWindowState,
  { series, recentOnly }: PageRequest,
  period: Span,
  watermark: number,
): Promise<{ readonly computed: readonly CountedWindow[]; readonly next: CountedWindow | undefined }> {
  const memory = known.get(period.from);
  const remembered = memory?.get(seriesKey(series));
  if (remembered !== undefined)
    return {
      computed: remembered.windows.slice(0, remembered.computed),
      next: remembered.windows[remembered.computed],
    };
  if (memory !== undefined || recentOnly) return { computed: [], next: undefined };
  const found = await paneCounts(lane, prepared, { from: period.from, to: Math.min(period.to, MOST_TIME) });
  const mine = found.find((item) => seriesKey(item.series) === seriesKey(series));
  if (mine === undefined) return { computed: [], next: undefined };
  const finished = period.to <= watermark;
  const all = await countedWindows(lane, prepared, spec, series, mine.panes, finished, 0, undefined);
  const complete = all.findIndex((window) => !window.complete);
  return complete < 0 ? { computed: all, next: undefined } : { computed: all.slice(0, complete), next: all[complete] };
}
