/** Messages that could not become an event. */
import { z } from "zod";
import { sql, time } from "../../store/sql.ts";
import type { Lane } from "../../store/store.ts";

/** Bytes of a raw message that are shown; the table holds more. */
const SHOWN_BYTES = 2000;

const deadLetter = z.object({
  source: z.string(),
  partition: z.number(),
  offset: z.number(),
  /** Which of several events of one message. */
  item: z.number(),
  /** What the message was read as; '' before that was noted. */
  format: z.string(),
  reason: z.string(),
  detail: z.string(),
  raw: z.string(),
  raw_bytes: z.number(),
  received_ms: z.number(),
});
export type DeadLetterView = z.output<typeof deadLetter>;

/** The newest first. `raw` is cut after 2,000 bytes, with bytes that are no text replaced. */
export function selectDeadLetters(lane: Lane, limit: number): Promise<DeadLetterView[]> {
  return lane.query(
    sql`SELECT source, partition AS partition, offset AS offset, item AS item, format, reason, detail, toValidUTF8(substring(raw, 1, ${SHOWN_BYTES})) AS raw,
        length(dead_letters.raw) AS raw_bytes, toUnixTimestamp64Milli(received_at) AS received_ms
      FROM dead_letters FINAL ORDER BY received_at DESC, source, partition, offset DESC, item DESC LIMIT ${limit}`,
    deadLetter,
  );
}

const counts = z.object({
  recent: z.number(),
  total: z.number(),
  sources: z.array(z.string()),
  reasons: z.array(z.string()),
});
export type DeadLetterCounts = z.output<typeof counts>;

/** How many came since `sinceMs`, from where and why, and how many are kept in all. */
export async function countDeadLetters(lane: Lane, sinceMs: number): Promise<DeadLetterCounts> {
  const [row] = await lane.query(
    sql`SELECT countIf(received_at >= ${time(sinceMs)}) AS recent, count() AS total,
        arraySort(groupUniqArrayIf(5)(toString(source), received_at >= ${time(sinceMs)})) AS sources,
        topKIf(3)(toString(reason), received_at >= ${time(sinceMs)}) AS reasons FROM dead_letters FINAL`,
    counts,
  );
  return row ?? { recent: 0, total: 0, sources: [], reasons: [] };
}

const reasonCount = z.object({ format: z.string(), reason: z.string(), recent: z.number(), total: z.number() });
export type ReasonCount = z.output<typeof reasonCount>;

/** What could not be read, by format and reason: since `sinceMs` and in all, the most frequent first. */
export function countByReason(lane: Lane, sinceMs: number): Promise<ReasonCount[]> {
  return lane.query(
    sql`SELECT format, reason, countIf(received_at >= ${time(sinceMs)}) AS recent, count() AS total
      FROM dead_letters FINAL GROUP BY format, reason ORDER BY total DESC, format, reason`,
    reasonCount,
  );
}
