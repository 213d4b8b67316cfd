/** Takes the windows of one version and variant that have been computed since the last that was taken, and writes their rows and states. */
import { ERROR_STREAM } from "../../config/detectors.ts";
import type { MetricRow } from "../../core/metric.ts";
import { list, sql, time } from "../../store/sql.ts";
import type { Lane } from "../../store/store.ts";
import { MOST_TIME } from "../count-boundaries.ts";
import { blankRow, type SeriesWindow } from "../drift-rows.ts";
import type { MetricBatch, MetricScope } from "../metric-writer.ts";
import type { PreparedModel } from "../prepare-model.ts";
import { countWindowPage, timeWindowPage, type WindowPage } from "./computed-windows.ts";
import { ERRORS_AT_ONCE, type Errors, readErrors } from "./error-values.ts";
import { readObservations } from "./metric-values.ts";
import type { OnlinePlan } from "./plan.ts";
import { latestState, type SavedState, saveStates, slotOf } from "./saved-states.ts";
import { openStreams } from "./series-streams.ts";
import { type Group, isOfTime, type StreamsAt, type Track } from "./track.ts";

export interface Place {
  readonly lane: Lane;
  readonly prepared: PreparedModel;
  readonly plan: OnlinePlan;
  readonly batch: MetricBatch;
  readonly watermark: number;
  readonly now: number;
}

/** Windows whose values are read by one statement, and values of metrics in them, about. */
const WINDOWS_AT_ONCE = 200;
const VALUES_AT_ONCE = 20_000;
/** Of a series whose streams are not known yet. */
const FIRST_WINDOWS = 10;

/** Returns how many rows were written or deleted. */
export async function advance(place: Place, track: Track, group: Group): Promise<number> {
  const { lane, batch } = place;
  const recentOnly = group.at !== null;
  const at = group.at ?? (await restored(place, track, group));
  // Until all is written: a run that fails begins from the store again.
  group.at = null;
  let rows = 0;
  let page: WindowPage;
  do {
    page = await readPage(place, track, group, at, recentOnly);
    for (let taken = 0; taken < page.windows.length; ) {
      const some = nextWindows(page.windows, taken, at.streams.count());
      taken += some.length;
      const saved: SavedState[] = [];
      rows += await takeWindows(place, track, group, at, page, some, saved);
      saved.push({ start: at.start, end: at.end, streams: at.streams.save() });
      await batch.flush();
      await saveStates(lane, track.scope, group.series, saved);
    }
    // Windows that exist no more.
    if (!page.more && group.storedTo > at.start)
      rows += await batch.replace(scopeOf(place, track, group, { after: at.start, to: page.until - 1 }), []);
    await batch.flush();
  } while (page.more);
  group.at = at;
  group.storedTo = at.start;
  return rows;
}

async function restored({ lane, plan }: Place, { scope }: Track, { series }: Group): Promise<StreamsAt> {
  const saved = await latestState(lane, scope, series);
  return {
    streams: openStreams(plan, saved?.streams),
    start: saved?.start ?? Number.NEGATIVE_INFINITY,
    end: saved?.end ?? Number.NEGATIVE_INFINITY,
  };
}

function readPage(
  { lane, prepared, watermark }: Place,
  { state }: Track,
  { series, firstPane }: Group,
  at: StreamsAt,
  recentOnly: boolean,
): Promise<WindowPage> {
  const request = { series, after: at.start, firstPane, recentOnly };
  return isOfTime(state)
    ? timeWindowPage(lane, prepared, state, request)
    : countWindowPage(lane, prepared, state, request, watermark);
}

/** Neighbours from a place on: not too many, nor too many events, nor too many values of `streams` streams. */
function nextWindows(windows: readonly SeriesWindow[], from: number, streams: number): readonly SeriesWindow[] {
  const most = streams === 0 ? FIRST_WINDOWS : Math.max(1, Math.min(WINDOWS_AT_ONCE, VALUES_AT_ONCE / streams));
  let events = windows[from]?.n ?? 0;
  let to = from + 1;
  while (to < windows.length && to - from < most && events + (windows[to]?.n ?? 0) <= ERRORS_AT_ONCE)
    events += windows[to++]?.n ?? 0;
  return windows.slice(from, to);
}

async function takeWindows(
  place: Place,
  track: Track,
  group: Group,
  at: StreamsAt,
  page: WindowPage,
  windows: readonly SeriesWindow[],
  saved: SavedState[],
): Promise<number> {
  const { lane, prepared, plan, batch, now } = place;
  const streams = [...new Set(plan.watches.map(({ on }) => on))];
  const metrics = streams.filter((on) => on !== ERROR_STREAM);
  const observed = await readObservations(lane, prepared, metrics, windows);
  const rows = streams.includes(ERROR_STREAM) ? page.rowsOf(windows) : null;
  const errors = rows === null ? null : errorsByWindow(readErrors(lane, prepared, rows));
  const after = at.start;
  const fresh: MetricRow[] = [];
  for (const window of windows) {
    if (Number.isFinite(at.start) && slotOf(window.start) !== slotOf(at.start))
      saved.push({ start: at.start, end: at.end, streams: at.streams.save() });
    await errors?.(window.start, (error, when) => at.streams.takeError(error, when));
    const values = at.streams.endWindow(observed.get(window.start) ?? [], window.start);
    at.start = window.start;
    at.end = window.end;
    if (window.end > track.beginning)
      for (const value of values) fresh.push({ ...blankRow(prepared, window, now), ...value });
  }
  return batch.replace(scopeOf(place, track, group, { after, to: at.start }), fresh);
}

/** Hands over the errors of one window after the other, reading on as they are needed; windows are asked for in their order. */
function errorsByWindow(pages: AsyncGenerator<Errors>) {
  let page: Errors | undefined;
  let index = 0;
  return async (window: number, take: (error: number, at: number) => void): Promise<void> => {
    while (true) {
      if (page === undefined || index >= page.errors.length) {
        const next = await pages.next();
        if (next.done === true) return;
        page = next.value;
        index = 0;
      }
      for (; index < page.errors.length; index++) {
        const start = page.windows[index] ?? 0;
        if (start > window) return;
        if (start === window) take(page.errors[index] ?? 0, page.times[index] ?? 0);
      }
    }
  };
}

/** The plan's rows of windows that start after `after`, up to `to`. Rows of windows whose events retention has taken are in no scope. */
function scopeOf(
  { prepared, plan }: Place,
  { state, scope, beginning }: Track,
  { series, firstPane, storedTo }: Group,
  { after, to }: { readonly after: number; readonly to: number },
): MetricScope {
  const first = isOfTime(state) ? state.grid.startOf(firstPane) : firstPane;
  const bounds = sql`window_start >= ${time(Math.max(after + 1, first))} AND window_start <= ${time(Math.min(to, MOST_TIME))} AND window_end > ${time(beginning)}`;
  return {
    model: prepared.config.name,
    window: scope.window,
    where: sql`metric IN ${list(plan.names)} AND version = ${series.version} AND variant = ${series.variant} AND ${bounds}`,
    mayExist: storedTo > after,
  };
}
