/**
 * Writes metric rows so that only what has changed gets a new revision: evaluating the same events again writes nothing. A row whose
 * window exists no more (a late event has moved the boundaries of windows by number) is deleted; `metric_history` keeps it.
 */
import { z } from "zod";
import { type MetricRow, metricStatuses } from "../core/metric.ts";
import { subjectKinds } from "../core/summary.ts";
import { join, list, type Sql, sql, time } from "../store/sql.ts";
import type { Lane } from "../store/store.ts";

/** The rows that a set of fresh rows replaces: everything of the model's window that `where` picks. */
export interface MetricScope {
  readonly model: string;
  readonly window: string;
  readonly where: Sql;
  /** False where the store is known to hold nothing of the scope yet. */
  readonly mayExist: boolean;
}

export const windowStartIn = (starts: readonly number[]): Sql =>
  sql`toUnixTimestamp64Milli(window_start) IN ${list(starts)} AND window_start >= ${time(Math.min(...starts))} AND window_start <= ${time(Math.max(...starts))}`;

const stored = z.object({
  model: z.string(),
  version: z.string(),
  variant: z.string(),
  segment: z.string(),
  window: z.string(),
  window_start: z.number(),
  window_end: z.number(),
  subject_kind: z.enum(subjectKinds),
  subject: z.string(),
  metric: z.string(),
  value: z.number().nullable(),
  lower: z.number().nullable(),
  upper: z.number().nullable(),
  threshold: z.number().nullable(),
  breached: z.boolean(),
  n: z.number(),
  coverage: z.number(),
  status: z.enum(metricStatuses),
  detail: z.string(),
  reference_id: z.string(),
  monitor_hash: z.string(),
  revision: z.number(),
  computed_at: z.number(),
});

const keyOf = (row: MetricRow): string =>
  JSON.stringify([row.version, row.variant, row.segment, row.window_start, row.subject_kind, row.subject, row.metric]);

/** All that two runs must agree in: everything but `revision` and `computed_at`. */
const contentOf = ({ revision: _revision, computed_at: _computedAt, ...row }: MetricRow): string =>
  JSON.stringify(Object.entries(row).sort(([a], [b]) => (a < b ? -1 : 1)));

/** Rows held back before they are written. */
const MOST_HELD = 20_000;

/** A row of the ledger that says that a window has been computed. */
export interface WindowEntry {
  readonly pane: string;
  readonly start: number;
  readonly n: number;
  readonly digest: bigint;
  readonly revision: number;
}

/**
 * The metric rows of a run, written together: each insert costs the engine as much as hundreds of rows. The ledger's rows come after
 * them, so that a window is never taken for computed whose rows are not there.
 */
export interface MetricBatch {
  /** Compares with what is stored and keeps what has changed; returns how many rows will be written or deleted. */
  replace(scope: MetricScope, fresh: readonly MetricRow[]): Promise<number>;
  /** Windows that are computed once all that was given before is written. */
  computed(entries: readonly WindowEntry[]): void;
  flush(): Promise<void>;
}

export function createMetricBatch(
  lane: Lane,
  /** The number of the model's epoch: see the `rebuilds` table. */
  epoch: number,
  writeEntries: (entries: readonly WindowEntry[]) => Promise<void>,
  /** What a fresh row takes over from the stored one before the two are compared. */
  keep: (fresh: MetricRow, before: MetricRow | undefined) => MetricRow = (fresh) => fresh,
  /** Metrics of these names are written by others: they are in no scope of this batch. */
  others: readonly string[] = [],
): MetricBatch {
  let changed: MetricRow[] = [];
  let entries: WindowEntry[] = [];
  const flush = async () => {
    const rows = changed;
    const done = entries;
    changed = [];
    entries = [];
    await insertMetrics(lane, rows, epoch);
    if (done.length > 0) await writeEntries(done);
  };
  return {
    async replace(given, fresh) {
      const scope =
        others.length === 0 ? given : { ...given, where: sql`metric NOT IN ${list(others)} AND ${given.where}` };
      if (changed.length + fresh.length > MOST_HELD) await flush();
      const old = scope.mayExist ? await readMetrics(lane, scope) : [];
      const oldByKey = new Map(old.map((row) => [keyOf(row), row]));
      let written = 0;
      for (const computed of fresh) {
        const key = keyOf(computed);
        const before = oldByKey.get(key);
        const row = keep(computed, before);
        oldByKey.delete(key);
        if (before !== undefined && contentOf(before) === contentOf(row)) continue;
        changed.push({ ...row, revision: (before?.revision ?? 0) + 1 });
        written++;
      }
      await deleteMetrics(lane, scope, [...oldByKey.values()]);
      return written + oldByKey.size;
    },
    computed(more) {
      entries.push(...more);
    },
    flush,
  };
}

