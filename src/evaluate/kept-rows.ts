/**
 * The predictions that count: of copies of one prediction (same id, version and variant) with one timestamp the row of the greatest
 * position, and none that has an earlier copy within `dedupe_within`. A rule over what is stored, so it does not matter which copy
 * came first, nor which panes are looked at together.
 */
import { z } from "zod";
import { predictionsTable } from "../store/model-tables.ts";
import { name, type Sql, sql, time } from "../store/sql.ts";
import type { Lane } from "../store/store.ts";

/** Event time from `from` (inclusive) to `to` (exclusive), ms. */
export interface Span {
  readonly from: number;
  readonly to: number;
}

export interface DedupeOptions {
  readonly model: string;
  /** Milliseconds; 0: only equal timestamps are copies. */
  readonly dedupeWithin: number;
}

export const withinSpan = ({ from, to }: Span): Sql => sql`timestamp >= ${time(from)} AND timestamp < ${time(to)}`;

/** (h, twin, timestamp) of rows of the span that have an earlier copy within `dedupe_within`. */
function laterCopies({ model, dedupeWithin }: DedupeOptions, span: Span): Sql {
  const ids = sql`SELECT cityHash64(id) FROM ${name(predictionsTable(model))} WHERE ${withinSpan(span)}`;
  return sql`SELECT h, twin, fromUnixTimestamp64Milli(arrayJoin(arrayFilter((t, p) -> t - p <= ${dedupeWithin} AND t >= ${span.from}, arrayPopFront(ts), arrayPopBack(ts))), 'UTC') AS later
    FROM (SELECT h, twin, arraySort(groupUniqArray(toUnixTimestamp64Milli(timestamp))) AS ts FROM prediction_ids
      WHERE model = ${model} AND ${withinSpan({ from: span.from - dedupeWithin, to: span.to })} AND h IN (${ids}) GROUP BY h, twin HAVING length(ts) > 1)`;
}

/**
 * The kept rows of a span, to stand in parentheses after FROM. Looks first whether there are copies at all: most streams have none,
 * and then the filter costs nothing.
 */
export async function keptRows(lane: Lane, options: DedupeOptions, span: Span): Promise<Sql> {
  const rows = sql`SELECT * FROM ${name(predictionsTable(options.model))} FINAL WHERE ${withinSpan(span)}`;
  if (options.dedupeWithin === 0) return rows;
  const copies = laterCopies(options, span);
  const [found] = await lane.query(sql`SELECT count() AS copies FROM (${copies})`, z.object({ copies: z.number() }));
  if ((found?.copies ?? 0) === 0) return rows;
  return sql`${rows} AND (cityHash64(id), cityHash64(version, variant), timestamp) NOT IN (${copies})`;
}

/** Panes whose rows may have lost or gained the status of a copy, because a row was added to one of the dirty panes. */
export async function panesOfLaterCopies(lane: Lane, { model, dedupeWithin }: DedupeOptions, panes: readonly number[], pane: number): Promise<number[]> {
  if (dedupeWithin === 0 || panes.length === 0) return [];
  const from = Math.min(...panes);
  const to = Math.max(...panes) + pane;
  const ids = sql`SELECT cityHash64(id) FROM ${name(predictionsTable(model))} WHERE ${withinSpan({ from, to })}`;
  const rows = await lane.query(
    sql`SELECT DISTINCT intDiv(arrayJoin(arrayFilter((t, p) -> t - p <= ${dedupeWithin}, arrayPopFront(ts), arrayPopBack(ts))), ${pane}) * ${pane} AS start
      FROM (SELECT arraySort(groupUniqArray(toUnixTimestamp64Milli(timestamp))) AS ts FROM prediction_ids
        WHERE model = ${model} AND ${withinSpan({ from, to: to + dedupeWithin })} AND h IN (${ids}) GROUP BY h, twin HAVING length(ts) > 1)`,
    z.object({ start: z.number() }),
  );
  return rows.map((row) => row.start);
}
