/**
 * SQL that turns a value into the bin it falls into. One place for both sides: the rows of a window and the rows of a
 * reference must be binned by the same rule, or a model would drift from itself.
 */

import type { FeatureKind, Task } from "../core/model-schema.ts";
import type { ReferenceSubject } from "../core/summary.ts";
import { featureColumn } from "../store/model-tables.ts";
import { name, type Sql, sql } from "../store/sql.ts";

const LARGEST_FLOAT32 = 3.4028234663852886e38;

/** A number rounded to 32 bits: a service that computes in 32 bits must not drift by its last digits. Takes no NULL. */
export const rounded = (value: Sql): Sql =>
  sql`toFloat64(toFloat32(least(greatest(${value}, ${-LARGEST_FLOAT32}), ${LARGEST_FLOAT32})))`;

/** The bin of one number: how many edges lie below it. `value` is rounded and not NULL. */
export const numericBin = (edges: readonly number[], value: Sql): Sql =>
  sql`arrayCount(e -> e < ${value}, CAST(${edges} AS Array(Float64)))`;

/** The place of one category among those listed, UInt64; `unlisted` for others. `value` is a String. */
export const categoryPlace = (categories: readonly string[], value: Sql, unlisted: Sql): Sql =>
  categories.length === 0
    ? unlisted
    : sql`transform(${value}, ${categories}, range(${categories.length}), ${unlisted})`;

/** A nullable value as text, '' for NULL. */
export const textOrEmpty = (value: Sql): Sql => sql`ifNull(CAST(${value} AS Nullable(String)), '')`;

/** Number of edges below x (x on an edge falls left), as `edges.length` minus the number of edges that are x or more. */
export function numericBins(edges: readonly number[], value: Sql, present: Sql): Sql {
  const bins = edges.length + 1;
  const negated = [Number.NEGATIVE_INFINITY, ...edges.map((edge) => -edge).reverse()];
  // roundDown gives the greatest negated edge at or below -x; transform turns it into its place by one hash look-up.
  const place = sql`transform(roundDown(-${value}, ${negated}), ${negated}, range(${bins}), toUInt64(0))`;
  return sql`CAST(arrayReverse(countResample(0, ${bins}, 1)(if(${present}, ${place}, toUInt64(${bins + 8})))) AS Array(UInt32))`;
}

/** Bins of a category: the listed ones, then tail (seen in the reference, not listed), then new. `inTail` is null where there is no tail. */
export function categoricalBins(categories: readonly string[], value: Sql, present: Sql, inTail: Sql | null): Sql {
  const known = categories.length;
  const unknown =
    inTail === null ? sql`toUInt64(${known + 1})` : sql`if(${inTail}, toUInt64(${known}), toUInt64(${known + 1}))`;
  const place = categoryPlace(categories, value, unknown);
  return sql`CAST(countResample(0, ${known + 2}, 1)(if(${present}, ${place}, toUInt64(${known + 9}))) AS Array(UInt32))`;
}

/** Where the values of a subject lie in a predictions table. */
export interface SubjectColumn {
  /** The nullable value. */
  readonly value: Sql;
  /** True where the event held something that is no value of this kind. */
  readonly invalid: Sql;
}

/** `prediction` is a class for classification and a number for regression. */
export function subjectColumn(subject: Pick<ReferenceSubject, "subjectKind" | "subject" | "kind">): SubjectColumn {
  if (subject.subjectKind === "feature")
    return { value: name(featureColumn(subject.subject)), invalid: sql`has(invalid, ${subject.subject})` };
  if (subject.subjectKind === "score") return { value: sql`score`, invalid: sql`has(invalid, 'score')` };
  if (subject.subjectKind === "attribution") {
    const value = sql`attributions[${subject.subject}]`;
    const present = sql`mapContains(attributions, ${subject.subject}) AND isFinite(${value})`;
    return { value: sql`if(${present}, CAST(${value} AS Nullable(Float64)), NULL)`, invalid: sql`false` };
  }
  const column = subject.subjectKind === "label" ? "label" : "prediction";
  if (subject.kind === "numeric") return { value: name(column), invalid: sql`false` };
  return { value: sql`nullIf(CAST(${name(`${column}_text`)} AS String), '')`, invalid: sql`false` };
}

/** Kind of the subjects `prediction` and `label` of a task. */
export const outcomeKind = (task: Task): FeatureKind => (task === "regression" ? "numeric" : "categorical");

/**
 * The power of two by which a subject's numbers are multiplied before they are summed as whole numbers: about a millionth of a
 * standard deviation is kept, and the sum is the same in any order of rows, which a sum of floats is not.
 */
export function momentScale(subject: Pick<ReferenceSubject, "standardDeviation" | "minimum" | "maximum">): number {
  const magnitude = subject.standardDeviation || Math.max(Math.abs(subject.minimum), Math.abs(subject.maximum)) || 1;
  return 2 ** (20 - Math.ceil(Math.log2(magnitude)));
}
