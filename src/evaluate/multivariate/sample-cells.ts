/**
 * SQL of the cells of a sampled row: one number a feature, by the same rule for the rows of a window and for those of a reference, or a
 * model would drift from itself.
 */
import type { RowSample, SampledColumn } from "../../core/row-sample.ts";
import type { ReferenceSubject } from "../../core/summary.ts";
import { join, type Sql, sql } from "../../store/sql.ts";
import { categoryPlace, rounded, subjectColumn, textOrEmpty } from "../value-expressions.ts";

/** Categories of a feature that are told apart, the most frequent of the reference; all others share one place. */
const MOST_CATEGORIES = 50;
/** Characters that the categories of all features have together: they stand in the statement. */
const MOST_CHARACTERS = 60_000;

export type SampledFeature = Pick<ReferenceSubject, "subject" | "kind" | "categories">;

/** The features of a reference that samples have columns for, with the categories that are told apart. */
export function sampledFeatures(subjects: readonly ReferenceSubject[]): SampledFeature[] {
  const features = subjects.filter(({ subjectKind }) => subjectKind === "feature");
  const room = MOST_CHARACTERS / Math.max(1, features.length);
  return features.map(({ subject, kind, categories }) => {
    let characters = 0;
    const listed = categories.slice(0, MOST_CATEGORIES).filter((category) => (characters += category.length) <= room);
    return { subject, kind, categories: listed };
  });
}

/** Where a feature's values lie. `number` and `text` take no account of `present`. */
export interface CellSource {
  readonly present: Sql;
  /** Float64, anything where it is absent. */
  readonly number: Sql;
  /** String, anything where it is absent. */
  readonly text: Sql;
}

/** Of a column of the predictions table. */
export function predictionCell({ subject, kind }: SampledFeature): CellSource {
  const { value } = subjectColumn({ subjectKind: "feature", subject, kind });
  return {
    present: sql`isNotNull(${value})`,
    number: kind === "numeric" ? sql`ifNull(${value}, 0)` : sql`0`,
    text: kind === "numeric" ? sql`''` : textOrEmpty(value),
  };
}

/** Array(Float64): of each feature its number, or the place of its category; NaN where it has none. */
export function cellsOf(features: readonly SampledFeature[], sourceOf: (feature: SampledFeature) => CellSource): Sql {
  return sql`CAST([${join(
    features.map((feature) => {
      const { present, number, text } = sourceOf(feature);
      const { kind, categories } = feature;
      if (kind === "numeric") return sql`if(${present}, ${rounded(number)}, nan)`;
      const place = categoryPlace(categories, text, sql`toUInt64(${categories.length})`);
      return sql`if(${present}, toFloat64(${place}), nan)`;
    }),
  )}] AS Array(Float64))`;
}

/** A row as it is read: NaN comes as null. */
export interface ReadRow {
  readonly hash: number;
  readonly cells: readonly (number | null)[];
}

/** Rows as columns. `of`: how many they were drawn from. */
export function sampleOf(
  features: readonly { readonly subject: string; readonly kind: SampledColumn["kind"] }[],
  rows: readonly ReadRow[],
  of: number,
): RowSample {
  return {
    of,
    hashes: Uint32Array.from(rows, ({ hash }) => hash),
    columns: features.map(({ subject, kind }, at) => ({
      name: subject,
      kind,
      values: Float64Array.from(rows, ({ cells }) => cells[at] ?? Number.NaN),
    })),
  };
}
