/**
 * Puts the numbers of a rebuild in the place of those before. Only windows that the live table has are replaced: what it has yet to compute
 * it computes itself. Every statement can be repeated: a row that is there already is not written again, so a crash anywhere doubles nothing.
 */
import { z } from "zod";
import type { Rebuild } from "../../core/rebuild.ts";
import { predictionsTable } from "../../store/model-tables.ts";
import { join, list, name, type Sql, sql, time } from "../../store/sql.ts";
import type { Lane } from "../../store/store.ts";
import { columnsOf } from "../../store/workspace.ts";
import { MOST_TIME } from "../count-boundaries.ts";

/** What was computed, and where. */
export interface Computed {
  readonly model: string;
  readonly database: string;
  /** Names of the windows that are configured: rows of others stay as they are. */
  readonly windows: readonly string[];
}

/** Windows that begin at or after `from` and end at or before `to`, ms. */
export interface RebuiltSpan {
  readonly from: number;
  readonly to: number;
}

const KEY = ["metric", "subject_kind", "subject", "version", "variant", "segment", "window", "window_start"] as const;
const key = join(KEY.map(name));
/** What a rebuild gives new values. */
const OWN: ReadonlySet<string> = new Set(["epoch", "rebuilt", "revision", "computed_at"]);
/** Series that one DELETE names. */
const SERIES_AT_ONCE = 200;

/**
 * The windows that can be computed again: as asked for, and none whose events retention has deleted. Those that are gone are found by their
 * numbers, which stay; the month of the first event may have lost its beginning.
 */
export async function spanOf(live: Lane, { model, from_at, to_at }: Rebuild): Promise<RebuiltSpan> {
  const [found] = await live.query(
    sql`SELECT count() AS events, toUnixTimestamp64Milli(min(timestamp)) AS first,
        (SELECT count() FROM metrics WHERE model = ${model} AND n > 0 AND window_end <= (SELECT min(timestamp) FROM ${name(predictionsTable(model))})) AS gone
      FROM ${name(predictionsTable(model))}`,
    z.object({ events: z.number(), first: z.number(), gone: z.number() }),
  );
  if (found === undefined || found.events === 0) return { from: MOST_TIME, to: MOST_TIME };
  const first = new Date(found.first);
  const kept = found.gone === 0 ? 0 : Date.UTC(first.getUTCFullYear(), first.getUTCMonth());
  return { from: Math.max(kept, from_at ?? 0), to: to_at ?? MOST_TIME };
}

const within = ({ model, windows }: Computed, { from, to }: RebuiltSpan): Sql =>
  sql`model = ${model} AND window IN ${list(windows)} AND window_start >= ${time(from)} AND window_end <= ${time(to)}`;

/** The last window of each series that the live table has. */
const lastWindows = (model: string): Sql =>
  sql`SELECT window, version, variant, max(window_start) AS last_start FROM metrics WHERE model = ${model} GROUP BY window, version, variant`;

/** Rows of a table, without those of windows that are later than all that the live table has of their series. */
const upToLast = (table: Sql, columns: Sql, model: string, where: Sql): Sql =>
  sql`SELECT ${columns} FROM (SELECT * FROM ${table} FINAL WHERE ${where}) AS rows
    INNER JOIN (${lastWindows(model)}) AS ends USING (window, version, variant) WHERE window_start <= last_start`;

const comparison = z.object({
  windows: z.number(),
  rows: z.number(),
  changed: z.number(),
  added: z.number(),
  removed: z.number(),
  breached_before: z.number(),
  breached_after: z.number(),
});
/** `rows`: computed again; `changed`: with another value, limit or status than before. */
export type Comparison = z.output<typeof comparison>;

/** What differs between the live rows and those that were computed. */
export async function compare(live: Lane, computed: Computed, span: RebuiltSpan): Promise<Comparison> {
  const where = within(computed, span);
  const columns = (side: number) =>
    sql`${key}, breached, ${side} AS side, cityHash64(toString(tuple(value, lower, upper, threshold, breached, n, coverage, status))) AS content`;
  const side = (table: Sql, index: number) => upToLast(table, columns(index), computed.model, where);
  const [found] = await live.query(
    sql`SELECT uniqExactIf((window, version, variant, window_start), after > 0) AS windows, countIf(after > 0) AS rows,
        countIf(before > 0 AND after > 0 AND contents > 1) AS changed, countIf(before = 0) AS added, countIf(after = 0) AS removed,
        sum(was) AS breached_before, sum(now) AS breached_after
      FROM (SELECT ${key}, countIf(side = 0) AS before, countIf(side = 1) AS after, uniqExact(content) AS contents,
          countIf(side = 0 AND breached) AS was, countIf(side = 1 AND breached) AS now
        FROM (${side(name("metrics"), 0)} UNION ALL ${side(sql`${name(computed.database)}.metrics`, 1)}) GROUP BY ${key})`,
    comparison,
  );
  return found ?? { windows: 0, rows: 0, changed: 0, added: 0, removed: 0, breached_before: 0, breached_after: 0 };
}

