/** The bin that a row of a reference file falls into, as one number: for samples of whole rows, and for counts in the order of time. */
import type { ReferenceSubject } from "../../core/summary.ts";
import { type Sql, sql } from "../../store/sql.ts";
import { categoryPlace, numericBin, rounded, textOrEmpty } from "../value-expressions.ts";
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
