/** The reference in the order of time: each subject's counts in equal slices, from which its dependence is measured. */
import { z } from "zod";
import type { ModelConfig } from "../../config/schema.ts";
import type { ReferenceSubject } from "../../core/summary.ts";
import { total } from "../../math/total.ts";
import { type Sql, sql } from "../../store/sql.ts";
import type { Lane } from "../../store/store.ts";
import { type BinnedColumn, binnedColumns, cellsOf, codeCharacters, missingCode } from "../references/bin-code.ts";
import { columnGroups } from "../references/column-groups.ts";
import { subjectKey } from "../references/load-reference.ts";
import { openModelReference } from "../references/private-columns.ts";
import { columnNamesOfDimension, presentText } from "../references/reference-columns.ts";
import { type ReferenceColumn } from "../references/reference-table.ts";

import { type SegmentReference, segmentExpression, segmentPaneMs } from "../segments/segment.ts";
import { watchedKey } from "./segment-streams.ts";

/** Counts of a subject in one slice: of its bins, and of what is missing and invalid. */
export interface SubjectSlice {
  readonly bins: readonly number[];
  readonly missing: number;
  readonly invalid: number;
}

export interface ReferencePanes {
  /** Length of a slice in ms: a power of two times the pane. */
  readonly sliceMs: number;
  /** Start of the first slice. */
  readonly first: number;
  /** By subject key, in the order of time, slices without rows included. */
  readonly subjects: ReadonlyMap<string, readonly SubjectSlice[]>;
}

/** Slices at most; longer references have longer ones. */
const MOST_SLICES = 1024;
/** Below, dependence can't be told from chance. */
const LEAST_SLICES = 24;

/** Null where the reference has no column of times, or spans too little. */
export async function readReferencePanes(
  lane: Lane,
  config: ModelConfig,
  subjects: readonly ReferenceSubject[],
  bySegment: SegmentReference | null = null,
): Promise<ReferencePanes | null> {
  const { reference } = config;
  if (reference === undefined) return null;
  const together = [reference.timestamp, ...(bySegment?.dimensions ?? []).flatMap(columnNamesOfDimension)];
  const table = await openModelReference(lane, config, reference, together);
  try {
    const columns = new Map(table.columns.map((column) => [column.name, column]));
    const times = columns.get(reference.timestamp);
    if (times === undefined) return null;
    const at = timeOf(times);
    const [span] = await lane.query(
      sql`SELECT ifNull(min(t), 0) AS first, ifNull(max(t), 0) AS last, uniq(t) AS distinct FROM (SELECT ${at} AS t FROM ${times.from} WHERE t IS NOT NULL)`,
      z.object({ first: z.number(), last: z.number(), distinct: z.number() }),
    );
    if (span === undefined || span.distinct < LEAST_SLICES) return null;
    let sliceMs = bySegment === null ? config.pane : segmentPaneMs(config);
    while ((span.last - span.first) / sliceMs > MOST_SLICES) sliceMs *= 2;
    const first = Math.floor(span.first / sliceMs) * sliceMs;
    const count = Math.floor((span.last - first) / sliceMs) + 1;
    if (count < LEAST_SLICES) return null;
    const grid = { at, sliceMs, first, count };
    const read = binnedColumns(subjects, reference, columns).filter(
      ({ column }) => column.from.text === times.from.text,
    );
    const found =
      bySegment === null
        ? await slicesOfSubjects(lane, read, grid)
        : await slicesOfSegments(lane, read, grid, columns, bySegment);
    return { sliceMs, first, subjects: found };
  } finally {
    await table.close();
  }
}

/** SQL of milliseconds: of a date in words, or of a number of seconds, milli-, micro- or nanoseconds by its size; null where it is neither. */
export function timeOf({ text, number }: ReferenceColumn): Sql {
  const value = sql`ifNull(${number}, 0)`;
  return sql`multiIf(isNull(${number}), toUnixTimestamp64Milli(parseDateTime64BestEffortOrNull(ifNull(${text}, ''), 3, 'UTC')),
    ${value} < 1e11, toInt64(${value} * 1000), ${value} < 1e14, toInt64(${value}), ${value} < 1e17, toInt64(${value} / 1e3), toInt64(${value} / 1e6))`;
}

interface SliceGrid {
  /** Time of a row, ms. */
  readonly at: Sql;
  readonly sliceMs: number;
  readonly first: number;
  readonly count: number;
}

