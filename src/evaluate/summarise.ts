/**
 * Rows into summaries, in SQL: one statement counts every subject of many panes at once. A pane of time and a window by number of
 * events go through the same SELECT; they differ in which rows they take and how these are told apart.
 */
import { z } from "zod";
import { type ReferenceSubject, type SubjectKind, subjectKinds } from "../core/summary.ts";
import { join, name, type Sql, sql } from "../store/sql.ts";
import type { Lane } from "../store/store.ts";
import type { PreparedModel } from "./prepare-model.ts";
import { subjectKey } from "./references/load-reference.ts";
import { categoricalBins, momentScale, numericBins, rounded, subjectColumn, textOrEmpty } from "./value-expressions.ts";

/** Subjects of one statement: each has an aggregate state per group. */
const SUBJECTS_AT_ONCE = 60;
/** Characters of the subjects' part of a statement, about: the engine reads statements up to 262,144. */
const CHARACTERS_AT_ONCE = 100_000;
/** Rows from which a thread of its own is worth it. The engine's default, 163,840, is for cheaper rows: it left one thread to do nearly all of it. */
const ROWS_OF_A_THREAD = 20_000;
/** New category values kept by name, the most frequent first. */
const NEW_VALUES = 20;
/** A tail up to this many characters is written into the statement; a longer one is looked up in the store. */
const LONGEST_LITERAL_TAIL = 20_000;

export interface Slices {
  /** Kept rows. */
  readonly from: Sql;
  /** Int64 milliseconds: start of the slice that a row belongs to. */
  readonly key: Sql;
  /** Which rows take part. */
  readonly where: Sql;
  /** String: the segment that a row is counted to; left out: the whole. */
  readonly segment?: Sql;
  /** Left out: all that are summarised. */
  readonly subjects?: readonly ReferenceSubject[];
}

/** Subjects that have bins and are summarised from predictions; labels are summarised where they are joined. */
export function summarisedSubjects(prepared: PreparedModel): readonly ReferenceSubject[] {
  return (prepared.reference?.subjects ?? []).filter((subject) => subject.subjectKind !== "label");
}

/** Subjects that have shown new categories: only for them are those kept by name, which costs as much as all the rest. */
const newcomers = new WeakMap<PreparedModel, Set<string>>();

/**
 * Writes the summaries of the slices; returns the revision that they have, `revision` or the next. They count once the ledger says so.
 */
export async function writeSummaries(
  lane: Lane,
  prepared: PreparedModel,
  pane: string,
  slices: Slices,
  revision: number,
): Promise<number> {
  const known = newcomers.get(prepared) ?? new Set<string>();
  newcomers.set(prepared, known);
  await insertSummaries(lane, prepared, pane, slices, revision);
  const more = await subjectsWithNew(lane, prepared, pane, revision, known);
  if (more.length === 0) return revision;
  for (const subject of more) known.add(subject);
  await insertSummaries(lane, prepared, pane, slices, revision + 1);
  return revision + 1;
}

/** Keys of categorical subjects whose rows of this revision hold new categories that were not kept by name. */
async function subjectsWithNew(
  lane: Lane,
  prepared: PreparedModel,
  pane: string,
  revision: number,
  known: ReadonlySet<string>,
): Promise<string[]> {
  const candidates = summarisedSubjects(prepared).filter(
    (subject) => namesNew(subject) && !known.has(subjectKey(subject)),
  );
  if (candidates.length === 0) return [];
  const places = candidates.map((subject) => sql`(${subject.subjectKind}, ${subject.subject})`);
  const rows = await lane.query(
    sql`SELECT DISTINCT subject_kind, subject FROM pane_summaries WHERE model = ${prepared.config.name} AND reference_id = ${prepared.referenceId} AND pane = ${pane}
      AND revision = ${revision} AND bins[-1] > 0 AND empty(new_values) AND (subject_kind, subject) IN (${join(places)})`,
    z.object({ subject_kind: z.enum(subjectKinds), subject: z.string() }),
  );
  return rows.map((row) => subjectKey({ subjectKind: row.subject_kind, subject: row.subject }));
}

