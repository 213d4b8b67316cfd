/**
 * The predictions that count: of copies of one prediction (same id, version and variant) with one timestamp the row of the greatest
 * position, and none that has an earlier copy within `dedupe_within`. A rule over what is stored, so it does not matter which copy
 * came first, nor which panes are looked at together.
 */
import { z } from "zod";
import { predictionsTable } from "../store/model-tables.ts";
import { join, name, type Sql, sql, time } from "../store/sql.ts";
import type { Lane } from "../store/store.ts";
import { runsOf, withinPanes } from "./pane-runs.ts";

/** Event time from `from` (inclusive) to `to` (exclusive), ms. */
export interface Span {
  readonly from: number;
  readonly to: number;
}

export interface DedupeOptions {
  readonly model: string;
  /** Milliseconds; 0: only equal timestamps are copies. */
  readonly dedupeWithin: number;
  /** Length of a pane, ms. */
  readonly pane: number;
  /** By pane, whether it holds later copies, as of when it was last summarised: saves asking again for windows made of such panes. */
  readonly memory: Map<number, boolean>;
}

/** Panes remembered; beyond that all are forgotten and asked for again. */
const MOST_REMEMBERED = 200_000;

export const withinSpan = ({ from, to }: Span): Sql => sql`timestamp >= ${time(from)} AND timestamp < ${time(to)}`;

/**
 * bitXor(h, 0) is h, out of the primary key's sight: to look tens of thousands of hashes up in the key takes three times as long as
 * reading the column, and finds that every granule holds some of them.
 */
const hashIn = (ids: Sql): Sql => sql`bitXor(h, 0) IN (${ids})`;

/** (h, twin, timestamp) of rows of the span that have an earlier copy within `dedupe_within`. */
function laterCopies({ model, dedupeWithin }: DedupeOptions, span: Span): Sql {
  const ids = sql`SELECT cityHash64(id) FROM ${name(predictionsTable(model))} WHERE ${withinSpan(span)}`;
  return sql`SELECT h, twin, fromUnixTimestamp64Milli(arrayJoin(arrayFilter((t, p) -> t - p <= ${dedupeWithin} AND t >= ${span.from}, arrayPopFront(ts), arrayPopBack(ts))), 'UTC') AS later
    FROM (SELECT h, twin, arraySort(groupUniqArray(toUnixTimestamp64Milli(timestamp))) AS ts FROM prediction_ids
      WHERE model = ${model} AND ${withinSpan({ from: span.from - dedupeWithin, to: span.to })} AND ${hashIn(ids)} GROUP BY h, twin HAVING min(timestamp) < max(timestamp))`;
}

/**
 * The kept rows of a span, to stand in parentheses after FROM. Looks first whether there are copies at all: most streams have none,
 * and then the filter costs nothing.
 *
 * @param afresh asks the store whatever is remembered: for panes that are being summarised
 */
export async function keptRows(lane: Lane, options: DedupeOptions, span: Span, afresh = false): Promise<Sql> {
  const rows = sql`SELECT * FROM ${name(predictionsTable(options.model))} FINAL WHERE ${withinSpan(span)}`;
  if (options.dedupeWithin === 0) return rows;
  const copies = laterCopies(options, span);
  if (!(await hasCopies(lane, options, span, copies, afresh))) return rows;
  return sql`${rows} AND (cityHash64(id), cityHash64(version, variant), timestamp) NOT IN (${copies})`;
}

async function hasCopies(
  lane: Lane,
  { memory, pane }: DedupeOptions,
  span: Span,
  copies: Sql,
  afresh: boolean,
): Promise<boolean> {
  const first = Math.floor(span.from / pane) * pane;
  const panes = Math.ceil((span.to - first) / pane);
  if (panes > MOST_REMEMBERED) return true;
  if (!afresh) {
    const known = Array.from({ length: panes }, (_, index) => memory.get(first + index * pane));
    if (known.every((copied) => copied === false)) return false;
    if (known.some((copied) => copied === true)) return true;
  }
  const whole = await lane.query(
    sql`SELECT DISTINCT intDiv(toUnixTimestamp64Milli(later), ${pane}) * ${pane} AS start FROM (${copies})`,
    z.object({ start: z.number() }),
  );
  const found = new Set(whole.map((row) => row.start));
  if (memory.size + panes > MOST_REMEMBERED) memory.clear();
  for (let index = 0; index < panes; index++) {
    const start = first + index * pane;
    // A pane of which only a part was asked for is not known to be free of copies.
    if (found.has(start) || (start >= span.from && start + pane <= span.to)) memory.set(start, found.has(start));
  }
  return found.size > 0;
}

/** Panes whose rows may have lost or gained the status of a copy, because a row was added to one of the dirty panes. */
export async function panesOfLaterCopies(
  lane: Lane,
  { model, dedupeWithin, pane }: DedupeOptions,
  panes: readonly number[],
): Promise<number[]> {
  if (dedupeWithin === 0 || panes.length === 0) return [];
  const ids = sql`SELECT cityHash64(id) FROM ${name(predictionsTable(model))} WHERE ${withinPanes(panes, pane)}`;
  // Later copies lie within reach of some dirty pane.
  const near = join(
    runsOf(panes, dedupeWithin).map((run) =>
      withinSpan({ from: run[0] ?? 0, to: (run[run.length - 1] ?? 0) + pane + dedupeWithin }),
    ),
    " OR ",
  );
  const rows = await lane.query(
    sql`SELECT DISTINCT intDiv(arrayJoin(arrayFilter((t, p) -> t - p <= ${dedupeWithin}, arrayPopFront(ts), arrayPopBack(ts))), ${pane}) * ${pane} AS start
      FROM (SELECT arraySort(groupUniqArray(toUnixTimestamp64Milli(timestamp))) AS ts FROM prediction_ids
        WHERE model = ${model} AND (${near}) AND ${hashIn(ids)} GROUP BY h, twin HAVING min(timestamp) < max(timestamp))`,
    z.object({ start: z.number() }),
  );
  return rows.map((row) => row.start);
}
