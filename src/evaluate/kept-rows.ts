/**
 * The predictions that count: of copies of one prediction (same id, version and variant) with one timestamp the row of the greatest
 * position, and none that has an earlier copy within `dedupe_within`. A rule over what is stored, so it does not matter which copy
 * came first, nor which panes are looked at together.
 */
import { z } from "zod";
import { predictionsTable } from "../store/model-tables.ts";
import { join, name, type Sql, sql, time } from "../store/sql.ts";
import type { Lane } from "../store/store.ts";
import { nearPanes, runsOf } from "./pane-runs.ts";
import { everyVersion, ofVersions, type VersionScope } from "./version-scope.ts";

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
  /** By pane, whether it holds later copies, as of when that was last looked for: saves asking again for what is made of such panes. */
  readonly memory: Map<number, boolean>;
  /** Only rows of these are kept; left out: of all. */
  readonly versions?: VersionScope;
  /** What stands after SELECT; left out: all columns of the table, without what is made of vectors. */
  readonly columns?: Sql;
}

/** Panes remembered; beyond that all are forgotten and asked for again. */
const MOST_REMEMBERED = 200_000;

export const withinSpan = ({ from, to }: Span): Sql => sql`timestamp >= ${time(from)} AND timestamp < ${time(to)}`;

/** Rows of `prediction_ids` between two marks of its primary key. */
const GRANULE = 256;
/** How much longer it takes to look a hash up in the key than to read a granule of the column. */
const LOOKUP_COST = 3;

/**
 * Where the ids are many for the table, bitXor(h, 0), which is h, keeps them out of the primary key's sight: to look tens of thousands
 * of hashes up in it takes three times as long as reading the column, and finds that every granule holds some of them.
 */
async function hashIn(lane: Lane, model: string, where: Sql): Promise<Sql> {
  const table = name(predictionsTable(model));
  const [counts] = await lane.query(
    sql`SELECT (SELECT count() FROM ${table} WHERE ${where}) AS wanted, (SELECT count() FROM prediction_ids) AS rows`,
    z.object({ wanted: z.number(), rows: z.number() }),
  );
  const ids = sql`SELECT cityHash64(id) FROM ${table} WHERE ${where}`;
  const few = counts !== undefined && counts.wanted * GRANULE * LOOKUP_COST < counts.rows;
  return few ? sql`h IN (${ids})` : sql`bitXor(h, 0) IN (${ids})`;
}

/** Predictions of `model` with one of the ids that have several times within `near`. */
const copied = (model: string, near: Sql, ids: Sql, columns: Sql): Sql =>
  sql`SELECT ${columns} FROM prediction_ids WHERE model = ${model} AND (${near}) AND ${ids} GROUP BY h, twin HAVING min(timestamp) < max(timestamp)`;

/** The same with their times. */
const timesOfCopies = (model: string, near: Sql, ids: Sql): Sql =>
  copied(model, near, ids, sql`h, twin, arraySort(groupUniqArray(toUnixTimestamp64Milli(timestamp))) AS ts`);

/** (h, twin, timestamp) of rows of the span that have an earlier copy within `dedupe_within`. */
async function laterCopies(lane: Lane, { model, dedupeWithin }: DedupeOptions, span: Span): Promise<Sql> {
  const ids = await hashIn(lane, model, withinSpan(span));
  const near = withinSpan({ from: span.from - dedupeWithin, to: span.to });
  return sql`SELECT h, twin, fromUnixTimestamp64Milli(arrayJoin(arrayFilter((t, p) -> t - p <= ${dedupeWithin} AND t >= ${span.from}, arrayPopFront(ts), arrayPopBack(ts))), 'UTC') AS later
    FROM (${timesOfCopies(model, near, ids)})`;
}

/**
 * The kept rows of a span, to stand in parentheses after FROM. Looks first whether there are copies at all: most streams have none,
 * and then the filter costs nothing.
 *
 * @param panes the panes of the span whose rows are wanted; left out: all
 */
