/** The reference of one subject from a column of the file: its edges or categories, and the rows that each bin holds. */
import { z } from "zod";
import { classLabel } from "../../core/class-label.ts";
import type { ReferenceSubject, SubjectKind } from "../../core/summary.ts";
import { byFrequency, categoricalBins } from "../../math/categorical-bins.ts";
import { cutIndices, numericEdges } from "../../math/numeric-edges.ts";
import { join, name, type Sql, sql } from "../../store/sql.ts";
import type { Lane } from "../../store/store.ts";
import { numericBin, rounded, textOrEmpty } from "../value-expressions.ts";
import { columnGroups } from "./column-groups.ts";
import type { ColumnCounts } from "./column-kinds.ts";
import { deviationOf, fixedScale, meanOf } from "./exact-moments.ts";
import type { ReferenceColumn } from "./reference-table.ts";

/** Categories that get a bin of their own. */
export const MOST_CATEGORIES = 500;
/** Characters that these have together: they stand in SQL statements. */
const MOST_CHARACTERS = 40_000;
/** Columns read by one statement, and cells of them: their values are sorted in memory. */
const COLUMNS_AT_ONCE = 50;
const CELLS_AT_ONCE = 20_000_000;
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

export async function numericSubject(place: Place): Promise<LoadedSubject> {
  const [found] = await numericSubjects(place.lane, [place]);
  if (found === undefined) throw new TypeError("A column gave no subject");
  return found;
}

/** In their order; columns that are read from one place are read together. */
export async function numericSubjects(lane: Lane, places: readonly Place[]): Promise<LoadedSubject[]> {
  const found = new Map<Place, LoadedSubject>();
  for (const place of places)
    if (place.counts.finite === 0) found.set(place, { subject: withoutValues(place), tail: [] });
  const rows = Math.max(1, ...places.map(({ counts }) => counts.rows));
  const most = Math.max(1, Math.min(COLUMNS_AT_ONCE, Math.floor(CELLS_AT_ONCE / rows)));
  const filled = places.filter(({ counts }) => counts.finite > 0);
  for (const group of columnGroups(filled, { most })) {
    const subjects = await subjectsOfGroup(lane, group);
    for (const [index, subject] of subjects.entries()) {
      const place = group[index];
      if (place !== undefined) found.set(place, { subject, tail: [] });
    }
  }
  return places.flatMap((place) => found.get(place) ?? []);
}

const baseOf = ({ counts, subjectKind, subject }: Place) => ({
  subjectKind,
  subject,
  kind: "numeric" as const,
  categories: [],
  n: counts.rows,
  missing: counts.rows - counts.present,
  invalid: counts.present - counts.finite,
});

const withoutValues = (place: Place): ReferenceSubject => ({
  ...baseOf(place),
  edges: [],
  bins: [0],
  means: [0],
  ...NO_MOMENTS,
});

async function subjectsOfGroup(lane: Lane, group: readonly [Place, ...Place[]]): Promise<ReferenceSubject[]> {
  const cuts = await readCuts(lane, group);
  const plans = group.map((place, index) => ({ place, ...cutsOf(place.counts.finite, cuts[index] ?? []) }));
  const sums = await readBinSums(lane, group[0].column.from, plans);
  return plans.map(({ place, edges, minimum, maximum, scale }, index) => {
    const bins = Array.from({ length: edges.length + 1 }, () => 0);
    const means = Array.from({ length: edges.length + 1 }, () => 0);
    let s1 = 0n;
    let s2 = 0n;
    for (const row of sums.get(index) ?? []) {
      bins[row.bin] = row.rows;
      means[row.bin] = meanOf({ n: row.rows, s1: BigInt(row.s1), scale });
      s1 += BigInt(row.s1);
      s2 += BigInt(row.s2);
    }
    const n = place.counts.finite;
    return {
      ...baseOf(place),
      edges,
      bins,
      means,
      mean: meanOf({ n, s1, scale }),
      standardDeviation: deviationOf({ n, s1, s2, scale }),
      minimum,
      maximum,
    };
  });
}

/** 0 where there is none: what is no number cannot be rounded. */
const valueOf = ({ column: { number } }: Place): Sql =>
  rounded(sql`if(isFinite(ifNull(${number}, nan)), ifNull(${number}, 0), 0)`);
const isValue = ({ column }: Place): Sql => sql`${column.present} AND isFinite(ifNull(${column.number}, nan))`;

/** Places of the sorted values that the edges look at, from 1. */
const cutPlaces = (n: number): number[] => [...new Set([...cutIndices(n), Math.min(2, n)])];

/** By column, the values at `cutPlaces`. */
async function readCuts(lane: Lane, group: readonly [Place, ...Place[]]): Promise<readonly (readonly number[])[]> {
  const sorted = group.map(
    (place, index) => sql`arraySort(groupArrayIf(${valueOf(place)}, ${isValue(place)})) AS ${name(`s${index}`)}`,
  );
  const picked = group.map(
    ({ counts }, index) => sql`arrayMap(i -> ${name(`s${index}`)}[i], ${cutPlaces(counts.finite)})`,
  );
  const [row] = await lane.query(
    sql`SELECT [${join(picked)}] AS cuts FROM (SELECT ${join(sorted)} FROM ${group[0].column.from})`,
    z.object({ cuts: z.array(z.array(z.number())) }),
  );
  return row?.cuts ?? [];
}

function cutsOf(n: number, cuts: readonly number[]) {
  // The edges look at these places of the sorted values alone, so the others stay holes.
  const sorted: number[] = [];
  sorted.length = n;
  for (const [at, index] of cutPlaces(n).entries()) sorted[index - 1] = cuts[at] ?? 0;
  const edges = numericEdges(sorted);
  const minimum = sorted[0] ?? 0;
  const maximum = sorted[n - 1] ?? 0;
  return { edges, minimum, maximum, scale: fixedScale(Math.max(Math.abs(minimum), Math.abs(maximum))) };
}

const sumsRow = z.object({ place: z.number(), bin: z.number(), rows: z.number(), s1: z.string(), s2: z.string() });

/** Rows and exact sums of each bin, by the column's place in the group. */
async function readBinSums(
  lane: Lane,
  from: Sql,
  plans: readonly { readonly place: Place; readonly edges: readonly number[]; readonly scale: number }[],
): Promise<Map<number, z.output<typeof sumsRow>[]>> {
  const cells = plans.map(({ place, edges, scale }, index) => {
    const value = valueOf(place);
    return sql`(${index}, ${isValue(place)}, toUInt32(${numericBin(edges, value)}), toInt256(round(${value} * ${scale})))`;
  });
  const rows = await lane.query(
    sql`SELECT cell.1 AS place, cell.3 AS bin, count() AS rows, toString(sum(cell.4)) AS s1, toString(sum(cell.4 * cell.4)) AS s2
      FROM (SELECT arrayJoin([${join(cells)}]) AS cell FROM ${from}) WHERE cell.2 GROUP BY place, bin ORDER BY place, bin`,
    sumsRow,
  );
  const found = new Map<number, z.output<typeof sumsRow>[]>();
  for (const row of rows) {
    const list = found.get(row.place) ?? [];
    list.push(row);
    found.set(row.place, list);
  }
  return found;
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
