/**
 * Deletes what lies further back than a model's `retention`, counted from its newest event and not from the clock: a history of
 * years ago can be loaded and kept. Metric rows, references, incidents and deliveries stay.
 */
import { z } from "zod";
import { windowGrid } from "../core/window-grid.ts";
import { predictionsTable } from "../store/model-tables.ts";
import { name, sql, time, written } from "../store/sql.ts";
import type { Lane } from "../store/store.ts";
import { anchorPeriod } from "./count-boundaries.ts";
import type { PreparedModel } from "./prepare-model.ts";

/** Windows that are still filling need all their rows, and windows by number those from the start of their anchor. */
function oldestNeeded({ config }: PreparedModel, keptFrom: number): number {
  const starts = config.windows.map((window) =>
    window.kind === "time" ? windowGrid(window.ms, config.timezone).shift(keptFrom, -1) : keptFrom,
  );
  const needed = Math.min(keptFrom, ...starts);
  return config.windows.some((window) => window.kind === "count")
    ? Math.min(needed, anchorPeriod(config.anchor, needed).from)
    : needed;
}

/** Tables that hold rows of all models by event time, and the column of that. */
const SHARED = [
  ["prediction_ids", "timestamp"],
  ["prediction_entities", "timestamp"],
  ["outcomes", "timestamp"],
  ["entity_outcomes", "timestamp"],
  ["pane_summaries", "pane_start"],
  ["panes", "pane_start"],
  ["steps", "pane_start"],
] as const;

/**
 * Drops the months of predictions that lie wholly behind the retention, then the rows of the shared tables behind the first month
 * that is left: whole months alone, so that it costs little and summaries never lose a part of their rows. With windows by number
 * whose `anchor` is `never` nothing can go.
 *
 * @returns the event time before which everything is gone, ms; null where there was nothing to do
 */
export async function applyRetention(lane: Lane, prepared: PreparedModel): Promise<number | null> {
  const { name: model, retention } = prepared.config;
  if (retention === undefined) return null;
  const table = predictionsTable(model);
  const [newest] = await lane.query(
    sql`SELECT count() AS known, toUnixTimestamp64Milli(max(timestamp)) AS latest FROM ${name(table)}`,
    z.object({ known: z.number(), latest: z.number() }),
  );
  if (newest === undefined || newest.known === 0) return null;
  const keptFrom = new Date(oldestNeeded(prepared, newest.latest - retention));
  const before = Date.UTC(keptFrom.getUTCFullYear(), keptFrom.getUTCMonth());
  const firstKept = keptFrom.getUTCFullYear() * 100 + keptFrom.getUTCMonth() + 1;
  const months = await lane.query(
    sql`SELECT DISTINCT partition FROM system.parts WHERE database = currentDatabase() AND table = ${table} AND active`,
    z.object({ partition: z.string() }),
  );
  const gone = months
    .map(({ partition }) => Number(partition))
    .filter((month) => Number.isSafeInteger(month) && month < firstKept);
  if (gone.length === 0) return null;
  for (const month of gone) await lane.command(sql`ALTER TABLE ${name(table)} DROP PARTITION ${month}`);
  for (const [shared, column] of SHARED) {
    await lane.command(
      sql`DELETE FROM ${name(shared)} WHERE model = ${model} AND ${written(column)} < ${time(before)}`,
    );
  }
  // A label may serve a prediction that is kept as long as the horizon reaches back.
  for (const labels of ["labels", "entity_labels"])
    await lane.command(sql`DELETE FROM ${name(labels)} WHERE model = ${model} AND timestamp < ${time(before)}`);
  return before;
}

/** How often old events are looked for. */
const RETENTION_EVERY_MS = 3_600_000;

/** Applies the retention when it is time to; the first time an hour after `startedAt`, clock time in ms. */
export function createRetention(
  lane: Lane,
  prepared: PreparedModel,
  startedAt: number,
): (now: number) => Promise<void> {
  let appliedAt = startedAt;
  return async (now) => {
    if (now - appliedAt < RETENTION_EVERY_MS) return;
    await applyRetention(lane, prepared);
    appliedAt = now;
  };
}
