/** Which column of a reference file holds a subject, and which the value that a segment goes by. */
import type { ModelConfig } from "../../config/schema.ts";
import type { ReferenceSubject } from "../../core/summary.ts";
import { type Sql, sql } from "../../store/sql.ts";
import type { ReferenceColumn } from "./reference-table.ts";

export function columnOfSubject(
  { subjectKind, subject }: Pick<ReferenceSubject, "subjectKind" | "subject">,
  reference: NonNullable<ModelConfig["reference"]>,
): string {
  if (subjectKind === "prediction") return reference.prediction;
  return subjectKind === "score" ? reference.score : subject;
}

/** A feature lies in its own column; a key of the events' segments in `segments.KEY`, or in KEY where the file has no such column. */
export const columnNamesOfDimension = ({
  name,
  of,
}: {
  readonly name: string;
  readonly of: "feature" | "segments";
}): string[] => (of === "feature" ? [name] : [`segments.${name}`, name]);

/** The text of a column, '' where there is none. */
export const presentText = ({ present, text }: ReferenceColumn): Sql => sql`if(${present}, ifNull(${text}, ''), '')`;