/** Columns of one statement; each row is counted once for each. */
const COLUMNS_AT_ONCE = 50;

async function slicesOfSubjects(
  lane: Lane,
  columns: readonly BinnedColumn[],
  grid: SliceGrid,
): Promise<Map<string, readonly SubjectSlice[]>> {
  const found = new Map<string, readonly SubjectSlice[]>();
  for (const [{ subject }, slices] of await slicesOf(lane, columns, grid, sql`''`))
    found.set(subjectKey(subject), slices.get("") ?? []);
  return found;
}

/** By column, and the value of `by`, a String over the rows of the reference. */
async function slicesOf(
  lane: Lane,
  columns: readonly BinnedColumn[],
  grid: SliceGrid,
  by: Sql,
): Promise<Map<BinnedColumn, Map<string, readonly SubjectSlice[]>>> {
  const found = new Map<BinnedColumn, Map<string, readonly SubjectSlice[]>>();
  for (const group of columnGroups(columns, { most: COLUMNS_AT_ONCE, characters: codeCharacters }))
    for (const [column, slices] of await slicesOfGroup(lane, group, grid, by)) found.set(column, slices);
  return found;
}

async function slicesOfGroup(
  lane: Lane,
  group: readonly [BinnedColumn, ...BinnedColumn[]],
  { at, sliceMs, first, count }: SliceGrid,
  by: Sql,
): Promise<Map<BinnedColumn, Map<string, readonly SubjectSlice[]>>> {
  const rows = await lane.query(
    sql`SELECT part, intDiv(t - ${first}, ${sliceMs}) AS slice, cell.1 AS place, cell.2 AS bin, count() AS n
      FROM (SELECT ${by} AS part, ${at} AS t, ${cellsOf(group)} AS cell FROM ${group[0].column.from} WHERE t IS NOT NULL) GROUP BY part, slice, place, bin`,
    z.object({ part: z.string(), slice: z.number(), place: z.number(), bin: z.number(), n: z.number() }),
  );
  const empty = (subject: ReferenceSubject) =>
    Array.from({ length: count }, () => ({ bins: subject.bins.map(() => 0), missing: 0, invalid: 0 }));
  const found = new Map(group.map((column) => [column, new Map<string, ReturnType<typeof empty>>()]));
  for (const { part, slice, place, bin, n } of rows) {
    const column = group[place];
    const parts = column === undefined ? undefined : found.get(column);
    if (column === undefined || parts === undefined) continue;
    const slices = parts.get(part) ?? empty(column.subject);
    parts.set(part, slices);
    const counts = slices[slice];
    const missing = missingCode(column.subject);
    if (counts === undefined) continue;
    if (bin === missing) counts.missing = n;
    else if (bin === missing + 1) counts.invalid = n;
    else counts.bins[bin] = n;
  }
  return found;
}

/** By the key of what is watched of each segment. */
async function slicesOfSegments(
  lane: Lane,
  read: readonly BinnedColumn[],
  grid: SliceGrid,
  columns: ReadonlyMap<string, ReferenceColumn>,
  { dimensions, segments }: SegmentReference,
): Promise<Map<string, readonly SubjectSlice[]>> {
  const watched = new Set(segments.map(({ segment }) => segment));
  const found = new Map<string, readonly SubjectSlice[]>();
  for (const dimension of dimensions) {
    const own = columnNamesOfDimension(dimension).flatMap((name) => columns.get(name) ?? [])[0];
    const beside = read.filter(({ column }) => column.from.text === own?.from.text);
    if (own === undefined || beside.length === 0) continue;
    for (const [{ subject }, parts] of await slicesOf(
      lane,
      beside,
      grid,
      segmentExpression(dimension, presentText(own)),
    ))
      for (const [segment, slices] of parts)
        if (watched.has(segment)) found.set(watchedKey(segment, subjectKey(subject)), slices);
  }
  return found;
}

/** Counts of one of a subject's streams: of its values, or of what is missing (invalid) and what is not. */
export function streamCounts({ bins, missing, invalid }: SubjectSlice, stream: string): readonly number[] {
  if (stream === "values") return bins;
  const all = total(bins) + missing + invalid;
  const rate = stream === "missing" ? missing : invalid;
  return [rate, all - rate];
}
