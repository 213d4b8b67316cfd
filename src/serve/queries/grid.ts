/** The features × windows grid of one series: one drift metric of every subject, and the KPIs above it. */
import { z } from "zod";
import type { WindowSpec } from "../../config/duration.ts";
import { impliedEstimates } from "../../config/kpis.ts";
import { windowDetectorNames } from "../../config/metric-names.ts";
import type { ModelConfig } from "../../config/schema.ts";
import type { MetricRow } from "../../core/metric.ts";
import type { SubjectKind } from "../../core/summary.ts";
import { type WindowGrid, windowGrid } from "../../core/window-grid.ts";
import { list, type Sql, sql, time } from "../../store/sql.ts";
import type { Lane } from "../../store/store.ts";
import { type SubjectShape, selectSubjectShapes } from "./models.ts";
import { detailNumber, metricColumns, metricRow, noiseOf, ofSeries, type SeriesKey } from "./rows.ts";

/** A window of the grid. `present` is false where the store has no row at all: a time in which nothing came. */
export interface WindowColumn {
  readonly start: number;
  readonly end: number;
  readonly present: boolean;
}

export interface GridRow {
  readonly subjectKind: SubjectKind;
  readonly subject: string;
  readonly shape: SubjectShape | null;
  /** One a column, null where the store has no row. */
  readonly cells: readonly (MetricRow | null)[];
  /** Greatest value in these windows, null where there is none. */
  readonly greatest: number | null;
  /** The 99 % point without drift in the newest window that has one. */
  readonly noise: number | null;
}

export interface Grid {
  readonly series: SeriesKey;
  readonly window: WindowSpec;
  /** The detector whose values the grid shows. */
  readonly metric: string;
  readonly columns: readonly WindowColumn[];
  readonly kpis: readonly { readonly metric: string; readonly cells: readonly (MetricRow | null)[] }[];
  readonly outputs: readonly GridRow[];
  readonly features: readonly GridRow[];
  /** The least effect that matters, in the metric's unit; null where no cell has been judged. */
  readonly tolerance: number | null;
}

const PREFERRED = [
  "total-variation",
  "jensen-shannon",
  "hellinger",
  "l-infinity",
  "psi",
  "kolmogorov-smirnov",
  "wasserstein",
];

/** The detector that a model's grid shows: the share of events moved where the model has it. */
export function gridMetric(model: ModelConfig): string {
  if (model.detectors === undefined) return "jensen-shannon";
  const used = [...windowDetectorNames(model, "subject"), ...windowDetectorNames(model, "model")];
  return PREFERRED.find((name) => used.includes(name)) ?? used[0] ?? "jensen-shannon";
}

const columnRow = z.object({ start_ms: z.number(), end_ms: z.number() });

/** Windows that begin at or after `from` and before `to`, ms. */
export interface Span {
  readonly from: number;
  readonly to: number;
}

export const withinSpan = (span: Span | undefined): Sql => {
  const from =
    span === undefined || span.from === Number.NEGATIVE_INFINITY ? sql`true` : sql`window_start >= ${time(span.from)}`;
  const to =
    span === undefined || span.to === Number.POSITIVE_INFINITY ? sql`true` : sql`window_start < ${time(span.to)}`;
  return sql`(${from} AND ${to})`;
};

/** The newest windows of a series, ascending; times without any row between two windows are columns too. */
export async function selectColumns(
  lane: Lane,
  series: SeriesKey,
  { window, timezone }: { readonly window: WindowSpec; readonly timezone: string },
  limit: number,
  span?: Span,
): Promise<WindowColumn[]> {
  const rows = await lane.query(
    sql`SELECT toUnixTimestamp64Milli(window_start) AS start_ms, toUnixTimestamp64Milli(max(window_end)) AS end_ms FROM metrics
      WHERE ${ofSeries(series)} AND window = ${window.name} AND ${withinSpan(span)} GROUP BY window_start ORDER BY window_start DESC LIMIT ${limit}`,
    columnRow,
  );
  const known = rows.reverse().map((row) => ({ start: row.start_ms, end: row.end_ms, present: true }));
  return window.kind === "time" ? withGaps(known, windowGrid(window.ms, timezone), limit) : known;
}

/** Puts in the windows between the first and the last that have no row, the newest `limit` of all. */
export function withGaps(known: readonly WindowColumn[], grid: WindowGrid, limit: number): WindowColumn[] {
  const columns: WindowColumn[] = [];
  for (const column of known.toReversed()) {
    const after = columns.at(-1);
    let start = grid.shift(after?.start ?? column.end, -1);
    for (; start >= column.end && columns.length < limit; start = grid.shift(start, -1))
      columns.push({ start, end: grid.endOf(start), present: false });
    if (columns.length < limit) columns.push(column);
  }
  return columns.reverse();
}

