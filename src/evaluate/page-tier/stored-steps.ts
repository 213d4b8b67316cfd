/** Reads sealed steps in the order of time, some panes at once. */
import { z } from "zod";
import { list, sql, time } from "../../store/sql.ts";
import type { Lane } from "../../store/store.ts";
import type { PreparedModel } from "../prepare-model.ts";
import { ofVersions } from "../version-scope.ts";

const stepRow = z.object({
  reference_id: z.string(),
  subject_kind: z.string(),
  subject: z.string(),
  stream: z.string(),
  segment: z.string(),
  version: z.string(),
  variant: z.string(),
  start: z.number(),
  counts: z.array(z.number()),
});
export type StoredStep = z.output<typeof stepRow>;

/** Rows that are read at a time. */
const ROWS_AT_ONCE = 50_000;

/**
 * Steps of features, predictions and scores by the start of their pane, ms; from `after` on, all where it is not finite.
 *
 * @param more ids under which steps are stored besides the reference's: accepted baselines
 */
export async function* storedSteps(
  lane: Lane,
  { config, referenceId, versions }: PreparedModel,
  after: number,
  ofSegments = false,
  more: readonly string[] = [],
): AsyncGenerator<ReadonlyMap<number, readonly StoredStep[]>> {
  const where = sql`model = ${config.name} AND reference_id IN ${list([referenceId, ...more])} AND subject_kind != 'kpi' AND ${ofVersions(versions)} AND ${ofSegments ? sql`segment != ''` : sql`segment = ''`}`;
  const from = Number.isFinite(after) ? sql`pane_start >= ${time(after)}` : sql`true`;
  const panes = await lane.query(
    sql`SELECT toUnixTimestamp64Milli(pane_start) AS start, count() AS rows FROM steps WHERE ${where} AND ${from} GROUP BY pane_start ORDER BY pane_start`,
    z.object({ start: z.number(), rows: z.number() }),
  );
  for (const chunk of chunksOf(panes)) {
    const rows = await lane.query(
      sql`SELECT reference_id, subject_kind, subject, stream, segment, version, variant, toUnixTimestamp64Milli(pane_start) AS start, counts
        FROM steps FINAL WHERE ${where} AND pane_start >= ${time(chunk.from)} AND pane_start <= ${time(chunk.to)} ORDER BY pane_start`,
      stepRow,
    );
    const byPane = new Map<number, StoredStep[]>();
    for (const row of rows) {
      const own = byPane.get(row.start);
      if (own === undefined) byPane.set(row.start, [row]);
      else own.push(row);
    }
    yield byPane;
  }
}

function chunksOf(panes: readonly { readonly start: number; readonly rows: number }[]): { from: number; to: number }[] {
  const chunks: { from: number; to: number }[] = [];
  let rows = 0;
  for (const pane of panes) {
    const last = chunks.at(-1);
    if (last === undefined || rows + pane.rows > ROWS_AT_ONCE) {
      chunks.push({ from: pane.start, to: pane.start });
      rows = pane.rows;
    } else {
      last.to = pane.start;
      rows += pane.rows;
    }
  }
  return chunks;
}
