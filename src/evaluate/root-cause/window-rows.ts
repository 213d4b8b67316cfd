/** The rows of one window of one version and variant as columns, coded like the reference's: what segments are told apart on. */
import { z } from "zod";
import { classLabel } from "../../core/class-label.ts";
import type { ReferenceSubject } from "../../core/summary.ts";
import { join, type Sql, sql } from "../../store/sql.ts";
import type { Lane } from "../../store/store.ts";
import { withinSpan } from "../kept-rows.ts";
import { joinedRows } from "../kpis/joined-rows.ts";
import type { PreparedModel } from "../prepare-model.ts";
import { missingCode } from "../references/bin-code.ts";
import type { ReferenceRows } from "../references/reference-rows.ts";
import { categoryPlace, numericBin, rounded, subjectColumn, textOrEmpty } from "../value-expressions.ts";

/** More rows than this are thinned out by the hash of their ids: the same ones each time. */
const MOST_ROWS = 20_000;

/** Rows of either side, column by column. */
export interface RowColumns {
  readonly rows: number;
  /** By feature: bins of its reference, then *missing* and *invalid*. */
  readonly codes: ReadonlyMap<string, readonly number[]>;
  /** By key of the events' `segments`; '' where an event lacks it. Empty for the reference. */
  readonly segments: ReadonlyMap<string, readonly string[]>;
  /** '' or null where there is none. */
  readonly decisions: readonly string[];
  readonly labels: readonly string[];
  readonly scores: readonly (number | null)[];
  readonly predicted: readonly (number | null)[];
  readonly actual: readonly (number | null)[];
}

export interface WindowPlace {
  readonly version: string;
  readonly variant: string;
  readonly start: number;
  readonly end: number;
}

export interface WantedColumns {
  readonly features: readonly ReferenceSubject[];
  readonly segments: readonly string[];
}

const numbers = z.array(z.number().nullable());
const columnsRow = z.object({
  rows: z.number(),
  codes: z.array(z.array(z.number())),
  segments: z.array(z.array(z.string())),
  decisions: z.array(z.string()),
  labels: z.array(z.string()),
  scores: z.array(z.tuple([z.number().nullable()])),
  predicted: z.array(z.tuple([z.number().nullable()])),
  actual: z.array(z.tuple([z.number().nullable()])),
});

/**
 * Reads the window's rows; of a window by number of events those whose time lies in it, which at its ends may be a few more or less.
 */
export async function readWindowRows(
  lane: Lane,
  prepared: PreparedModel,
  { version, variant, start, end }: WindowPlace,
  { features, segments }: WantedColumns,
): Promise<RowColumns> {
  const span = { from: start, to: end };
  const joined = await joinedRows(
    lane,
    prepared,
    { span, key: sql`toInt64(${start})`, where: withinSpan(span) },
    { features: [], labelled: true },
  );
  const rows = sql`SELECT * FROM (${joined}) WHERE version = ${version} AND variant = ${variant} ORDER BY cityHash64(id), id, timestamp LIMIT ${MOST_ROWS}`;
  const isNumber = prepared.config.task === "regression";
  const codes = features.map((subject) => sql`groupArray(toUInt16(${codeOf(subject)}))`);
  const texts = segments.map((segment) => sql`groupArray(segments[${segment}])`);
  const nullable = (value: Sql) => sql`groupArray(tuple(CAST(${value} AS Nullable(Float64))))`;
  const classes = (value: Sql) => (isNumber ? sql`CAST([] AS Array(String))` : sql`groupArray(toString(${value}))`);
  const reals = (value: Sql) => (isNumber ? nullable(value) : sql`CAST([] AS Array(Tuple(Nullable(Float64))))`);
  const [found] = await lane.query(
    sql`SELECT count() AS rows, CAST([${join(codes)}] AS Array(Array(UInt16))) AS codes, CAST([${join(texts)}] AS Array(Array(String))) AS segments,
        ${classes(sql`prediction_text`)} AS decisions, ${classes(sql`if(labelled, label_text, '')`)} AS labels, ${nullable(sql`score`)} AS scores,
        ${reals(sql`prediction`)} AS predicted, ${reals(sql`if(labelled, label, NULL)`)} AS actual
      FROM (${rows})`,
    columnsRow,
    { timeoutSeconds: 60 },
  );
  const unwrap = (column: readonly (readonly [number | null])[] | undefined) =>
    numbers.parse((column ?? []).map(([value]) => value));
  return {
    rows: found?.rows ?? 0,
    codes: new Map(features.map(({ subject }, index) => [subject, found?.codes[index] ?? []])),
    segments: new Map(segments.map((segment, index) => [segment, found?.segments[index] ?? []])),
    decisions: (found?.decisions ?? []).map((text) => (text === "" ? "" : (classLabel(text) ?? ""))),
    labels: (found?.labels ?? []).map((text) => (text === "" ? "" : (classLabel(text) ?? ""))),
    scores: unwrap(found?.scores),
    predicted: unwrap(found?.predicted),
    actual: unwrap(found?.actual),
  };
}

/** The bin of a value. Unlisted categories are *tail* where the reference has one, else *new*: enough to tell segments apart. */
function codeOf(subject: ReferenceSubject): Sql {
  const { value, invalid } = subjectColumn(subject);
  const missing = missingCode(subject);
  const absent = sql`if(${invalid}, ${missing + 1}, ${missing})`;
  if (subject.kind === "numeric") {
    const bin = numericBin(subject.edges, rounded(sql`ifNull(${value}, 0)`));
    return sql`if(isNotNull(${value}), ${bin}, ${absent})`;
  }
  const known = subject.categories.length;
  const unlisted = (subject.bins[known] ?? 0) > 0 ? known : known + 1;
  const place = categoryPlace(subject.categories, textOrEmpty(value), sql`toUInt64(${unlisted})`);
  return sql`if(isNotNull(${value}), ${place}, ${absent})`;
}

export const referenceRows = (sample: ReferenceRows): RowColumns => ({
  ...sample,
  rows: Math.max(sample.decisions.length, sample.predicted.length),
  segments: new Map(),
});