export async function readMetrics(
  lane: Lane,
  { model, window, where }: Omit<MetricScope, "mayExist">,
): Promise<MetricRow[]> {
  return lane.query(
    sql`SELECT model, version, variant, segment, window, toUnixTimestamp64Milli(window_start) AS window_start, toUnixTimestamp64Milli(window_end) AS window_end,
        subject_kind, subject, metric, value, lower, upper, threshold, breached, n, coverage, status, detail, reference_id, monitor_hash, revision,
        toUnixTimestamp64Milli(computed_at) AS computed_at
      FROM (SELECT * FROM metrics FINAL WHERE model = ${model} AND window = ${window} AND ${where})`,
    stored,
  );
}

/** Months are separate inserts, so that one statement never touches too many partitions. */
async function insertMetrics(lane: Lane, rows: readonly MetricRow[], epoch: number): Promise<void> {
  const byMonth = new Map<string, MetricRow[]>();
  for (const row of rows) {
    const month = new Date(row.window_start).toISOString().slice(0, 7);
    const group = byMonth.get(month);
    if (group === undefined) byMonth.set(month, [row]);
    else group.push(row);
  }
  const months = [...byMonth].sort(([a], [b]) => (a < b ? -1 : 1));
  // A block may hold a hundred partitions; half of that leaves room.
  for (let at = 0; at < months.length; at += 50)
    await insertBlock(
      lane,
      months.slice(at, at + 50).flatMap(([, group]) => group),
      epoch,
    );
}

async function insertBlock(lane: Lane, rows: readonly MetricRow[], epoch: number): Promise<void> {
  const text = (
    name:
      | "model"
      | "version"
      | "variant"
      | "segment"
      | "window"
      | "subject_kind"
      | "subject"
      | "metric"
      | "status"
      | "reference_id"
      | "monitor_hash",
  ) => ({ name, type: "LowCardinality(String)", values: rows.map((row) => row[name]) }) as const;
  const moment = (name: "window_start" | "window_end" | "computed_at") =>
    ({ name, type: "DateTime64(3, 'UTC')", values: rows.map((row) => row[name]) }) as const;
  const nullable = (name: "value" | "lower" | "upper" | "threshold") =>
    ({ name, type: "Nullable(Float64)", values: rows.map((row) => row[name]) }) as const;
  await lane.insertBlock("metrics", [
    ...(
      [
        "model",
        "version",
        "variant",
        "segment",
        "window",
        "subject_kind",
        "subject",
        "metric",
        "status",
        "reference_id",
        "monitor_hash",
      ] as const
    ).map(text),
    ...(["window_start", "window_end", "computed_at"] as const).map(moment),
    ...(["value", "lower", "upper", "threshold"] as const).map(nullable),
    { name: "breached", type: "UInt32", values: rows.map((row) => Number(row.breached)) },
    { name: "n", type: "UInt64", values: rows.map((row) => row.n) },
    { name: "coverage", type: "Float64", values: rows.map((row) => row.coverage) },
    { name: "detail", type: "String", values: rows.map((row) => row.detail) },
    { name: "revision", type: "UInt32", values: rows.map((row) => row.revision) },
    { name: "epoch", type: "UInt32", values: rows.map(() => epoch) },
  ]);
}

/** Keys of one DELETE: a statement has 262,144 characters at most. */
const DELETED_AT_ONCE = 300;

async function deleteMetrics(lane: Lane, { model, window }: MetricScope, rows: readonly MetricRow[]): Promise<void> {
  for (let at = 0; at < rows.length; at += DELETED_AT_ONCE) {
    const keys = rows
      .slice(at, at + DELETED_AT_ONCE)
      .map(
        (row) =>
          sql`(${row.metric}, ${row.subject_kind}, ${row.subject}, ${row.version}, ${row.variant}, ${row.segment}, ${row.window_start})`,
      );
    await lane.command(
      sql`DELETE FROM metrics WHERE model = ${model} AND window = ${window}
        AND (metric, subject_kind, subject, version, variant, segment, toUnixTimestamp64Milli(window_start)) IN (${join(keys)})`,
    );
  }
}
