/** Reads and appends to the `audit` table. */
import { z } from "zod";
import { sql, time } from "../store/sql.ts";
import type { Lane } from "../store/store.ts";
import { BEGINNING, type Entry, type Head, standingHeads } from "./chain.ts";

export async function insertEntries(lane: Lane, entries: readonly Entry[]): Promise<void> {
  await lane.insertRows(
    "audit",
    entries.map(({ monitorHash, contentHash, ...entry }) => ({
      ...entry,
      monitor_hash: monitorHash,
      content_hash: contentHash,
    })),
  );
}

/** The last entry of each chain, by writer. */
export async function readHeads(lane: Lane): Promise<readonly Head[]> {
  return await lane.query(
    sql`SELECT writer, sequence, hash FROM audit ORDER BY writer, sequence DESC LIMIT 1 BY writer`,
    z.object({ writer: z.string(), sequence: z.number(), hash: z.string() }),
  );
}

/** The heads worth noting down elsewhere: with one process after the other that is one, however often it was started. */
export async function readStandingHeads(lane: Lane): Promise<readonly Head[]> {
  const beginnings = await lane.query(
    sql`SELECT why FROM audit WHERE kind = ${BEGINNING}`,
    z.object({ why: z.string() }),
  );
  return standingHeads(
    await readHeads(lane),
    beginnings.map(({ why }) => why),
  );
}

/** Time of the newest decision that has an entry, ms; null before the first. */
export async function readNewest(lane: Lane): Promise<number | null> {
  const [row] = await lane.query(
    sql`SELECT count() AS entries, toUnixTimestamp64Milli(max(at)) AS latest FROM audit WHERE content_hash != ''`,
    z.object({ entries: z.number(), latest: z.number() }),
  );
  return row === undefined || row.entries === 0 ? null : row.latest;
}

const ENTRIES_AT_ONCE = 20_000;

const row = z
  .object({
    writer: z.string(),
    sequence: z.number(),
    at_ms: z.number(),
    kind: z.string(),
    id: z.string(),
    model: z.string(),
    who: z.string(),
    what: z.string(),
    why: z.string(),
    monitor_hash: z.string(),
    content_hash: z.string(),
    previous: z.string(),
    hash: z.string(),
  })
  .transform(
    ({ at_ms, monitor_hash, content_hash, ...rest }): Entry => ({
      ...rest,
      at: at_ms,
      monitorHash: monitor_hash,
      contentHash: content_hash,
    }),
  );

const COLUMNS = sql`writer, sequence, toUnixTimestamp64Milli(at) AS at_ms, kind, id, model, who, what, why, monitor_hash, content_hash, previous, hash`;

/** All entries by writer and sequence. */
export async function* readEntries(lane: Lane): AsyncGenerator<Entry> {
  let after = sql`true`;
  while (true) {
    const entries = await lane.query(
      sql`SELECT ${COLUMNS} FROM audit WHERE ${after} ORDER BY writer, sequence LIMIT ${ENTRIES_AT_ONCE} WITH TIES`,
      row,
    );
    yield* entries;
    const last = entries.at(-1);
    if (last === undefined || entries.length < ENTRIES_AT_ONCE) return;
    after = sql`(writer, sequence) > (${last.writer}, ${last.sequence})`;
  }
}

/** Entries of decisions of a model, or of all models, made within a time, in its order; ms, infinite for all. */
export async function readDecided(lane: Lane, model: string, from: number, to: number): Promise<readonly Entry[]> {
  const after = from === Number.NEGATIVE_INFINITY ? sql`true` : sql`at >= ${time(from)}`;
  const before = to === Number.POSITIVE_INFINITY ? sql`true` : sql`at < ${time(to)}`;
  return await lane.query(
    sql`SELECT ${COLUMNS} FROM audit WHERE (model = ${model} OR (model = '' AND kind != ${BEGINNING})) AND ${after} AND ${before} ORDER BY at, writer, sequence LIMIT 10000`,
    row,
  );
}
