/**
 * Where windows by number of events begin and end: every `events` kept predictions of one version and variant, in the order of
 * (timestamp, id), counted anew from each anchor. The place of a boundary follows from the counts of closed panes; only the pane
 * that holds it is read.
 */
import { z } from "zod";
import type { WindowSpec } from "../config/duration.ts";
import { join, sql, time } from "../store/sql.ts";
import type { Lane } from "../store/store.ts";
import { keptRows, type Span } from "./kept-rows.ts";
import { newestSummaries, paneName } from "./panes.ts";
import type { PreparedModel } from "./prepare-model.ts";
import type { Series } from "./window-series.ts";

export type CountWindow = Extract<WindowSpec, { readonly kind: "count" }>;

/** A place in the order of (timestamp, id). */
export interface Place {
  readonly timestamp: number;
  readonly id: string;
}

/** One window by number of events: its first and last event. */
export interface CountedWindow {
  /** Of the anchor, from 0. */
  readonly index: number;
  readonly first: Place;
  readonly last: Place;
  readonly n: number;
  /** Time of the first event, moved on by a millisecond where the window before starts in the same one: it is the window's key. */
  readonly start: number;
  /** Time of the last event plus one millisecond. */
  readonly end: number;
  /** It holds all the events that it may hold: as many as the window asks for, or the last of a finished anchor. */
  readonly complete: boolean;
}

const DAY = 86_400_000;
/** Boundaries looked up by one statement. */
const BOUNDARIES_AT_ONCE = 2000;

/** The anchor's period that holds the time. */
export function anchorPeriod(anchor: "day" | "month" | "year" | "never", timestamp: number): Span {
  const date = new Date(timestamp);
  const year = date.getUTCFullYear();
  const month = date.getUTCMonth();
  if (anchor === "day") {
    const from = Math.floor(timestamp / DAY) * DAY;
    return { from, to: from + DAY };
  }
  if (anchor === "month") return { from: Date.UTC(year, month), to: Date.UTC(year, month + 1) };
  if (anchor === "year") return { from: Date.UTC(year, 0), to: Date.UTC(year + 1, 0) };
  return { from: 0, to: Number.MAX_SAFE_INTEGER };
}

export interface PaneCount {
  readonly pane: number;
  readonly n: number;
}

/** Kept predictions per pane of a version and variant, ascending. */
export async function paneCounts(
  lane: Lane,
  prepared: PreparedModel,
  span: Span,
): Promise<{ series: Series; panes: PaneCount[] }[]> {
  const bounded = { from: span.from, to: Math.min(span.to, MOST_TIME) };
  const rows = await lane.query(
    sql`SELECT version, variant, toUnixTimestamp64Milli(pane_start) AS place, sum(n) AS events FROM pane_summaries
      WHERE ${newestSummaries(prepared, paneName(prepared), bounded)} AND subject_kind = 'model' GROUP BY version, variant, pane_start ORDER BY version, variant, pane_start`,
    z.object({ version: z.string(), variant: z.string(), place: z.number(), events: z.number() }),
  );
  const found: { series: Series; panes: PaneCount[] }[] = [];
  for (const { version, variant, place: pane, events: n } of rows) {
    const last = found[found.length - 1];
    if (last !== undefined && last.series.version === version && last.series.variant === variant)
      last.panes.push({ pane, n });
    else found.push({ series: { version, variant }, panes: [{ pane, n }] });
  }
  return found;
}

/** 2261-01-01: the last day that DateTime64(3) literals are sure of. */
export const MOST_TIME = Date.UTC(2261, 0);

