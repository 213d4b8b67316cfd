/**
 * Which halves of calls among dead letters have another side by now: such a half is put back among those that wait, and is paired. One that is
 * still alone stays where it is, or it would only come back.
 */
import { z } from "zod";
import type { DeadLetterReason } from "../core/event.ts";
import { halfSides } from "../core/half.ts";
import { refusalOf } from "../core/refusal.ts";
import { parseKeptHalf } from "../ingest/events/half-rows.ts";
import { type DeadLetterFilter, letterCondition } from "../serve/queries/dead-letters.ts";
import { join, type Sql, sql } from "../store/sql.ts";
import type { Lane } from "../store/store.ts";

export interface Partners {
  /** Of what a letter has kept; null: it is alone no more. */
  whyAlone(kept: string): { readonly reason: DeadLetterReason; readonly detail: string } | null;
}

const sideRow = z.object({ exchange: z.string(), id: z.string(), side: z.enum(halfSides) });
type Side = z.output<typeof sideRow>;
const keyOf = ({ exchange, id, side }: Side): string => JSON.stringify([exchange, id, side]);

/**
 * @param kept what letters have kept
 * @param filter letters that are read again together with them
 */
export async function readPartners(lane: Lane, kept: readonly string[], filter: DeadLetterFilter): Promise<Partners> {
  const calls = kept.flatMap((text): Sql[] => {
    const half = halfOf(text);
    return half === null ? [] : [sql`(${half.id}, ${half.exchange})`];
  });
  const sides = new Set<string>();
  if (calls.length > 0) {
    const these = join(calls);
    const waiting = sql`SELECT exchange, id, side FROM halves WHERE (id, exchange) IN (${these})`;
    const buried = sql`SELECT JSONExtractString(raw, 'exchange') AS exchange, JSONExtractString(raw, 'id') AS id, JSONExtractString(raw, 'side') AS side
      FROM dead_letters FINAL WHERE ${letterCondition({ ...filter, redriven: false })} AND reason = 'unpaired' AND (id, exchange) IN (${these})`;
    for (const row of await lane.query(waiting, sideRow)) sides.add(keyOf(row));
    for (const row of await lane.query(buried, sideRow)) sides.add(keyOf(row));
  }
  return {
    whyAlone(text) {
      try {
        const { exchange, id, side } = parseKeptHalf(text).half;
        const other = side === "request" ? "response" : "request";
        if (sides.has(keyOf({ exchange, id, side: other }))) return null;
        return { reason: "unpaired", detail: `the ${side} ${id} of ${exchange} still has no ${other}` };
      } catch (thrown) {
        return refusalOf(thrown);
      }
    },
  };
}

function halfOf(text: string) {
  try {
    return parseKeptHalf(text).half;
  } catch {
    return null;
  }
}
