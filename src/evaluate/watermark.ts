/**
 * Up to which event time a model's events are taken to be complete. The clock has a part in it, but only in *when* a window is
 * computed: its value does not depend on that.
 */
import { z } from "zod";
import { sql } from "../store/sql.ts";
import type { Lane } from "../store/store.ts";
import { type Partition, partitionKey } from "./commit-records.ts";

export interface PartitionTime extends Partition {
  /** Greatest event time stored, ms. */
  readonly maxTimestamp: number;
  /** When the last batch was stored, ms. */
  readonly seenAt: number;
}

export async function readPartitionTimes(lane: Lane): Promise<PartitionTime[]> {
  const rows = await lane.query(
    sql`SELECT source, partition, toUnixTimestamp64Milli(max(max_timestamp)) AS max_timestamp, toUnixTimestamp64Milli(max(seen_at)) AS seen_at FROM positions GROUP BY source, partition`,
    z.object({ source: z.string(), partition: z.number(), max_timestamp: z.number(), seen_at: z.number() }),
  );
  return rows.map((row) => ({
    source: row.source,
    partition: row.partition,
    maxTimestamp: row.max_timestamp,
    seenAt: row.seen_at,
  }));
}

/** Partitions that have carried predictions of the model: a partition of labels alone neither holds its windows back nor closes them. */
export async function readFeedingPartitions(lane: Lane, model: string): Promise<Set<string>> {
  const rows = await lane.query(
    sql`SELECT DISTINCT source, partition FROM batches WHERE arrayExists(t -> t.model = ${model} AND t.kind = 'prediction', touched)`,
    z.object({ source: z.string(), partition: z.number() }),
  );
  return new Set(rows.map(partitionKey));
}

const isRedriven = (source: string): boolean => /^(?:pairs:[^:]*:)?redrive:/.test(source);

/**
 * The least over the feeding partitions of min(greatest event time, now) − allowed lateness. A partition that has been idle
 * advances by as long as it has been idle, so that it can't hold the others back for ever, and never beyond now.
 *
 * @returns -Infinity where no partition feeds the model
 */
export function watermarkOf(
  times: readonly PartitionTime[],
  feeding: ReadonlySet<string>,
  allowedLateness: number,
  now: number,
): number {
  let least = Number.POSITIVE_INFINITY;
  const fed = times.filter((time) => feeding.has(partitionKey(time)));
  // Dead letters that were read again are as old as they are: they hold nothing back, unless nothing else has come.
  const live = fed.filter(({ source }) => !isRedriven(source));
  for (const time of live.length > 0 ? live : fed) {
    const idle = Math.max(0, now - time.seenAt);
    least = Math.min(least, Math.min(time.maxTimestamp + idle, now));
  }
  return least === Number.POSITIVE_INFINITY ? Number.NEGATIVE_INFINITY : least - allowedLateness;
}
