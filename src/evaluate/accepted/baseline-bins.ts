/** The bins of an accepted baseline, cut from the events since the drift began as a reference's are from its file. */
import { z } from "zod";
import type { ReferenceSubject } from "../../core/summary.ts";
import { type Sql, sql } from "../../store/sql.ts";
import type { Lane } from "../../store/store.ts";
import { keptRows, type Span } from "../kept-rows.ts";
import type { PreparedModel } from "../prepare-model.ts";
import { categoricalSubject, numericSubject } from "../references/reference-subjects.ts";
import type { ReferenceColumn } from "../references/reference-table.ts";
import { subjectColumn, textOrEmpty } from "../value-expressions.ts";
import type { BaselineBins } from "./accepted-baseline.ts";

/**
 * @param subject as in the reference: its kind holds on
 * @param where SQL over rows of predictions: which of them make it
 */
export async function cutBins(
  lane: Lane,
  prepared: PreparedModel,
  subject: ReferenceSubject,
  span: Span,
  where: Sql,
): Promise<BaselineBins> {
  const { value, invalid } = subjectColumn(subject);
  const rows = await keptRows(lane, prepared.dedupe, span);
  const from = sql`(SELECT ${value} AS accepted_value, ${invalid} AS accepted_invalid FROM (${rows}) WHERE ${where})`;
  const number =
    subject.kind === "numeric" ? sql`CAST(accepted_value AS Nullable(Float64))` : sql`CAST(NULL AS Nullable(Float64))`;
  const column: ReferenceColumn = {
    name: subject.subject,
    from,
    present: sql`isNotNull(accepted_value)`,
    text: sql`CAST(${textOrEmpty(sql`accepted_value`)} AS Nullable(String))`,
    number,
    numeric: sql`true`,
  };
  const [counted] = await lane.query(
    sql`SELECT count() AS rows, countIf(${column.present}) AS present, countIf(${column.present} AND isFinite(ifNull(${number}, nan))) AS finite,
        countIf(NOT ${column.present} AND accepted_invalid) AS invalid FROM ${from}`,
    z.object({ rows: z.number(), present: z.number(), finite: z.number(), invalid: z.number() }),
  );
  const { rows: n = 0, present = 0, finite = 0, invalid: broken = 0 } = counted ?? {};
  const counts = { rows: n, present, finite, numeric: finite, whole: 0, distinct: 0 };
  const place = { lane, column, counts, subjectKind: subject.subjectKind, subject: subject.subject };
  const found = subject.kind === "numeric" ? await numericSubject(place) : await categoricalSubject(place, false);
  const { missing, invalid: odd, ...rest } = found.subject;
  return { subject: { ...rest, missing: missing - broken, invalid: odd + broken }, tail: found.tail };
}
