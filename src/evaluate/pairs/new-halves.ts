/** Halves of calls as the store has them: those that came since pairing last looked, and all halves of the same calls. */
import { z } from "zod";
import { halfSides } from "../../core/half.ts";
import { parseLossless } from "../../core/lossless-json.ts";
import { sql } from "../../store/sql.ts";
import type { Lane } from "../../store/store.ts";
import { type Marks, partitionKey, past } from "../commit-records.ts";

export interface StoredHalf {
  readonly id: string;
  readonly exchange: string;
  readonly side: (typeof halfSides)[number];
  readonly source: string;
  readonly partition: number;
  readonly offset: number;
  readonly timestamp: number;
  readonly format: string;
  readonly body: z.output<typeof halfBody>;
  /** ms since 1970, the service's clock. */
  readonly storedAt: number;
}

/** Offsets of one partition in which halves lie. */
export interface OffsetRange {
  readonly source: string;
  readonly partition: number;
  readonly from: number;
  readonly to: number;
}

/** Messages that one statement looks through: the bodies of their calls lie in memory meanwhile. */
const OFFSETS_AT_ONCE = 2_000;

const halfBody = z.object({
  event: z.record(z.string(), z.unknown()),
  rows: z.array(z.record(z.string(), z.unknown())),
  plainId: z.boolean(),
  /** Whether it was stored under a configuration in which a model has `privacy`. */
  redacted: z.boolean().default(false),
});

const batchRow = z.object({
  source: z.string(),
  partition: z.number(),
  next_offset: z.number(),
  ranges: z.array(z.tuple([z.number(), z.number()])),
});

/** Where halves have been committed past the marks, in pieces; moves the marks on. */
export async function readNewRanges(lane: Lane, marks: Marks): Promise<OffsetRange[]> {
  const rows = await lane.query(
    sql`SELECT source AS source, partition AS partition, max(last_offset) + 1 AS next_offset,
        arraySort(groupUniqArrayIf((first_offset, last_offset), halves > 0)) AS ranges
      FROM batches WHERE ${past(marks)} GROUP BY source, partition ORDER BY source, partition`,
    batchRow,
  );
  return rows.flatMap(({ source, partition, next_offset: nextOffset, ranges }) => {
    marks.set(partitionKey({ source, partition }), { source, partition, nextOffset });
    return ranges.flatMap(([from, to]) => pieces({ source, partition, from, to }));
  });
}

function pieces({ source, partition, from, to }: OffsetRange): OffsetRange[] {
  const found: OffsetRange[] = [];
  for (let start = from; start <= to; start += OFFSETS_AT_ONCE)
    found.push({ source, partition, from: start, to: Math.min(to, start + OFFSETS_AT_ONCE - 1) });
  return found;
}

const halfRow = z.object({
  id: z.string(),
  exchange: z.string(),
  side: z.enum(halfSides),
  source: z.string(),
  partition: z.number(),
  offset: z.number(),
  at: z.number(),
  format: z.string(),
  body: z.string(),
  stored: z.number(),
});

/** All halves of the calls of which a half lies in the range, both sides and all copies, in the order of (time, position). */
export async function readCalls(lane: Lane, { source, partition, from, to }: OffsetRange): Promise<StoredHalf[]> {
  const here = sql`source = ${source} AND partition = ${partition} AND offset >= ${from} AND offset <= ${to}`;
  const rows = await lane.query(
    sql`SELECT id, exchange, side, source, partition AS partition, offset AS offset, toUnixTimestamp64Milli(timestamp) AS at, format, body,
        toUnixTimestamp64Milli(stored_at) AS stored
      FROM halves FINAL WHERE id IN (SELECT id FROM halves WHERE ${here}) AND (id, exchange) IN (SELECT id, exchange FROM halves WHERE ${here})
      ORDER BY at, source, partition, offset`,
    halfRow,
  );
  return rows.map(({ at, stored, body, ...row }) => ({
    ...row,
    timestamp: at,
    storedAt: stored,
    body: halfBody.parse(parseLossless(body)),
  }));
}
