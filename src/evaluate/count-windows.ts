/** Windows by number of events: which ones have to be computed, their summaries from their own rows, and their rows in `metrics`. */
import { createHash } from "node:crypto";
import { sql, time } from "../store/sql.ts";
import type { Lane } from "../store/store.ts";
import type { AcceptedBaseline } from "./accepted/accepted-baseline.ts";
import { acceptedInWindows } from "./accepted/accepted-windows.ts";
import {
  anchorPeriod,
  type CountedWindow,
  type CountWindow,
  countedWindows,
  MOST_TIME,
  paneCounts,
  rowsOfWindows,
} from "./count-boundaries.ts";
import { driftRows, type SeriesWindow } from "./drift-rows.ts";
import { keptRows, type Span } from "./kept-rows.ts";
import { kpiRows, ofLabels } from "./kpis/kpi-rows.ts";
import type { MetricBatch } from "./metric-writer.ts";
import { multivariateRows } from "./multivariate/multivariate-rows.ts";
import { nextRevision, readLedger } from "./panes.ts";
import type { PreparedModel } from "./prepare-model.ts";
import { subjectKey } from "./references/load-reference.ts";
import { mergedSummaries, type StoredSummary, writeSummaries } from "./summarise.ts";
import type { Dirty, Evaluated } from "./time-windows.ts";
import { trailingInWindows } from "./trailing/trailing-windows.ts";
import { type Series, seriesKey } from "./window-series.ts";

/** Windows computed by one statement. */
const WINDOWS_AT_ONCE = 25;
/** Anchors whose windows are remembered; those of others are found again when they are needed. */
const MOST_ANCHORS = 100;

/** Of one anchor and series: the windows as they were last found. */
export interface Known {
  readonly series: Series;
  readonly windows: readonly CountedWindow[];
  /** How many of them have been computed, from the first. */
  readonly computed: number;
  /** The most that ever were: a watermark that went back, or an event that was taken for a copy, leaves rows behind. */
  readonly stored: number;
}

/** What is known of a model's windows of one size, from one run to the next. Everything in it can be found again. */
export interface CountWindowState {
  readonly spec: CountWindow;
  /** End of the latest window of an earlier epoch. Such windows are computed anew only where counts have changed. */
  readonly epoch: number;
  /** By start of the anchor, then by series; the anchors that were used last. */
  readonly known: Map<number, Map<string, Known>>;
  /** Anchors that were not finished when they were last looked at. */
  readonly open: Map<number, Span>;
}

export const openCountWindows = (spec: CountWindow, epoch: number): CountWindowState => ({
  spec,
  epoch,
  known: new Map(),
  open: new Map(),
});

/** Whether an anchor has ended by the watermark: its last window is complete then, however short. */
export const isCountWindowDue = ({ open }: CountWindowState, watermark: number): boolean =>
  [...open.values()].some((period) => period.to <= watermark);

/** Computes what has filled up or changed. `watermark` is Infinity at the end of a replay: then the last, incomplete windows too. */
export async function evaluateCountWindows(
  lane: Lane,
  prepared: PreparedModel,
  batch: MetricBatch,
  state: CountWindowState,
  dirty: Dirty,
  watermark: number,
  now: number,
): Promise<Evaluated> {
  const { anchor } = prepared.config;
  const anchors = new Map<number, { period: Span; panes: number[]; labelled: number[] }>();
  const at = (pane: number) => {
    const period = anchorPeriod(anchor, pane);
    const entry = anchors.get(period.from) ?? { period, panes: [], labelled: [] };
    anchors.set(period.from, entry);
    return entry;
  };
  for (const pane of dirty.panes) if (pane >= state.epoch || dirty.changed.has(pane)) at(pane).panes.push(pane);
  for (const pane of dirty.labelled) at(pane).labelled.push(pane);
  // An anchor that has ended meanwhile has one more window to show: its last, short one.
  const ended = new Set(
    [...state.open.values()].filter((period) => period.to <= watermark).map((period) => at(period.from).period.from),
  );
  const done: Evaluated = { windows: 0, rows: 0 };
  for (const { period, panes, labelled } of [...anchors.values()].sort((a, b) => a.period.from - b.period.from)) {
    const { accepted } = dirty;
    const place = { lane, prepared, batch, spec: state.spec, epoch: state.epoch, period, accepted, now };
    const known = state.known.get(period.from);
    const changed = known === undefined || panes.length > 0 || ended.has(period.from);
    const next = changed ? await evaluateAnchor(place, known, panes, period.to <= watermark, done) : known;
    // Windows that were computed anew have their labels.
    for (const item of next.values()) await relabel(place, item, panes, labelled, done);
    remember(state, period, next);
    if (period.to <= watermark) state.open.delete(period.from);
    else state.open.set(period.from, period);
  }
  return done;
}

