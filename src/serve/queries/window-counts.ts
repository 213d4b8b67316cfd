/** The counts of a subject in some windows, over the bins of its reference: what the feature view draws. */
import { z } from "zod";
import { durationText, type WindowSpec } from "../../config/duration.ts";
import type { ReferenceSubject } from "../../core/summary.ts";
import { list, type Sql, sql, time, written } from "../../store/sql.ts";
import type { Lane } from "../../store/store.ts";
import type { SeriesKey } from "./rows.ts";

const countsRow = z.object({
  start_ms: z.number(),
  counted: z.array(z.number()),
  rows: z.number(),
  missing_rows: z.number(),
  invalid_rows: z.number(),
  least: z.number().nullable(),
  greatest: z.number().nullable(),
  fresh: z.array(z.tuple([z.string(), z.number()])),
});

/** One window of one subject. `bins` in the order of the reference's, `fresh` the most frequent values never seen before. */
export interface WindowCounts {
  readonly start: number;
  readonly bins: readonly number[];
  readonly n: number;
  readonly missing: number;
  readonly invalid: number;
  readonly minimum: number | null;
  readonly maximum: number | null;
  readonly fresh: readonly (readonly [string, number])[];
}

export interface CountsQuery {
  readonly series: SeriesKey;
  readonly subjectKind: string;
  readonly subject: string;
  readonly referenceId: string;
  readonly window: WindowSpec;
  /** Length of the model's panes in milliseconds. */
  readonly paneMs: number;
  /** The wanted windows, ascending; where they lie one over the other a pane is of the later one. */
  readonly windows: readonly { readonly start: number; readonly end: number }[];
}

/** Merges the newest panes of each window. Windows without a pane are not in the answer. */
export async function selectWindowCounts(lane: Lane, query: CountsQuery): Promise<ReadonlyMap<number, WindowCounts>> {
  if (query.windows.length === 0) return new Map();
  const rows = await lane.query(countsStatement(query), countsRow, { timeoutSeconds: 30 });
  return new Map(
    rows.map((row) => [
      row.start_ms,
      {
        start: row.start_ms,
        bins: row.counted,
        n: row.rows,
        missing: row.missing_rows,
        invalid: row.invalid_rows,
        minimum: row.least,
        maximum: row.greatest,
        fresh: row.fresh,
      },
    ]),
  );
}

const int64s = (values: readonly number[]): Sql =>
  written(`[${values.map((value) => `toInt64(${Math.trunc(value)})`).join(", ")}]`);

function countsStatement({ series, subjectKind, subject, referenceId, window, paneMs, windows }: CountsQuery): Sql {
  const pane = window.kind === "count" ? window.name : durationText(paneMs);
  const starts = windows.map(({ start }) => start);
  const first = starts[0] ?? 0;
  const last = window.kind === "time" ? (windows.at(-1)?.end ?? 0) : (starts.at(-1) ?? 0) + 1;
  const range = sql`model = ${series.model} AND pane = ${pane} AND reference_id = ${referenceId}
    AND pane_start >= ${time(first)} AND pane_start < ${time(last)}`;
  // The window of a pane is the last one that starts before it; a pane in a gap between windows belongs to none.
  const startList = int64s(starts);
  const within =
    window.kind === "time"
      ? sql`pane_ms < ${int64s(windows.map(({ end }) => end))}[indexOf(${startList}, start_ms)]`
      : sql`pane_ms = start_ms`;
  return sql`SELECT start_ms, sumForEach(bins) AS counted, sum(n) AS rows, sum(missing) AS missing_rows, sum(invalid) AS invalid_rows,
      min(minimum) AS least, max(maximum) AS greatest,
      arraySlice(arrayReverseSort(pair -> pair.2, arrayZip(mapKeys(sumMap(new_values)), mapValues(sumMap(new_values)))), 1, 5) AS fresh
    FROM (
      SELECT toUnixTimestamp64Milli(pane_start) AS pane_ms, arrayLast(start -> start <= pane_ms, ${startList}) AS start_ms,
        bins, n, missing, invalid, minimum, maximum, new_values
      FROM pane_summaries FINAL
      WHERE ${range} AND subject_kind = ${subjectKind} AND subject = ${subject}
        AND version = ${series.version} AND variant = ${series.variant} AND segment = ''
        AND (pane_start, revision) IN (SELECT pane_start, max(revision) FROM panes WHERE ${range} GROUP BY pane_start))
    WHERE start_ms IN ${list([...starts])} AND ${within} GROUP BY start_ms ORDER BY start_ms`;
}

const referenceRow = z.object({
  kind: z.enum(["numeric", "categorical"]),
  edges: z.array(z.number()),
  categories: z.array(z.string()),
  bins: z.array(z.number()),
  means: z.array(z.number()),
  n: z.number(),
  missing: z.number(),
  invalid: z.number(),
  mean: z.number().nullable(),
  standard_deviation: z.number().nullable(),
  minimum: z.number().nullable(),
  maximum: z.number().nullable(),
});

/** The reference of one subject, null where there is none. */
export async function selectReferenceSubject(
  lane: Lane,
  key: {
    readonly model: string;
    readonly referenceId: string;
    readonly subjectKind: ReferenceSubject["subjectKind"];
    readonly subject: string;
  },
): Promise<ReferenceSubject | null> {
  const [row] = await lane.query(
    sql`SELECT kind, edges, categories, bins, means, n, missing, invalid, mean, standard_deviation, minimum, maximum FROM ${written("`references`")} FINAL
      WHERE model = ${key.model} AND reference_id = ${key.referenceId} AND subject_kind = ${key.subjectKind} AND subject = ${key.subject}`,
    referenceRow,
  );
  if (row === undefined) return null;
  return {
    subjectKind: key.subjectKind,
    subject: key.subject,
    kind: row.kind,
    edges: row.edges,
    categories: row.categories,
    bins: row.bins,
    means: row.means,
    n: row.n,
    missing: row.missing,
    invalid: row.invalid,
    mean: row.mean ?? 0,
    standardDeviation: row.standard_deviation ?? 0,
    minimum: row.minimum ?? 0,
    maximum: row.maximum ?? 0,
  };
}
