/** Times that lie close together, taken together: one late event of last year must not make a statement read the whole year. */
import { join, type Sql, sql, time } from "../store/sql.ts";

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

/** Ranges of a condition at most; more are drawn together. */
const MOST_RANGES = 100;

/**
 * Rows whose timestamp lies in one of the panes, or between two that are close together: as few ranges as may be, so that the primary key
 * prunes. For statements that say otherwise which rows are meant: to name tens of thousands of scattered panes would make a
 * statement longer than the engine reads.
 */
export function nearPanes(panes: readonly number[], pane: number): Sql {
  let reach = pane;
  let runs = runsOf(panes, reach);
  while (runs.length > MOST_RANGES) runs = runsOf(panes, (reach *= 4));
  if (runs.length === 0) return sql`false`;
  const ranges = runs.map(
    (run) => sql`(timestamp >= ${time(run[0] ?? 0)} AND timestamp < ${time((run[run.length - 1] ?? 0) + pane)})`,
  );
  return sql`(${join(ranges, " OR ")})`;
}
