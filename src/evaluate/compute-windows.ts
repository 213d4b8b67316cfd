/** The rows of closed windows: what detectors and KPIs say of them, merged from panes. */
import type { WindowSpec } from "../config/duration.ts";
import type { MetricRow } from "../core/metric.ts";
import type { WindowGrid } from "../core/window-grid.ts";
import { list, sql } from "../store/sql.ts";
import type { Lane } from "../store/store.ts";
import { windowStart } from "../store/window-start.ts";
import type { AcceptedBaseline } from "./accepted/accepted-baseline.ts";
import { acceptedInWindows } from "./accepted/accepted-windows.ts";
import { driftRows, type SeriesWindow } from "./drift-rows.ts";
import { zoneOf } from "./epoch.ts";
import type { Span } from "./kept-rows.ts";
import type { WindowRows } from "./kpis/joined-rows.ts";
import { kpiRows, ofLabels } from "./kpis/kpi-rows.ts";
import { labelDelayRows } from "./label-delays.ts";
import { type MetricBatch, windowStartIn } from "./metric-writer.ts";
import { LONGEST_GAP, readModelHistories } from "./model-history.ts";
import { multivariateRows } from "./multivariate/multivariate-rows.ts";
import { newestSummaries, paneName } from "./panes.ts";
import type { PreparedModel } from "./prepare-model.ts";
import { subjectKey } from "./references/load-reference.ts";
import { mergedSummaries, type StoredSummary } from "./summarise.ts";
import { summariseTrailing, trailingInWindows } from "./trailing/trailing-windows.ts";
import { covers, ofVersions } from "./version-scope.ts";
import { countSeries, type Series, type SeriesCounts, seriesKey } from "./window-series.ts";

export type TimeWindow = Extract<WindowSpec, { readonly kind: "time" }>;

/** Windows of one length of a model. */
export interface WindowPlace {
  readonly spec: TimeWindow;
  readonly grid: WindowGrid;
  /** Start of the earliest window that any event fell into; Infinity before the first. */
  readonly firstTouched: number;
}

/** Why windows are computed now. */
export interface WindowChanges {
  /** Panes whose predictions may have changed: after a restart also those of commit records that are read again. */
  readonly panes: readonly number[];
  /** What stands in for the reference where people have accepted drift. */
  readonly accepted: readonly AcceptedBaseline[];
}

/** The name of a window's rows in the ledger: apart from panes of the same length, and from the days of other time zones. */
export const ledgerName = ({ config }: PreparedModel, spec: TimeWindow): string =>
  `window ${spec.name}${zoneOf(config, spec)}`;

/** Everything of these windows, in the place of what was there of them; answers how many rows were written. */
export async function computeWindows(
  lane: Lane,
  prepared: PreparedModel,
  batch: MetricBatch,
  place: WindowPlace,
  starts: readonly number[],
  counts: SeriesCounts,
  { panes, accepted }: WindowChanges,
  mayExist: boolean,
  now: number,
): Promise<number> {
  const { spec, grid } = place;
  const span = spanOf(starts, grid);
  const key = windowStart(grid, sql`toUnixTimestamp64Milli(pane_start)`, span);
  const pane = paneName(prepared);
  const read = (under: PreparedModel) =>
    mergedSummaries(lane, key, sql`${newestSummaries(under, pane, span)} AND ${key} IN ${list(starts)}`);
  const summaries = await read(prepared);
  const bySeries = new Map<string, Map<string, StoredSummary>>();
  for (const summary of summaries) {
    const at = `${summary.slice} ${seriesKey(summary)}`;
    const subjects = bySeries.get(at) ?? new Map<string, StoredSummary>();
    subjects.set(subjectKey(summary), summary);
    bySeries.set(at, subjects);
  }
  const windows = seriesWindows(prepared, place, starts, counts);
  const acceptedOf = await acceptedInWindows(prepared, accepted, windows, read);
  const touched = new Set(panes);
  const trailingOf = await trailingInWindows(prepared, windows, async (own, some) => {
    await summariseTrailing(lane, prepared, own, some, touched);
    return await read(own);
  });
  const histories = await readModelHistories(lane, prepared, place, starts, counts);
  const rows: MetricRow[] = [];
  for (const window of windows) {
    const subjects = bySeries.get(`${window.start} ${seriesKey(window)}`) ?? new Map<string, StoredSummary>();
    rows.push(
      ...driftRows(
        prepared,
        window,
        subjects,
        histories.of(window.start, window),
        now,
        acceptedOf(window),
        trailingOf(window),
      ),
    );
  }
  rows.push(...(await labelDelayRows(lane, prepared, grid, windows, now)));
  rows.push(...(await multivariateRows(lane, prepared, windows, (some) => rowsOfWindows(grid, some), now)));
  rows.push(...(await timeKpiRows(lane, prepared, grid, windows, now)));
  const written = await batch.replace(
    { model: prepared.config.name, window: spec.name, where: ofWindows(prepared, starts), mayExist },
    rows,
  );
  batch.computed(
    starts.map((start) => ({
      pane: ledgerName(prepared, spec),
      start,
      n: total(counts.get(start)),
      digest: 0n,
      revision: 1,
    })),
  );
  return written;
}

