/** The rows of a baseline: how many each series has had since the drift began, and how they lie over its bins. */
import { z } from "zod";
import { sql, time } from "../../store/sql.ts";
import type { Lane } from "../../store/store.ts";
import type { PreparedModel } from "../prepare-model.ts";
import { seriesKey } from "../window-series.ts";
import { type AcceptedBaseline, type AcceptedSeries, type BaselineCounts, isEnough } from "./accepted-baseline.ts";
import type { StoredBaseline } from "./baseline-store.ts";
import { ofSubject } from "./register.ts";

/** How many rows each series has, and from when on they are enough, ms: the end of a step. */
export async function readRows(
  lane: Lane,
  prepared: PreparedModel,
  known: StoredBaseline,
): Promise<{ readonly baseline: StoredBaseline; readonly ready: ReadonlyMap<string, number> }> {
  const waiting = known.series.filter(({ baseline }) => baseline === null);
  const ready = new Map<string, number>();
  if (waiting.length === 0) return { baseline: known, ready };
  const rows = await lane.query(
    sql`SELECT version, variant, toUnixTimestamp64Milli(max(step_end)) AS end, toUInt64(sumIf(arraySum(counts), stream = 'missing')) AS rows,
        toUInt64(sumIf(arraySum(counts), stream = 'values')) AS valid
      FROM steps FINAL WHERE ${ofSubject(prepared, known)} AND pane_start >= ${time(known.since)} AND pane_start < ${time(known.until)}
      GROUP BY version, variant, pane_start ORDER BY version, variant, pane_start`,
    z.object({ version: z.string(), variant: z.string(), end: z.number(), rows: z.number(), valid: z.number() }),
  );
  const sums = new Map<string, { rows: number; valid: number }>();
  for (const { end, ...step } of rows) {
    const key = seriesKey(step);
    const sum = sums.get(key) ?? { rows: 0, valid: 0 };
    sums.set(key, { rows: sum.rows + step.rows, valid: sum.valid + step.valid });
    const now = sums.get(key) ?? sum;
    if (end >= known.through && !ready.has(key) && isEnough(now.rows, now.valid, known.needed)) ready.set(key, end);
  }
  const series = known.series.map(
    (one): AcceptedSeries => (one.baseline === null ? { ...one, rows: sums.get(seriesKey(one))?.valid ?? 0 } : one),
  );
  for (const { version, variant } of known.series.filter(({ baseline }) => baseline !== null))
    ready.delete(seriesKey({ version, variant }));
  return { baseline: { ...known, series }, ready };
}

/** With the rows of the series that have enough, as their steps have them. */
export async function withCounts(
  lane: Lane,
  own: PreparedModel,
  baseline: StoredBaseline,
  ready: ReadonlyMap<string, number>,
): Promise<StoredBaseline> {
  const series: AcceptedSeries[] = [];
  for (const one of baseline.series) {
    const from = one.baseline === null ? ready.get(seriesKey(one)) : undefined;
    if (from === undefined) series.push(one);
    else series.push({ ...one, baseline: { from, counts: await countsOf(lane, own, baseline, one, from) } });
  }
  return { ...baseline, series };
}

async function countsOf(
  lane: Lane,
  own: PreparedModel,
  baseline: AcceptedBaseline,
  { version, variant }: AcceptedSeries,
  to: number,
): Promise<BaselineCounts> {
  const rows = await lane.query(
    sql`SELECT stream, sumForEach(counts) AS counts FROM steps FINAL WHERE ${ofSubject(own, baseline)} AND version = ${version} AND variant = ${variant}
        AND pane_start >= ${time(baseline.since)} AND pane_start < ${time(to)} GROUP BY stream`,
    z.object({ stream: z.string(), counts: z.array(z.number()) }),
  );
  const counts = new Map(rows.map((row) => [row.stream, row.counts]));
  const [missing = 0, present = 0] = counts.get("missing") ?? [];
  return {
    bins: counts.get("values") ?? (baseline.bins?.subject.bins ?? []).map(() => 0),
    missing,
    invalid: counts.get("invalid")?.[0] ?? 0,
    n: missing + present,
  };
}
