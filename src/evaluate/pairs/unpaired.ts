/** Halves whose other side has not come in time: they become dead letters, each under its own position, however often this runs. */
import { z } from "zod";
import { durationText } from "../../config/duration.ts";
import { withheld } from "../../core/refusal.ts";
import { join, type Sql, sql, time } from "../../store/sql.ts";
import type { Lane } from "../../store/store.ts";
import type { StoredHalf } from "./new-halves.ts";

export interface UnpairedCount {
  readonly source: string;
  readonly format: string;
  readonly halves: number;
}

export interface UnpairedOptions {
  /** Halves that were stored from here on, ms. */
  readonly from: number;
  /** And before here. */
  readonly to: number;
  /** The time limit, for the reason. */
  readonly withinMs: number;
  /** Bytes kept of what a half says. */
  readonly deadLetterBytes: number;
  readonly keepsRedactedAlone: boolean;
}

const countRow = z.object({ source: z.string(), format: z.string(), halves: z.number() });

/** Buries them; returns how many there are by source and format. */
export async function buryUnpaired(lane: Lane, options: UnpairedOptions): Promise<UnpairedCount[]> {
  const alone = aloneBetween(options);
  const counts = await lane.query(
    sql`SELECT source AS source, format AS format, count() AS halves FROM halves FINAL WHERE ${alone} GROUP BY source, format ORDER BY source, format`,
    countRow,
  );
  if (counts.length === 0) return [];
  const limit = durationText(options.withinMs);
  const isKept = options.keepsRedactedAlone ? sql`JSONExtractBool(body, 'redacted')` : sql`true`;
  // Its bytes are nowhere any more: what is kept is what was read of them, with all that makes it a half again (src/ingest/events/half-rows.ts).
  const half = sql`concat('{"format":', toJSONString(format), ',"exchange":', toJSONString(exchange), ',"id":', toJSONString(id),
    ',"side":', toJSONString(side), ',"timestamp":', toString(toUnixTimestamp64Milli(timestamp)), ',', substring(body, 2))`;
  const why = sql`concat('the ', side, ' ', id, ' of ', exchange, ' has had no ', if(side = 'request', 'response', 'request'),
    ' within ', ${limit}, ' (ingest.pair_within); what is kept is what was read of it, not its bytes')`;
  await lane.command(
    sql`INSERT INTO dead_letters (source, partition, offset, item, format, reason, detail, raw) SETTINGS async_insert = 0
      SELECT source, partition, offset, 0, format, 'unpaired', if(${isKept}, ${why}, ${withheld("unpaired")}),
        if(${isKept}, substring(${half}, 1, ${options.deadLetterBytes}), '')
      FROM halves FINAL WHERE ${alone}`,
  );
  return counts;
}

function aloneBetween({ from, to }: UnpairedOptions): Sql {
  const between = sql`stored_at >= ${time(from)} AND stored_at < ${time(to)}`;
  return sql`${between} AND (id, exchange) IN (SELECT id, exchange FROM halves
    WHERE id IN (SELECT id FROM halves WHERE ${between}) GROUP BY id, exchange HAVING uniqExact(side) = 1)`;
}

/** Halves that one statement names. */
const HALVES_AT_ONCE = 500;

/** Takes back the dead letters of halves that have found each other after all. */
export async function withdraw(
  lane: Lane,
  halves: readonly Pick<StoredHalf, "source" | "partition" | "offset">[],
): Promise<void> {
  for (let from = 0; from < halves.length; from += HALVES_AT_ONCE) {
    const positions = halves
      .slice(from, from + HALVES_AT_ONCE)
      .map(({ source, partition, offset }) => sql`(${source}, ${partition}, ${offset})`);
    await lane.command(
      sql`DELETE FROM dead_letters WHERE reason = 'unpaired' AND (source, partition, offset) IN (${join(positions)})`,
    );
  }
}
