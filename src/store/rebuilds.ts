/** The `rebuilds` table: rows are only added, and the last change of a rebuild is what it has come to. */
import { z } from "zod";
import { type Rebuild, rebuildStates } from "../core/rebuild.ts";
import { sql } from "./sql.ts";
import type { Lane } from "./store.ts";

const row = z
  .object({
    model: z.string(),
    epoch: z.number(),
    asked_ms: z.number(),
    change: z.enum(rebuildStates),
    at_ms: z.number(),
    owner: z.string(),
    reason: z.string(),
    from_ms: z.number().nullable(),
    to_ms: z.number().nullable(),
    first_ms: z.number(),
    last_ms: z.number(),
    settled_ms: z.number(),
    windows: z.number(),
    rows: z.number(),
    monitor_hash: z.string(),
    reference_id: z.string(),
    problem: z.string(),
  })
  .transform(
    ({ asked_ms, change, at_ms, from_ms, to_ms, first_ms, last_ms, settled_ms, ...rest }): Rebuild => ({
      ...rest,
      asked_at: asked_ms,
      state: change,
      at: at_ms,
      from_at: from_ms,
      to_at: to_ms,
      first_at: first_ms,
      last_at: last_ms,
      settled: settled_ms,
    }),
  );

/** All of a model, or of all models, the newest first. */
export function readRebuilds(lane: Lane, model?: string): Promise<Rebuild[]> {
  return lane.query(
    sql`SELECT model, epoch, toUnixTimestamp64Milli(asked_at) AS asked_ms, change, toUnixTimestamp64Milli(at) AS at_ms, owner, reason,
        if(isNull(from_at), NULL, toUnixTimestamp64Milli(assumeNotNull(from_at))) AS from_ms, if(isNull(to_at), NULL, toUnixTimestamp64Milli(assumeNotNull(to_at))) AS to_ms,
        toUnixTimestamp64Milli(first_at) AS first_ms, toUnixTimestamp64Milli(last_at) AS last_ms, toUnixTimestamp64Milli(settled) AS settled_ms,
        windows, rows, monitor_hash, reference_id, problem
      FROM (SELECT * FROM rebuilds WHERE ${model === undefined ? sql`true` : sql`model = ${model}`} ORDER BY change DESC LIMIT 1 BY model, epoch, asked_at)
      ORDER BY asked_at DESC, model LIMIT 1000`,
    row,
  );
}

/** Adds a rebuild as it stands; the same twice is one. */
export async function writeRebuild(lane: Lane, { state, ...rest }: Rebuild): Promise<void> {
  await lane.insertRows("rebuilds", [{ ...rest, change: state }]);
}

/** The number of the epoch that a model's numbers are computed in. */
export async function readEpoch(lane: Lane, model: string): Promise<number> {
  const [found] = await lane.query(
    sql`SELECT greatest(1, max(epoch)) AS epoch FROM rebuilds WHERE model = ${model} AND change = 'done'`,
    z.object({ epoch: z.number() }),
  );
  return found?.epoch ?? 1;
}
