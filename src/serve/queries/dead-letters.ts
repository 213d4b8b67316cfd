/** Messages that could not become an event. */
import { z } from "zod";
import { join, type Sql, sql, time } from "../../store/sql.ts";
import type { Lane } from "../../store/store.ts";

/** Bytes of a raw message that are shown; the table holds more. */
const SHOWN_BYTES = 2000;

export const deadLetterSchema = z.object({
  source: z.string(),
  partition: z.number(),
  offset: z.number(),
  item: z.number(),
  format: z.string(),
  reason: z.string(),
  detail: z.string(),
  raw: z.string(),
  raw_bytes: z.number(),
  received_ms: z.number(),
  redriven_ms: z.number().nullable(),
});
export type DeadLetterView = z.output<typeof deadLetterSchema>;

export interface DeadLetterFilter {
  readonly reason?: string | undefined;
  /** Beginning of the name of the source. */
  readonly source?: string | undefined;
  /** Came at or after this, ms. */
  readonly since?: number | undefined;
  readonly id?: LetterId | undefined;
  /** Left out: all. */
  readonly redriven?: boolean | undefined;
}

/** Where the message lay, and which of its events. */
export interface LetterId {
  readonly source: string;
  readonly partition: number;
  readonly offset: number;
  readonly item: number;
}

/** `<source>/<partition>/<offset>/<item>`. */
export const letterId = ({ source, partition, offset, item }: LetterId): string =>
  `${source}/${partition}/${offset}/${item}`;

/** @returns null where the text is no id */
export function parseLetterId(text: string): LetterId | null {
  const match = /^(.+)\/(\d{1,10})\/(\d{1,16})\/(\d{1,10})$/.exec(text);
  if (match === null) return null;
  const [, source = "", partition, offset, item] = match;
  return { source, partition: Number(partition), offset: Number(offset), item: Number(item) };
}

export function letterCondition({ reason, source, since, id, redriven }: DeadLetterFilter): Sql {
  return join(
    [
      sql`true`,
      ...(reason === undefined ? [] : [sql`reason = ${reason}`]),
      ...(source === undefined ? [] : [sql`startsWith(source, ${source})`]),
      ...(since === undefined ? [] : [sql`received_at >= ${time(since)}`]),
      ...(id === undefined
        ? []
        : [sql`source = ${id.source} AND partition = ${id.partition} AND offset = ${id.offset} AND item = ${id.item}`]),
      ...(redriven === undefined ? [] : [redriven ? sql`isNotNull(redriven_at)` : sql`isNull(redriven_at)`]),
    ],
    " AND ",
  );
}

/** The newest first. `raw` is cut after 2,000 bytes, with bytes that are no text replaced. */
export function selectDeadLetters(lane: Lane, limit: number, filter: DeadLetterFilter = {}): Promise<DeadLetterView[]> {
  return lane.query(
    sql`SELECT source, partition AS partition, offset AS offset, item AS item, format, reason, detail,
        toValidUTF8(substring(letters.raw, 1, ${SHOWN_BYTES})) AS raw,
        length(letters.raw) AS raw_bytes, toUnixTimestamp64Milli(received_at) AS received_ms, toUnixTimestamp64Milli(redriven_at) AS redriven_ms
      FROM (SELECT * FROM dead_letters FINAL WHERE ${letterCondition(filter)}) AS letters
      ORDER BY received_at DESC, source, partition, offset DESC, item DESC LIMIT ${limit}`,
    deadLetterSchema,
  );
}

/** All bytes that are kept of one, as base64; null where there is no such letter. */
export async function readLetterBytes(lane: Lane, id: LetterId): Promise<string | null> {
  const rows = await lane.query(
    sql`SELECT base64Encode(raw) AS bytes FROM dead_letters FINAL WHERE ${letterCondition({ id })}`,
    z.object({ bytes: z.string() }),
  );
  return rows[0]?.bytes ?? null;
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
        topKIf(3)(toString(reason), received_at >= ${time(sinceMs)}) AS reasons FROM dead_letters FINAL WHERE isNull(redriven_at)`,
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
      FROM dead_letters FINAL WHERE isNull(redriven_at) GROUP BY format, reason ORDER BY total DESC, format, reason`,
    reasonCount,
  );
}