export async function keptRows(
  lane: Lane,
  options: DedupeOptions,
  span: Span,
  panes: readonly number[] = panesOf(options, span),
): Promise<Sql> {
  const of = sql`${withinSpan(span)} AND ${ofVersions(options.versions ?? everyVersion)}`;
  const rows = sql`SELECT ${options.columns ?? sql`*`} FROM ${name(predictionsTable(options.model))} FINAL WHERE ${of}`;
  if (options.dedupeWithin === 0) return rows;
  const known = panes.map((pane) => options.memory.get(pane));
  if (panes.length > 0 && known.every((copied) => copied === false)) return rows;
  const copies = await laterCopies(lane, options, span);
  if (!known.includes(true) && panes.length > 0 && !(await hasCopies(lane, options, span, copies))) return rows;
  return sql`${rows} AND (cityHash64(id), cityHash64(version, variant), timestamp) NOT IN (${copies})`;
}

/** The panes that a span touches; none where they are too many to be remembered. */
function panesOf({ pane }: DedupeOptions, { from, to }: Span): number[] {
  const first = Math.floor(from / pane) * pane;
  const panes = Math.ceil((to - first) / pane);
  return panes > MOST_REMEMBERED ? [] : Array.from({ length: panes }, (_, index) => first + index * pane);
}

async function hasCopies(lane: Lane, options: DedupeOptions, span: Span, copies: Sql): Promise<boolean> {
  const { pane } = options;
  const whole = await lane.query(
    sql`SELECT DISTINCT intDiv(toUnixTimestamp64Milli(later), ${pane}) * ${pane} AS start FROM (${copies})`,
    z.object({ start: z.number() }),
  );
  const found = new Set(whole.map((row) => row.start));
  // A pane of which only a part was asked for is not known to be free of copies.
  const asked = panesOf(options, span).filter((start) => start >= span.from && start + pane <= span.to);
  remember(options, asked, found);
  return found.size > 0;
}

function remember({ memory }: DedupeOptions, asked: readonly number[], found: ReadonlySet<number>): void {
  if (memory.size + asked.length > MOST_REMEMBERED) memory.clear();
  for (const start of asked) memory.set(start, found.has(start));
  for (const start of found) memory.set(start, true);
}

/**
 * Looks once for copies of the predictions of these panes, and remembers which of them hold later copies.
 *
 * @returns all panes that do, others than these included: a row that was added here may have made a copy of one there
 */
export async function panesOfLaterCopies(
  lane: Lane,
  options: DedupeOptions,
  panes: readonly number[],
): Promise<number[]> {
  const { model, dedupeWithin, pane } = options;
  if (dedupeWithin === 0 || panes.length === 0) return [];
  const ids = await hashIn(lane, model, nearPanes(panes, pane));
  const near = join(
    runsOf(panes, 2 * dedupeWithin).map((run) =>
      withinSpan({ from: (run[0] ?? 0) - dedupeWithin, to: (run[run.length - 1] ?? 0) + pane + dedupeWithin }),
    ),
    " OR ",
  );
  // To keep all the times of every prediction costs several times what this does, and nearly always for nothing.
  const [any] = await lane.query(
    sql`SELECT count() AS n FROM (${copied(model, near, ids, sql`h`)} LIMIT 1)`,
    z.object({ n: z.number() }),
  );
  if (any?.n === 0) {
    remember(options, panes, new Set());
    return [];
  }
  const rows = await lane.query(
    sql`SELECT DISTINCT intDiv(arrayJoin(arrayFilter((t, p) -> t - p <= ${dedupeWithin}, arrayPopFront(ts), arrayPopBack(ts))), ${pane}) * ${pane} AS start
      FROM (${timesOfCopies(model, near, ids)})`,
    z.object({ start: z.number() }),
  );
  const found = new Set(rows.map((row) => row.start));
  remember(options, panes, found);
  return [...found];
}