/** Writes the summaries of the slices under this revision. */
export async function insertSummaries(
  lane: Lane,
  prepared: PreparedModel,
  pane: string,
  slices: Slices,
  revision: number,
): Promise<void> {
  const segment = slices.segment === undefined ? sql`` : sql`, ${slices.segment} AS row_segment`;
  const grouped = slices.segment === undefined ? sql`''` : sql`row_segment`;
  for (const [at, some] of statements(slices.subjects ?? summarisedSubjects(prepared)).entries()) {
    const tuples = some.map((subject, index) => subjectTuple(prepared, subject, index));
    if (at === 0) tuples.unshift(modelTuple());
    await lane.command(sql`INSERT INTO pane_summaries (model, pane, subject_kind, subject, reference_id, version, variant, segment, pane_start, revision,
        n, missing, invalid, bins, s1, s2, minimum, maximum, new_values)
      SETTINGS async_insert = 0, max_partitions_per_insert_block = 0, merge_tree_min_rows_for_concurrent_read = ${ROWS_OF_A_THREAD}, merge_tree_min_bytes_for_concurrent_read = 0
      SELECT ${prepared.config.name}, ${pane}, t.1, t.2, ${prepared.referenceId}, version, variant, segment, fromUnixTimestamp64Milli(slice, 'UTC'), ${revision},
        rows, t.4, t.5, t.3, t.6, t.7, t.8, t.9, t.10
      FROM (SELECT slice, version, variant, ${grouped} AS segment, count() AS rows, [${join(tuples)}] AS ts
        FROM (SELECT ${slices.key} AS slice, version, variant${segment}${join(some.map(subjectColumns), "")} FROM (${slices.from}) WHERE ${slices.where})
        GROUP BY slice, version, variant${slices.segment === undefined ? sql`` : sql`, row_segment`}) ARRAY JOIN ts AS t`);
  }
}

/** The subjects of each statement; the first is made even where there are none, for the model's own counts. */
function statements(subjects: readonly ReferenceSubject[]): (readonly ReferenceSubject[])[] {
  const all: ReferenceSubject[][] = [[]];
  let characters = 0;
  for (const subject of subjects) {
    const length =
      1000 + 2 * (subject.categories.join().length + 4 * subject.categories.length) + 40 * subject.edges.length;
    const last = all[all.length - 1];
    if (
      last !== undefined &&
      (last.length === 0 || (last.length < SUBJECTS_AT_ONCE && characters + length <= CHARACTERS_AT_ONCE))
    )
      last.push(subject);
    else {
      all.push([subject]);
      characters = 0;
    }
    characters += length;
  }
  return all;
}

function modelTuple(): Sql {
  return sql`('model', 'model', CAST([] AS Array(UInt32)), toUInt64(0), toUInt64(0), toInt128(0), toInt256(0), CAST(NULL AS Nullable(Float64)), CAST(NULL AS Nullable(Float64)), CAST(map() AS Map(String, UInt32)))`;
}

/** The columns that a subject's counts are made from, named once so that the engine has less to analyse: value, presence, invalid. */
function subjectColumns(subject: ReferenceSubject, index: number): Sql {
  const { value, invalid } = subjectColumn(subject);
  const present = sql`isNotNull(${value})`;
  const plain = subject.kind === "numeric" ? rounded(sql`ifNull(${value}, 0)`) : textOrEmpty(value);
  const { value: v, present: p, invalid: i } = columnsOf(index);
  const whole = sql`if(${present}, toInt64(round(least(greatest(${v} * ${momentScale(subject)}, -1e18), 1e18))), toInt64(0)) AS ${columnsOf(index).whole}`;
  return sql`, ${plain} AS ${v}, ${present} AS ${p}, ${invalid} AS ${i}${subject.kind === "numeric" ? sql`, ${whole}` : sql``}`;
}

const columnsOf = (index: number) => ({
  value: name(`v${index}`),
  present: name(`p${index}`),
  invalid: name(`i${index}`),
  whole: name(`w${index}`),
});

/** (kind, name, bins, missing, invalid, s1, s2, minimum, maximum, new values). */
function subjectTuple(prepared: PreparedModel, subject: ReferenceSubject, index: number): Sql {
  const { value, present, invalid, whole } = columnsOf(index);
  const counts = sql`countIf(NOT ${present} AND NOT ${invalid}), countIf(NOT ${present} AND ${invalid})`;
  if (subject.kind === "numeric") {
    return sql`(${subject.subjectKind}, ${subject.subject}, ${numericBins(subject.edges, value, present)}, ${counts},
      sum(toInt128(${whole})), sum(toInt256(toInt128(${whole}) * toInt128(${whole}))), minOrNullIf(${value}, ${present}), maxOrNullIf(${value}, ${present}), CAST(map() AS Map(String, UInt32)))`;
  }
  const inTail = tailCondition(prepared, subject, value);
  const named = namesNew(subject) && newcomers.get(prepared)?.has(subjectKey(subject)) === true;
  return sql`(${subject.subjectKind}, ${subject.subject}, ${categoricalBins(subject.categories, value, present, inTail)}, ${counts},
    toInt128(0), toInt256(0), CAST(NULL AS Nullable(Float64)), CAST(NULL AS Nullable(Float64)), ${named ? newValues(subject, value, present) : sql`CAST(map() AS Map(String, UInt32))`})`;
}

