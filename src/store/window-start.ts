/** Which window a row belongs to, as SQL. */
import { evenStretches, type WindowGrid } from "../core/window-grid.ts";
import { join, type Sql, sql } from "./sql.ts";

/** Milliseconds since 1970 as Int64, so that all branches of a condition are of one type. */
const int64 = (value: number): Sql => sql`toInt64(${value})`;

/**
 * Start of the window that a time falls into, Int64 ms. Where windows are of different lengths their starts stand in the statement: the engine's
 * own time zone database may be of another year than that of this process.
 *
 * @param at Int64 ms
 * @param span which `at` must lie in; of rows outside the start is not one of the span's windows, or not theirs
 */
export function windowStart(grid: WindowGrid, at: Sql, span: { readonly from: number; readonly to: number }): Sql {
  if (grid.isRegular) return sql`intDiv(${at}, ${grid.ms}) * ${grid.ms}`;
  const stretches = evenStretches(grid, span);
  const within = ({ start, ms }: { readonly start: number; readonly ms: number }) =>
    sql`intDiv(${at} - ${int64(start)}, ${int64(ms)}) * ${int64(ms)} + ${int64(start)}`;
  const branches = stretches.map((stretch, index) => {
    const next = stretches[index + 1];
    return next === undefined ? within(stretch) : sql`${at} < ${int64(next.start)}, ${within(stretch)}`;
  });
  return branches.length === 1 ? sql`(${join(branches)})` : sql`multiIf(${join(branches)})`;
}
