/** How far sources are stored: the position that a commit record has moved on. The store alone knows it. */
import { z } from "zod";
import { sql } from "../store/sql.ts";
import type { Lane } from "../store/store.ts";
import type { StoredPosition } from "./source.ts";

const positionRow = z.object({ source: z.string(), partition: z.number(), next_offset: z.number() });

/** The first offset that the store does not hold, or null where it knows nothing of the (source, partition). */
export async function storedPosition(lane: Lane, source: string, partition: number): Promise<number | null> {
  const rows = await lane.query(
    sql`SELECT source AS source, partition AS partition, max(next_offset) AS next_offset FROM positions
        WHERE source = ${source} AND partition = ${partition} GROUP BY source, partition`,
    positionRow,
  );
  return rows[0]?.next_offset ?? null;
}

/** The positions of all sources whose name begins with `prefix`. */
export async function storedPositions(lane: Lane, prefix: string): Promise<readonly StoredPosition[]> {
  const rows = await lane.query(
    sql`SELECT source AS source, partition AS partition, max(next_offset) AS next_offset FROM positions
        WHERE startsWith(source, ${prefix}) GROUP BY source, partition ORDER BY source, partition`,
    positionRow,
  );
  return rows.map((row) => ({ source: row.source, partition: row.partition, nextOffset: row.next_offset }));
}