export async function loadGrid(
  lane: Lane,
  model: ModelConfig,
  choice: {
    readonly series: SeriesKey;
    readonly window: WindowSpec;
    readonly referenceId: string;
    readonly limit: number;
    /** Left out: the newest. */
    readonly span?: Span;
  },
): Promise<Grid> {
  const { series, window } = choice;
  const metric = gridMetric(model);
  const named = kpiNamesOf(model);
  const columns = await selectColumns(lane, series, { window, timezone: model.timezone }, choice.limit, choice.span);
  const rows = await lane.query(
    sql`SELECT ${metricColumns} FROM metrics FINAL WHERE ${ofSeries(series)} AND window = ${window.name}
      AND window_start >= ${time(columns[0]?.start ?? 0)} AND ${withinSpan(choice.span)} AND metric IN ${list([metric, ...shownKpis(model)])}
      AND ((subject_kind = 'kpi' AND subject = 'kpi') OR metric = ${metric})`,
    metricRow,
    { timeoutSeconds: 30 },
  );
  const shapes = await selectSubjectShapes(lane, series.model, choice.referenceId);
  const place = new Map(columns.map((column, index) => [column.start, index]));
  const subjects = toRows(
    rows.filter((row) => row.subject_kind !== "kpi" && row.subject_kind !== "attribution"),
    place,
    columns.length,
    shapes,
  );
  const thresholds = rows.flatMap((row) => {
    const least = row.subject_kind === "kpi" ? null : (detailNumber(row.detail, "least") ?? row.threshold);
    return least === null ? [] : [least];
  });
  return {
    series,
    window,
    metric,
    columns,
    kpis: shownKpis(model)
      .map((kpi) => ({
        metric: kpi,
        cells: cellsOf(
          rows.filter((row) => row.subject_kind === "kpi" && row.metric === kpi),
          place,
          columns.length,
        ),
      }))
      // An estimate that was not asked for is there only where the reference allows it.
      .filter(({ metric: kpi, cells }) => named.includes(kpi) || cells.some((cell) => cell !== null)),
    outputs: subjects.filter((row) => row.subjectKind !== "feature"),
    features: subjects.filter((row) => row.subjectKind === "feature").sort(byGreatest),
    tolerance: thresholds.length === 0 ? null : thresholds.reduce((least, value) => Math.min(least, value)),
  };
}

/** The KPIs of the configuration, each followed by its estimate. */
function shownKpis(model: ModelConfig): string[] {
  const implied = impliedEstimates(model).map((kpi) => kpi.use);
  return kpiNamesOf(model).flatMap((kpi) => [kpi, ...implied.filter((estimate) => estimate === `estimated_${kpi}`)]);
}

export const kpiNamesOf = (model: ModelConfig): string[] =>
  model.kpis.map((kpi) => ("use" in kpi ? kpi.use : kpi.name));

function cellsOf(rows: readonly MetricRow[], place: ReadonlyMap<number, number>, length: number): (MetricRow | null)[] {
  const cells: (MetricRow | null)[] = Array.from({ length }, () => null);
  for (const row of rows) {
    const index = place.get(row.window_start);
    if (index !== undefined) cells[index] = row;
  }
  return cells;
}

function toRows(
  rows: readonly MetricRow[],
  place: ReadonlyMap<number, number>,
  length: number,
  shapes: readonly SubjectShape[],
): GridRow[] {
  const key = (kind: string, subject: string) => `${kind}\0${subject}`;
  const groups = new Map<string, MetricRow[]>();
  for (const row of rows) {
    const group = groups.get(key(row.subject_kind, row.subject));
    if (group === undefined) groups.set(key(row.subject_kind, row.subject), [row]);
    else group.push(row);
  }
  const shapeOf = new Map(shapes.map((shape) => [key(shape.subject_kind, shape.subject), shape]));
  return [...groups.entries()].flatMap(([groupKey, group]) => {
    const [first] = group;
    if (first === undefined) return [];
    const cells = cellsOf(group, place, length);
    const values = cells.flatMap((cell) => (cell?.value === null || cell === null ? [] : [cell.value]));
    const noises = cells.flatMap((cell) => {
      const noise = cell === null ? null : noiseOf(cell);
      return noise === null ? [] : [noise];
    });
    return [
      {
        subjectKind: first.subject_kind,
        subject: first.subject,
        shape: shapeOf.get(groupKey) ?? null,
        cells,
        greatest: values.length === 0 ? null : values.reduce((most, value) => Math.max(most, value)),
        noise: noises.at(-1) ?? null,
      },
    ];
  });
}

/** The largest move first, those without a value last; then by name, so that the order is the same each time. */
function byGreatest(a: GridRow, b: GridRow): number {
  const difference = (b.greatest ?? -1) - (a.greatest ?? -1);
  if (difference !== 0) return difference;
  return a.subject < b.subject ? -1 : a.subject > b.subject ? 1 : 0;
}
