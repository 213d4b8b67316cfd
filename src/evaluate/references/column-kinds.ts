/** Whether a column of a reference is numeric or categorical, from what it holds. */
import { z } from "zod";
import type { FeatureKind } from "../../core/model-schema.ts";
import { join, sql } from "../../store/sql.ts";
import type { Lane } from "../../store/store.ts";
import { columnGroups } from "./column-groups.ts";
import { type ReferenceColumn, type ReferenceTable, withoutRows } from "./reference-table.ts";

/** Most distinct values of a number that is a code. */
const MOST_CODES = 20;
/** Rows that a code has on average at least. */
const ROWS_PER_CODE = 10;
/** Columns looked at in one statement. */
const COLUMNS_AT_ONCE = 50;

export interface ColumnCounts {
  readonly rows: number;
  readonly present: number;
  /** Values written as numbers. */
  readonly numeric: number;
  /** Values that are finite numbers, also as text. */
  readonly finite: number;
  readonly whole: number;
  /** Distinct whole numbers, counted up to 21. */
  readonly distinct: number;
}

const countsRow = z.object({
  rows: z.number(),
  counts: z.array(z.tuple([z.number(), z.number(), z.number(), z.number(), z.number()])),
});

/** @throws DriftlineError `reference_refused` where the file has no rows */
export async function countColumns(lane: Lane, table: ReferenceTable): Promise<Map<string, ColumnCounts>> {
  const found = new Map<string, ColumnCounts>();
  if (table.columns.length === 0) throw withoutRows(table.file);
  const items = table.columns.map((column) => ({ column }));
  for (const columns of columnGroups(items, { most: COLUMNS_AT_ONCE })) {
    const [row] = await lane.query(
      sql`SELECT count() AS rows, [${join(columns.map(({ column }) => columnCounts(column)))}] AS counts FROM ${columns[0].column.from}`,
      countsRow,
    );
    const rows = row?.rows ?? 0;
    if (rows === 0) throw withoutRows(table.file);
    for (const [index, { column }] of columns.entries()) {
      const [present = 0, numeric = 0, finite = 0, whole = 0, distinct = 0] = row?.counts[index] ?? [];
      found.set(column.name, { rows, present, numeric, finite, whole, distinct });
    }
  }
  return found;
}

function columnCounts({ present, numeric, number }: ReferenceColumn) {
  const finite = sql`${present} AND isFinite(ifNull(${number}, nan))`;
  const whole = sql`${finite} AND ${numeric} AND ifNull(${number}, 0.5) = round(ifNull(${number}, 0.5))`;
  return sql`(countIf(${present}), countIf(${present} AND ${numeric}), countIf(${finite}), countIf(${whole}), toUInt64(uniqUpToIf(21)(ifNull(${number}, 0), ${whole})))`;
}

/**
 * Text and booleans are categories. Numbers are numeric, but for whole numbers with few values that each occur often: those are
 * codes. Fractions stay numeric, since a value computed in 32 bits would be a new category.
 */
export function inferKind({ present, numeric, whole, distinct }: ColumnCounts): FeatureKind {
  if (present === 0 || numeric * 2 <= present) return "categorical";
  const codes = whole === numeric && distinct <= MOST_CODES && whole >= ROWS_PER_CODE * distinct;
  return codes ? "categorical" : "numeric";
}
