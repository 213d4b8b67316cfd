/** Times that lie close together, taken together: one late event of last year must not make a statement read the whole year. */
import { join, list, type Sql, sql, time } from "../store/sql.ts";

/** Ascending groups of starts, no two neighbours of which lie more than `reach` milliseconds apart. */
export function runsOf(starts: Iterable<number>, reach: number): number[][] {
  const runs: number[][] = [];
  let last = Number.NaN;
  for (const start of [...new Set(starts)].sort((a, b) => a - b)) {
    const run = runs[runs.length - 1];
    if (run !== undefined && start - last <= reach) run.push(start);
    else runs.push([start]);
    last = start;
  }
  return runs;
}

/** Ranges of a condition at most; more are drawn together, and their panes are named. */
const MOST_RANGES = 100;

/** Rows whose timestamp lies in one of the panes: as few ranges as may be, so that the primary key prunes. */
export function withinPanes(panes: Iterable<number>, pane: number): Sql {
  const exact = runsOf(panes, pane);
  if (exact.length === 0) return sql`false`;
  const range = (run: readonly number[]) =>
    sql`(timestamp >= ${time(run[0] ?? 0)} AND timestamp < ${time((run[run.length - 1] ?? 0) + pane)})`;
  if (exact.length <= MOST_RANGES) return sql`(${join(exact.map(range), " OR ")})`;
  let reach = pane;
  let wide = exact;
  while (wide.length > MOST_RANGES) wide = runsOf(panes, (reach *= 4));
  return sql`(${join(wide.map(range), " OR ")}) AND intDiv(toUnixTimestamp64Milli(timestamp), ${pane}) * ${pane} IN ${list(exact.flat())}`;
}