function remember(state: CountWindowState, period: Span, known: Map<string, Known>): void {
  state.known.delete(period.from);
  state.known.set(period.from, known);
  const oldest = state.known.size > MOST_ANCHORS ? state.known.keys().next().value : undefined;
  if (oldest !== undefined) state.known.delete(oldest);
}

interface AnchorPlace {
  readonly lane: Lane;
  readonly prepared: PreparedModel;
  readonly batch: MetricBatch;
  readonly spec: CountWindow;
  readonly epoch: number;
  readonly period: Span;
  readonly accepted: readonly AcceptedBaseline[];
  readonly now: number;
}

/** Finds the windows of an anchor and computes those that are complete and not known to be as they were. */
async function evaluateAnchor(
  place: AnchorPlace,
  known: ReadonlyMap<string, Known> | undefined,
  dirtyPanes: readonly number[],
  finished: boolean,
  done: Evaluated,
): Promise<Map<string, Known>> {
  const { lane, prepared, spec, period } = place;
  const firstDirty = dirtyPanes.reduce((least, pane) => Math.min(least, pane), Number.POSITIVE_INFINITY);
  const next = new Map<string, Known>();
  for (const { series, panes } of await paneCounts(lane, prepared, period)) {
    const memory = known?.get(seriesKey(series));
    const same = (window: CountedWindow) => window.complete && window.last.timestamp < firstDirty;
    const kept = prefix(
      memory?.windows.slice(0, memory.computed) ?? [],
      (window) => same(window) && window.n === spec.events,
    );
    const rest = await countedWindows(
      lane,
      prepared,
      spec,
      series,
      panes,
      finished,
      kept.length,
      kept[kept.length - 1],
    );
    if (memory === undefined) {
      // After a restart the ledger says which windows had been computed.
      const ledger = await readLedger(lane, prepared, spec.name, {
        from: period.from,
        to: Math.min(period.to, MOST_TIME),
      });
      const stored = prefix(
        rest,
        (window) =>
          same(window) && (window.end <= place.epoch || ledger.get(window.start)?.digest === digestOf(series, window)),
      );
      kept.push(...stored);
      rest.splice(0, stored.length);
    }
    const due = prefix(rest, (window) => window.complete);
    const before = kept[kept.length - 1];
    // The last window of a replay may have rows although it is not complete; they stay until it is.
    const reach = {
      from: before === undefined ? period.from : before.start + 1,
      to: rest[due.length]?.start ?? period.to,
    };
    const mayExist = memory === undefined || memory.stored > kept.length;
    done.rows += await computeWindows(place, series, due, reach, mayExist);
    done.windows += due.length;
    const computed = kept.length + due.length;
    next.set(seriesKey(series), {
      series,
      windows: [...kept, ...rest],
      computed,
      stored: Math.max(computed, memory?.stored ?? 0),
    });
  }
  return next;
}

/** The KPIs of computed windows that a label has reached, but for those that end in a dirty pane or after one: they are new. */
async function relabel(
  place: AnchorPlace,
  known: Known,
  dirtyPanes: readonly number[],
  labelled: readonly number[],
  done: Evaluated,
): Promise<void> {
  if (labelled.length === 0) return;
  const { pane } = place.prepared.config;
  const firstDirty = dirtyPanes.reduce((least, start) => Math.min(least, start), Number.POSITIVE_INFINITY);
  const windows = known.windows
    .slice(0, known.computed)
    .filter(
      (window) =>
        window.last.timestamp < firstDirty &&
        labelled.some((start) => start + pane > window.first.timestamp && start <= window.last.timestamp),
    );
  done.rows += await computeKpis(place, known.series, windows);
  done.windows += windows.length;
}

function prefix(windows: readonly CountedWindow[], holds: (window: CountedWindow) => boolean): CountedWindow[] {
  const end = windows.findIndex((window) => !holds(window));
  return windows.slice(0, end < 0 ? windows.length : end);
}

/** What a window is: two evaluations that find the same events in it find the same digest. */
function digestOf({ version, variant }: Series, { index, first, last, n }: CountedWindow): bigint {
  return createHash("sha256")
    .update(JSON.stringify([version, variant, index, first, last, n]))
    .digest()
    .readBigUInt64BE(0);
}

/** `reach`: window starts whose stored rows are replaced, those of windows that exist no more included. */
async function computeWindows(
  place: AnchorPlace,
  series: Series,
  windows: readonly CountedWindow[],
  reach: Span,
  mayExist: boolean,
): Promise<number> {
  let rows = 0;
  let from = reach.from;
  for (let at = 0; at < windows.length; at += WINDOWS_AT_ONCE) {
    const chunk = windows.slice(at, at + WINDOWS_AT_ONCE);
    const next = windows[at + WINDOWS_AT_ONCE]?.start ?? reach.to;
    rows += await computeChunk(place, series, chunk, { from, to: next }, mayExist);
    from = next;
  }
  if (windows.length === 0 && mayExist) rows += await place.batch.replace(scopeOf(place, series, reach, true), []);
  return rows;
}