/** The windows of a series in one anchor from the `from`-th on; `before` is the one before it, if there is one. */
export async function countedWindows(
  lane: Lane,
  prepared: PreparedModel,
  spec: CountWindow,
  series: Series,
  panes: readonly PaneCount[],
  finished: boolean,
  from: number,
  before: CountedWindow | undefined,
): Promise<CountedWindow[]> {
  const total = panes.reduce((sum, { n }) => sum + n, 0);
  const whole = Math.floor(total / spec.events);
  const windows = whole + (total % spec.events > 0 ? 1 : 0);
  const places: number[] = [];
  for (let index = from; index < windows; index++)
    places.push(index * spec.events, Math.min((index + 1) * spec.events, total) - 1);
  const found = await placesOf(lane, prepared, series, panes, places);
  const result: CountedWindow[] = [];
  let previous = before;
  for (let index = from; index < windows; index++) {
    const first = found.get(index * spec.events);
    const last = found.get(Math.min((index + 1) * spec.events, total) - 1);
    if (first === undefined || last === undefined) continue;
    const start: number = previous === undefined ? first.timestamp : Math.max(first.timestamp, previous.start + 1);
    const n = index < whole ? spec.events : total - whole * spec.events;
    previous = {
      index,
      first,
      last,
      n,
      start,
      end: Math.max(last.timestamp, start) + 1,
      complete: index < whole || finished,
    };
    result.push(previous);
  }
  return result;
}

/** The events at the given ordinals (from 0, ascending) of the series. */
async function placesOf(
  lane: Lane,
  prepared: PreparedModel,
  series: Series,
  panes: readonly PaneCount[],
  ordinals: readonly number[],
): Promise<Map<number, Place>> {
  const wanted: { ordinal: number; pane: number; rank: number }[] = [];
  let at = 0;
  let passed = 0;
  for (const ordinal of ordinals) {
    while (at < panes.length && passed + (panes[at]?.n ?? 0) <= ordinal) passed += panes[at++]?.n ?? 0;
    const pane = panes[at];
    if (pane !== undefined) wanted.push({ ordinal, pane: pane.pane, rank: ordinal - passed + 1 });
  }
  const found = new Map<number, Place>();
  for (let from = 0; from < wanted.length; from += BOUNDARIES_AT_ONCE)
    await lookUp(lane, prepared, series, wanted.slice(from, from + BOUNDARIES_AT_ONCE), found);
  return found;
}

async function lookUp(
  lane: Lane,
  prepared: PreparedModel,
  series: Series,
  wanted: readonly { readonly ordinal: number; readonly pane: number; readonly rank: number }[],
  found: Map<number, Place>,
): Promise<void> {
  const { pane } = prepared.config;
  const starts = wanted.map((place) => place.pane);
  const span = { from: Math.min(...starts), to: Math.max(...starts) + pane };
  const kept = await keptRows(lane, prepared.dedupe, span);
  const slice = sql`intDiv(toUnixTimestamp64Milli(timestamp), ${pane}) * ${pane}`;
  const rows = await lane.query(
    sql`SELECT slice, rank, toUnixTimestamp64Milli(timestamp) AS at, id FROM (
        SELECT timestamp, id, ${slice} AS slice, row_number() OVER (PARTITION BY slice ORDER BY timestamp, id) AS rank
        FROM (${kept}) WHERE version = ${series.version} AND variant = ${series.variant} AND slice IN (${join([...new Set(starts)].map((start) => sql`${start}`))}))
      WHERE (slice, rank) IN (${join(wanted.map((place) => sql`(${place.pane}, ${place.rank})`))})`,
    z.object({ slice: z.number(), rank: z.number(), at: z.number(), id: z.string() }),
  );
  const byRank = new Map(rows.map((row) => [`${row.slice} ${row.rank}`, row]));
  for (const { ordinal, pane: start, rank } of wanted) {
    const row = byRank.get(`${start} ${rank}`);
    if (row !== undefined) found.set(ordinal, { timestamp: row.at, id: row.id });
  }
}

/** Which rows lie in the windows, and the Int64 key that tells them apart: the window's start. The windows are consecutive. */
export function rowsOfWindows(series: Series, windows: readonly CountedWindow[]) {
  const [first] = windows;
  const last = windows[windows.length - 1];
  if (first === undefined || last === undefined) return null;
  const place = ({ timestamp, id }: Place) => sql`(${time(timestamp)}, ${id})`;
  const starts = windows.map((window) => window.start);
  const key = sql`arrayElement(${starts}, arrayCount(b -> b <= (timestamp, id), [${join(windows.map((window) => place(window.first)))}]))`;
  const where = sql`version = ${series.version} AND variant = ${series.variant} AND (timestamp, id) >= ${place(first.first)} AND (timestamp, id) <= ${place(last.last)}`;
  return { span: { from: first.first.timestamp, to: last.last.timestamp + 1 }, key: sql`toInt64(${key})`, where };
}