/** null where every value without a bin is new. */
function tailCondition(prepared: PreparedModel, subject: ReferenceSubject, text: Sql): Sql | null {
  const tailRows = subject.bins[subject.categories.length] ?? 0;
  if (tailRows === 0) return null;
  const tail = prepared.reference?.tails.get(subjectKey(subject));
  // Too many to remember: what has no bin of its own can't be told from new, and counts as seen.
  if (tail === undefined) return sql`true`;
  if (tail.join().length + 4 * tail.length <= LONGEST_LITERAL_TAIL) return sql`has(${tail}, ${text})`;
  return sql`(${text} IN (SELECT arrayJoin(categories) FROM \`references\` FINAL WHERE model = ${prepared.config.name} AND reference_id = ${prepared.referenceId}
    AND subject_kind = 'tail' AND subject = ${subjectKey(subject)}))`;
}

/** Whether new categories are kept by name: not for ids and the like, where nearly every value is new. */
const namesNew = ({ kind, categories, bins }: ReferenceSubject): boolean =>
  kind === "categorical" && categories.length > 0 && (bins[categories.length] ?? 0) === 0;

/** The most frequent new values by name. */
function newValues(subject: ReferenceSubject, text: Sql, present: Sql): Sql {
  const isNew = sql`${present} AND NOT has(${subject.categories}, ${text})`;
  const counted = sql`CAST(sumMapIf(map(left(${text}, 200), toUInt64(1)), ${isNew}) AS Array(Tuple(String, UInt64)))`;
  return sql`CAST(CAST(arraySlice(arraySort(p -> (-toInt64(p.2), p.1), ${counted}), 1, ${NEW_VALUES}) AS Map(String, UInt64)) AS Map(String, UInt32))`;
}

/** The summary of one subject in one slice of one version and variant. */
export interface StoredSummary {
  readonly slice: number;
  readonly subjectKind: SubjectKind;
  readonly subject: string;
  readonly version: string;
  readonly variant: string;
  readonly n: number;
  readonly missing: number;
  readonly invalid: number;
  readonly bins: readonly number[];
  /** Sum of round(x * scale), as text: it may exceed a double. */
  readonly s1: string;
  /** The same of its square; left out of labels. */
  readonly s2?: string;
  readonly minimum: number | null;
  readonly maximum: number | null;
  /** New categories by name, the most frequent first, where they are kept. */
  readonly new_values?: readonly (readonly [string, number])[];
}

const stored = z.object({
  slice: z.number(),
  subject_kind: z.enum(subjectKinds),
  subject: z.string(),
  version: z.string(),
  variant: z.string(),
  n: z.number(),
  missing: z.number(),
  invalid: z.number(),
  bins: z.array(z.number()),
  s1: z.string(),
  s2: z.string(),
  new_values: z.array(z.tuple([z.string(), z.number()])),
  minimum: z.number().nullable(),
  maximum: z.number().nullable(),
});

/** Merges summaries by `key` (Int64 ms over pane_start). `where` picks the rows, of newest revisions only. */
export async function mergedSummaries(lane: Lane, key: Sql, where: Sql): Promise<StoredSummary[]> {
  const rows = await lane.query(
    sql`SELECT ${key} AS slice, subject_kind, subject, version, variant, sum(n) AS n, sum(missing) AS missing, sum(invalid) AS invalid, sumForEach(bins) AS bins,
        toString(sum(s1)) AS s1, toString(sum(s2)) AS s2, min(minimum) AS minimum, max(maximum) AS maximum,
        arraySlice(arraySort(p -> (-toInt64(p.2), p.1), CAST(sumMapIf(new_values, notEmpty(new_values)) AS Array(Tuple(String, UInt64)))), 1, ${NEW_VALUES}) AS new_values
      FROM (SELECT pane_start, subject_kind, subject, version, variant, n, missing, invalid, bins, s1, s2, minimum, maximum, new_values FROM pane_summaries WHERE ${where})
      GROUP BY slice, subject_kind, subject, version, variant ORDER BY slice, version, variant, subject_kind, subject`,
    stored,
  );
  return rows.map(({ subject_kind, ...row }) => ({ ...row, subjectKind: subject_kind }));
}