/**
 * Writes what was computed into `metrics`, then deletes what it has replaced; `metric_history` keeps that.
 *
 * @param now clock time that the rows are stamped with, ms
 * @returns what is in force by it
 */
export async function publish(
  live: Lane,
  computed: Computed,
  span: RebuiltSpan,
  epoch: number,
  now: number,
): Promise<Pick<Rebuild, "first_at" | "last_at" | "windows" | "rows">> {
  const { model, database } = computed;
  const source = sql`${name(database)}.metrics`;
  const where = within(computed, span);
  const months = await live.query(
    sql`SELECT DISTINCT toUnixTimestamp(toStartOfMonth(window_start), 'UTC') * 1000 AS start FROM ${source} WHERE ${where} ORDER BY start`,
    z.object({ start: z.number() }),
  );
  const columns = (await columnsOf(live, "metrics")).filter((column) => !OWN.has(column));
  const given = join(columns.map(name));
  for (const { start } of months) {
    const inMonth = sql`window_start >= ${time(start)} AND window_start < addMonths(${time(start)}, 1)`;
    await live.command(sql`INSERT INTO metrics (${given}, epoch, rebuilt, revision, computed_at) SETTINGS async_insert = 0, max_partitions_per_insert_block = 0
      SELECT ${given}, ${epoch}, true, old_revision + 1, ${time(now)}
      FROM (${upToLast(source, given, model, sql`${where} AND ${inMonth}`)}) AS fresh
      LEFT JOIN (SELECT ${key}, revision AS old_revision, epoch = ${epoch} AND rebuilt AS is_there FROM metrics FINAL WHERE ${where} AND ${inMonth}) AS known USING (${key})
      WHERE NOT is_there`);
  }
  await removeReplaced(live, computed, span, epoch);
  const [found] = await live.query(
    sql`SELECT toUnixTimestamp64Milli(min(window_start)) AS first_at, toUnixTimestamp64Milli(max(window_end)) AS last_at,
        uniqExact(window, version, variant, window_start) AS windows, count() AS rows FROM metrics FINAL WHERE model = ${model} AND epoch = ${epoch} AND rebuilt`,
    z.object({ first_at: z.number(), last_at: z.number(), windows: z.number(), rows: z.number() }),
  );
  return found ?? { first_at: 0, last_at: 0, windows: 0, rows: 0 };
}

/** Trailing references that were made for it: what comes late is compared with the same. Those that the live tables have by now stay. */
export async function publishTrailing(live: Lane, { model, database }: Computed): Promise<void> {
  const made = sql`${name(database)}.trailing_references`;
  const missing = async (table: string, source: Sql, where: Sql) => {
    const columns = join((await columnsOf(live, table)).map(name));
    await live.command(sql`INSERT INTO ${name(table)} (${columns}) SETTINGS async_insert = 0, max_partitions_per_insert_block = 0
      SELECT ${columns} FROM ${source} FINAL WHERE model = ${model} AND ${where}`);
  };
  // What they hold comes first, and the table by which a reference is known to be there last of that.
  for (const table of ["reference_samples", "references"])
    await missing(
      table,
      sql`${name(database)}.${name(table)}`,
      sql`reference_id IN (SELECT reference_id FROM ${made} WHERE model = ${model})
        AND reference_id NOT IN (SELECT reference_id FROM \`references\` WHERE model = ${model})`,
    );
  await missing(
    "trailing_references",
    made,
    sql`(asked, step) NOT IN (SELECT asked, step FROM trailing_references WHERE model = ${model})`,
  );
}

/** Rows that are not of the epoch: metrics and windows that there are no more under the present configuration. */
async function removeReplaced(live: Lane, computed: Computed, span: RebuiltSpan, epoch: number): Promise<void> {
  const series = await live.query(
    sql`SELECT window, version, variant, toUnixTimestamp64Milli(last_start) AS last FROM (${lastWindows(computed.model)})`,
    z.object({ window: z.string(), version: z.string(), variant: z.string(), last: z.number() }),
  );
  for (let at = 0; at < series.length; at += SERIES_AT_ONCE) {
    const some = series
      .slice(at, at + SERIES_AT_ONCE)
      .map(
        ({ window, version, variant, last }) =>
          sql`(window = ${window} AND version = ${version} AND variant = ${variant} AND window_start <= ${time(last)})`,
      );
    const replaced = sql`${within(computed, span)} AND NOT (epoch = ${epoch} AND rebuilt) AND (${join(some, " OR ")})`;
    const [left] = await live.query(
      sql`SELECT count() AS rows FROM metrics WHERE ${replaced}`,
      z.object({ rows: z.number() }),
    );
    if ((left?.rows ?? 0) > 0) await live.command(sql`DELETE FROM metrics WHERE ${replaced}`);
  }
}
