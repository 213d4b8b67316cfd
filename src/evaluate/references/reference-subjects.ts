/** The reference of one subject from a column of the file: its edges or categories, and the rows that each bin holds. */
import { z } from "zod";
import { classLabel } from "../../core/class-label.ts";
import type { ReferenceSubject, SubjectKind } from "../../core/summary.ts";
import { byFrequency, categoricalBins } from "../../math/categorical-bins.ts";
import { cutIndices, numericEdges } from "../../math/numeric-edges.ts";
import { sql } from "../../store/sql.ts";
import type { Lane } from "../../store/store.ts";
import { numericBin, rounded, textOrEmpty } from "../value-expressions.ts";
import type { ColumnCounts } from "./column-kinds.ts";
import { deviationOf, fixedScale, meanOf } from "./exact-moments.ts";
import type { ReferenceColumn } from "./reference-table.ts";

/** Categories that get a bin of their own. */
export const MOST_CATEGORIES = 500;
/** Characters that these have together: they stand in SQL statements. */
const MOST_CHARACTERS = 40_000;
/** Distinct values remembered so that *seen before* can be told from *new*; beyond that everything unlisted is tail. */
export const MOST_REMEMBERED = 100_000;

/** A subject's reference, and the values that were seen in it but have no bin of their own. */
export interface LoadedSubject {
  readonly subject: ReferenceSubject;
  readonly tail: readonly string[];
}

interface Place {
  readonly lane: Lane;
  readonly column: ReferenceColumn;
  readonly counts: ColumnCounts;
  readonly subjectKind: SubjectKind;
  readonly subject: string;
}

const NO_MOMENTS = { mean: 0, standardDeviation: 0, minimum: 0, maximum: 0 };

export async function numericSubject({ lane, column, counts, subjectKind, subject }: Place): Promise<LoadedSubject> {
  const n = counts.finite;
  const base = {
    subjectKind,
    subject,
    kind: "numeric" as const,
    categories: [],
    n: counts.rows,
    missing: counts.rows - counts.present,
    invalid: counts.present - n,
  };
  if (n === 0) return { subject: { ...base, edges: [], bins: [0], means: [0], ...NO_MOMENTS }, tail: [] };
  const finite = sql`${column.present} AND isFinite(ifNull(${column.number}, nan))`;
  const values = sql`SELECT ${rounded(sql`ifNull(${column.number}, 0)`)} AS v FROM ${column.from} WHERE ${finite}`;
  const indices = [...new Set([...cutIndices(n), Math.min(2, n)])];
  const [cuts] = await lane.query(
    sql`SELECT arrayMap(i -> s[i], ${indices}) AS cuts FROM (SELECT arraySort(groupArray(v)) AS s FROM (${values}))`,
    z.object({ cuts: z.array(z.number()) }),
  );
  // The edges look at these places of the sorted values alone, so the others stay holes.
  const sorted: number[] = [];
  sorted.length = n;
  for (const [at, index] of indices.entries()) sorted[index - 1] = cuts?.cuts[at] ?? 0;
  const edges = numericEdges(sorted);
  const minimum = sorted[0] ?? 0;
  const maximum = sorted[n - 1] ?? 0;
  const scale = fixedScale(Math.max(Math.abs(minimum), Math.abs(maximum)));
  const rows = await lane.query(
    sql`SELECT ${numericBin(edges, sql`v`)} AS bin, count() AS rows, toString(sum(toInt256(round(v * ${scale})))) AS s1,
        toString(sum(toInt256(round(v * ${scale})) * toInt256(round(v * ${scale})))) AS s2 FROM (${values}) GROUP BY bin ORDER BY bin`,
    z.object({ bin: z.number(), rows: z.number(), s1: z.string(), s2: z.string() }),
  );
  const bins = Array.from({ length: edges.length + 1 }, () => 0);
  const means = Array.from({ length: edges.length + 1 }, () => 0);
  let s1 = 0n;
  let s2 = 0n;
  for (const row of rows) {
    bins[row.bin] = row.rows;
    means[row.bin] = meanOf({ n: row.rows, s1: BigInt(row.s1), scale });
    s1 += BigInt(row.s1);
    s2 += BigInt(row.s2);
  }
  const moments = {
    mean: meanOf({ n, s1, scale }),
    standardDeviation: deviationOf({ n, s1, s2, scale }),
    minimum,
    maximum,
  };
  return { subject: { ...base, edges, bins, means, ...moments }, tail: [] };
}

/** `classes`: values are class labels and compare by the rule of class labels. */
export async function categoricalSubject(place: Place, classes: boolean): Promise<LoadedSubject> {
  const { lane, column, counts, subjectKind, subject } = place;
  const found = await lane.query(
    sql`SELECT ${textOrEmpty(column.text)} AS v, count() AS rows FROM ${column.from} WHERE ${column.present} GROUP BY v ORDER BY rows DESC, v LIMIT ${MOST_REMEMBERED + 1}`,
    z.object({ v: z.string(), rows: z.number() }),
  );
  const merged = new Map<string, number>();
  let invalid = 0;
  for (const { v, rows } of found) {
    const category = classes ? classLabel(v) : v;
    if (category === null) invalid += rows;
    else merged.set(category, (merged.get(category) ?? 0) + rows);
  }
  const ordered = byFrequency(merged);
  const most = keptCategories(ordered.map(([category]) => category));
  const forgotten = counts.present - invalid - ordered.reduce((sum, [, rows]) => sum + rows, 0);
  return {
    subject: {
      subjectKind,
      subject,
      kind: "categorical",
      edges: [],
      ...categoricalBins(ordered, most, forgotten),
      means: [],
      n: counts.rows,
      missing: counts.rows - counts.present,
      invalid,
      ...NO_MOMENTS,
    },
    tail: found.length > MOST_REMEMBERED ? [] : ordered.slice(most).map(([category]) => category),
  };
}

/** How many of the categories, the most frequent first, get a bin. */
function keptCategories(categories: readonly string[]): number {
  let characters = 0;
  let kept = 0;
  for (const category of categories.slice(0, MOST_CATEGORIES)) {
    characters += category.length;
    if (characters > MOST_CHARACTERS) break;
    kept++;
  }
  return kept;
}
