/** The bin that a row of a reference file falls into, as one number: for samples of whole rows, and for counts in the order of time. */
import type { ReferenceConfig } from "../../config/references.ts";
import type { ReferenceSubject } from "../../core/summary.ts";
import { join, type Sql, sql } from "../../store/sql.ts";
import { categoryPlace, numericBin, rounded, textOrEmpty } from "../value-expressions.ts";
import { columnOfSubject } from "./reference-columns.ts";
import type { ReferenceColumn } from "./reference-table.ts";

/** Code of a value that is not there; one more is an invalid one. */
export const missingCode = (subject: ReferenceSubject): number => subject.bins.length;

/** The bin of the subject's reference, else *missing* or *invalid*. */
export function binCode({ present, number, text }: ReferenceColumn, subject: ReferenceSubject): Sql {
  const missing = missingCode(subject);
  if (subject.kind === "numeric") {
    const bin = numericBin(subject.edges, rounded(sql`ifNull(${number}, 0)`));
    return sql`multiIf(NOT (${present}), ${missing}, NOT isFinite(ifNull(${number}, nan)), ${missing + 1}, ${bin})`;
  }
  const { categories } = subject;
  const place = categoryPlace(categories, textOrEmpty(text), sql`toUInt64(${categories.length})`);
  return sql`if(${present}, ${place}, ${missing})`;
}

/** A subject and the column that it is read from. */
export interface BinnedColumn {
  readonly subject: ReferenceSubject;
  readonly column: ReferenceColumn;
}

/** Of the subjects whose column the reference has. */
export function binnedColumns(
  subjects: readonly ReferenceSubject[],
  reference: ReferenceConfig,
  columns: ReadonlyMap<string, ReferenceColumn>,
): BinnedColumn[] {
  return subjects.flatMap((subject) => {
    const column = columns.get(columnOfSubject(subject, reference));
    return column === undefined ? [] : [{ subject, column }];
  });
}

/** Each row once for each column: (place of the column, its bin), UInt32 both. */
export const cellsOf = (columns: readonly BinnedColumn[]): Sql =>
  sql`arrayJoin([${join(columns.map(({ subject, column }, place) => sql`(toUInt32(${place}), toUInt32(${binCode(column, subject)}))`))}])`;

/** Characters that the code of a column adds to a statement, about. */
export const codeCharacters = ({ subject: { categories, edges } }: BinnedColumn): number =>
  500 + categories.join().length + 4 * categories.length + 25 * edges.length;