/** Their rows of label delay alone. */
export async function computeDelays(
  lane: Lane,
  prepared: PreparedModel,
  batch: MetricBatch,
  place: WindowPlace,
  starts: readonly number[],
  now: number,
): Promise<number> {
  const where = sql`${ofWindows(prepared, starts)} AND metric = ${prepared.labelDelay?.name ?? ""}`;
  const span = spanOf(starts, place.grid);
  const from = place.grid.shift(span.from, -LONGEST_GAP);
  const counts = await countSeries(lane, prepared, place.grid, { ...span, from });
  const rows = await labelDelayRows(lane, prepared, place.grid, seriesWindows(prepared, place, starts, counts), now);
  return batch.replace({ model: prepared.config.name, window: place.spec.name, where, mayExist: true }, rows);
}

/** What hangs on labels alone. */
export async function computeKpis(
  lane: Lane,
  prepared: PreparedModel,
  batch: MetricBatch,
  place: WindowPlace,
  starts: readonly number[],
  counts: SeriesCounts,
  now: number,
): Promise<number> {
  const rows = await timeKpiRows(lane, prepared, place.grid, seriesWindows(prepared, place, starts, counts), now);
  const where = sql`${ofWindows(prepared, starts)} AND ${ofLabels}`;
  return batch.replace({ model: prepared.config.name, window: place.spec.name, where, mayExist: true }, rows);
}

async function timeKpiRows(
  lane: Lane,
  prepared: PreparedModel,
  grid: WindowGrid,
  windows: readonly SeriesWindow[],
  now: number,
): Promise<MetricRow[]> {
  if (windows.length === 0) return [];
  return kpiRows(lane, prepared, rowsOfWindows(grid, windows), windows, now);
}

function rowsOfWindows(grid: WindowGrid, windows: readonly SeriesWindow[]): WindowRows {
  const starts = [...new Set(windows.map((window) => window.start))];
  const span = spanOf(starts, grid);
  const key = windowStart(grid, sql`toUnixTimestamp64Milli(timestamp)`, span);
  return { span, key, where: sql`${key} IN ${list(starts)}` };
}

const spanOf = (starts: readonly number[], grid: WindowGrid): Span => ({
  from: Math.min(...starts),
  to: grid.endOf(Math.max(...starts)),
});

const total = (window: ReadonlyMap<string, { readonly n: number }> | undefined): number =>
  [...(window?.values() ?? [])].reduce((sum, series) => sum + series.n, 0);

/** Rows of these windows, of the versions that the reference is for. */
const ofWindows = ({ versions }: PreparedModel, starts: readonly number[]) =>
  sql`${windowStartIn(starts)} AND ${ofVersions(versions)}`;

/** Of the versions that the reference is for. A window without events has the versions and variants of the last one before it that had some. */
function seriesWindows(
  { versions }: PreparedModel,
  { spec, grid }: Pick<WindowPlace, "spec" | "grid">,
  starts: readonly number[],
  counts: SeriesCounts,
): SeriesWindow[] {
  return starts.flatMap((start) => {
    const present = counts.get(start);
    const series: Iterable<Series & { n: number }> = present?.values() ?? seriesBefore(grid, start, counts);
    const own = [...series].filter(({ version }) => covers(versions, version));
    return own.map(({ version, variant, n }) => ({
      window: spec.name,
      start,
      end: grid.endOf(start),
      version,
      variant,
      n: present === undefined ? 0 : n,
    }));
  });
}

function seriesBefore(grid: WindowGrid, start: number, counts: SeriesCounts): Iterable<Series & { n: number }> {
  for (let gap = 1; gap <= LONGEST_GAP; gap++) {
    const found = counts.get(grid.shift(start, -gap));
    if (found !== undefined) return found.values();
  }
  return [];
}
