/** The `digests` table: for which local dates a digest was queued. */
import { z } from "zod";
import { sql } from "../store/sql.ts";
import type { Lane } from "../store/store.ts";
import type { DueDigest, LastDigest } from "./due.ts";

/** null where the digest has never been heard of. */
export async function readLast(lane: Lane, name: string): Promise<LastDigest | null> {
  const [row] = await lane.query(
    sql`SELECT local_date AS date, toUnixTimestamp64Milli(due_at) AS due_ms FROM digests WHERE name = ${name} ORDER BY local_date DESC LIMIT 1`,
    z.object({ date: z.string(), due_ms: z.number() }),
  );
  return row === undefined ? null : { date: row.date, dueAt: row.due_ms };
}

/** From now on its due times count. */
export async function writeKnown(lane: Lane, name: string, now: number): Promise<LastDigest> {
  await lane.insertRows("digests", [{ name, local_date: "", due_at: now, queued_at: now }]);
  return { date: "", dueAt: now };
}

export async function writeQueued(lane: Lane, name: string, due: DueDigest, now: number): Promise<LastDigest> {
  await lane.insertRows("digests", [{ name, local_date: due.date, due_at: due.dueAt, queued_at: now }]);
  return due;
}