async function computeChunk(
  place: AnchorPlace,
  series: Series,
  windows: readonly CountedWindow[],
  reach: Span,
  mayExist: boolean,
): Promise<number> {
  const { lane, prepared, spec, now } = place;
  const rows = rowsOfWindows(series, windows);
  if (rows === null) return 0;
  const { name: model } = prepared.config;
  const from = await keptRows(lane, prepared.dedupe, rows.span);
  const span = { from: reach.from, to: Math.min(reach.to, MOST_TIME) };
  const summarise = async (under: PreparedModel) => {
    const next = await nextRevision(lane, under, spec.name, span);
    const revision = await writeSummaries(lane, under, spec.name, { from, key: rows.key, where: rows.where }, next);
    const summaries = await mergedSummaries(
      lane,
      sql`toUnixTimestamp64Milli(pane_start)`,
      sql`model = ${model} AND reference_id = ${under.referenceId} AND pane = ${spec.name} AND version = ${series.version} AND variant = ${series.variant}
        AND pane_start >= ${time(span.from)} AND pane_start < ${time(span.to)} AND revision = ${revision}`,
    );
    return { revision, summaries };
  };
  const { revision, summaries } = await summarise(prepared);
  const bySlice = new Map<number, Map<string, StoredSummary>>();
  for (const summary of summaries) {
    const subjects = bySlice.get(summary.slice) ?? new Map<string, StoredSummary>();
    subjects.set(subjectKey(summary), summary);
    bySlice.set(summary.slice, subjects);
  }
  const seriesWindows = windows.map((window) => seriesWindow(spec, series, window));
  const acceptedOf = await acceptedInWindows(
    prepared,
    place.accepted,
    seriesWindows,
    async (under) => (await summarise(under)).summaries,
  );
  const trailingOf = await trailingInWindows(prepared, seriesWindows, async (own) => (await summarise(own)).summaries);
  const metrics = seriesWindows.flatMap((window) => {
    const subjects = bySlice.get(window.start) ?? new Map<string, StoredSummary>();
    return driftRows(prepared, window, subjects, null, now, acceptedOf(window), trailingOf(window));
  });
  metrics.push(...(await multivariateRows(lane, prepared, seriesWindows, () => rows, now)));
  metrics.push(...(await kpiRows(lane, prepared, rows, seriesWindows, now)));
  const written = await place.batch.replace(scopeOf(place, series, reach, mayExist), metrics);
  place.batch.computed(
    windows.map((window) => ({
      pane: spec.name,
      start: window.start,
      n: window.n,
      digest: digestOf(series, window),
      revision,
    })),
  );
  return written;
}

/** Consecutive windows are read by one statement. */
async function computeKpis(place: AnchorPlace, series: Series, windows: readonly CountedWindow[]): Promise<number> {
  const { lane, prepared, spec, now } = place;
  let written = 0;
  for (const chunk of consecutive(windows)) {
    const rows = rowsOfWindows(series, chunk);
    const last = chunk[chunk.length - 1];
    if (rows === null || last === undefined) continue;
    const metrics = await kpiRows(
      lane,
      prepared,
      rows,
      chunk.map((window) => seriesWindow(spec, series, window)),
      now,
    );
    const scope = scopeOf(place, series, { from: chunk[0]?.start ?? 0, to: last.start + 1 }, true);
    written += await place.batch.replace({ ...scope, where: sql`${scope.where} AND ${ofLabels}` }, metrics);
  }
  return written;
}

function* consecutive(windows: readonly CountedWindow[]): Generator<CountedWindow[]> {
  let chunk: CountedWindow[] = [];
  for (const window of windows) {
    const last = chunk[chunk.length - 1];
    if (last !== undefined && (window.index !== last.index + 1 || chunk.length >= WINDOWS_AT_ONCE)) {
      yield chunk;
      chunk = [];
    }
    chunk.push(window);
  }
  if (chunk.length > 0) yield chunk;
}

export const seriesWindow = (spec: CountWindow, series: Series, window: CountedWindow): SeriesWindow => ({
  window: spec.name,
  start: window.start,
  end: window.end,
  version: series.version,
  variant: series.variant,
  n: window.n,
});

function scopeOf({ prepared, spec }: AnchorPlace, { version, variant }: Series, { from, to }: Span, mayExist: boolean) {
  const where = sql`version = ${version} AND variant = ${variant} AND window_start >= ${time(from)} AND window_start < ${time(Math.min(to, MOST_TIME))}`;
  return { model: prepared.config.name, window: spec.name, where, mayExist };
}
