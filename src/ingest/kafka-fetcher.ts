/**
 * Fetches from one broker after the other answer, for all partitions that it leads and that have room. At the end of
 * the log a fetch waits at the broker for seconds; while a partition is held back the others wait only briefly, so that
 * it is soon asked for again.
 */

import type { Clock } from "../core/clock.ts";
import { messageOf } from "../core/errors.ts";
import type { Log } from "../telemetry/log.ts";
import type { KafkaClient } from "./kafka-client.ts";
import type { PartitionReader } from "./kafka-partition.ts";
import { describeErrorCode, type FetchedPartition } from "./kafka-protocol.ts";
import { decodeRecords } from "./kafka-records.ts";
import type { Wake } from "./kafka-wake.ts";

export interface FetchLimits {
  /** How long a broker may wait for new records before it answers. */
  readonly maxWaitMs: number;
  readonly maxBytes: number;
  readonly maxBytesPerPartition: number;
  /** No fetch begins while so much waits for the sink. */
  readonly maxQueuedBytes: number;
}

export interface FetchEvents {
  /** The offset is not in the log: find out where to go on. */
  outOfRange(reader: PartitionReader, offset: number): void;
  /** The topic or its leader may have changed: look. */
  topicTrouble(): void;
  /** Records were read, and `tombstones` of them had no value and were passed over. */
  read(reader: PartitionReader, tombstones: number): void;
}

export interface FetchContext {
  readonly newClient: () => KafkaClient;
  readonly readers: () => Iterable<PartitionReader>;
  readonly limits: FetchLimits;
  readonly events: FetchEvents;
  readonly wake: Wake;
  readonly clock: Clock;
  readonly log: Log;
}

const outOfRange = 1;
const retryMs = 500;
const briefWaitMs = 50;

/**
 * Fetches from `node` until `signal` aborts. A broker that fails is tried again and ends no other loop. The connection is its
 * own, so that it can be broken off at any time.
 */
export async function fetchFrom(node: number, context: FetchContext, signal: AbortSignal): Promise<void> {
  while (!signal.aborted) {
    const client = context.newClient();
    const breakOff = () => void client.close();
    signal.addEventListener("abort", breakOff, { once: true });
    try {
      await client.connect();
      await client.metadata([...new Set([...context.readers()].map((reader) => reader.topic))]);
      await fetchWith(client, node, context, signal);
    } catch (error) {
      if (signal.aborted) return;
      for (const reader of context.readers()) {
        if (reader.leader === node)
          refuse(reader, `the broker that leads it can't be read: ${messageOf(error)}`, context);
      }
      context.events.topicTrouble();
      await context.clock.sleep(retryMs, signal);
    } finally {
      signal.removeEventListener("abort", breakOff);
      await client.close();
    }
  }
}

/** Throws when the broker fails. */
async function fetchWith(client: KafkaClient, node: number, context: FetchContext, signal: AbortSignal): Promise<void> {
  const { limits, wake, clock } = context;
  while (!signal.aborted) {
    const mine = [...context.readers()].filter((reader) => reader.leader === node && !reader.revoked);
    const ready = queuedBytes(context) < limits.maxQueuedBytes ? mine.filter((reader) => isReady(reader, clock)) : [];
    if (ready.length === 0) {
      await wake.wait(250, signal);
      continue;
    }
    const asked = rotate(ready).map((reader) => ({ reader, offset: reader.fetchOffset ?? 0, source: reader.source }));
    const maxWaitMs = ready.length < mine.length ? Math.min(briefWaitMs, limits.maxWaitMs) : limits.maxWaitMs;
    const wanted = asked.map(({ reader, offset }) => ({ ...names(reader), offset }));
    const answer = await client.fetch(node, wanted, { ...limits, maxWaitMs });
    if (signal.aborted) return;
    if (answer.error !== 0) throw new Error(describeErrorCode(answer.error));
    for (const part of answer.partitions) {
      const of = asked.find(({ reader }) => reader.topic === part.topic && reader.partition === part.partition);
      // What was moved elsewhere meanwhile has no use for this answer.
      if (of === undefined || of.reader.revoked || of.reader.source !== of.source) continue;
      if (of.reader.fetchOffset === of.offset) takePart(of.reader, of.offset, part, context);
    }
  }
}

function takePart(reader: PartitionReader, offset: number, part: FetchedPartition, context: FetchContext): void {
  if (part.error === outOfRange) {
    reader.fetchOffset = null;
    context.events.outOfRange(reader, offset);
    return;
  }
  if (part.error !== 0) {
    refuse(reader, describeErrorCode(part.error), context);
    context.events.topicTrouble();
    return;
  }
  reader.problem = null;
  reader.highWatermark = part.highWatermark;
  const decoded = decodeRecords(part.records, reader.source, reader.partition, offset, part.aborted);
  for (const { offset: first, nextOffset, reason } of decoded.unreadable) {
    context.log.warn("A batch of records can't be read; it is handed on whole", {
      ...names(reader),
      offset: first,
      nextOffset,
      reason,
    });
  }
  const messages = decoded.messages.filter(({ value }) => value !== null);
  if (decoded.nextOffset > offset) {
    reader.servedAtMs = context.clock.now();
    reader.take(messages, decoded.nextOffset, decoded.bytes);
  }
  context.events.read(reader, decoded.messages.length - messages.length);
}

function refuse(reader: PartitionReader, problem: string, context: FetchContext): void {
  reader.problem = problem;
  reader.retryAtMs = context.clock.now() + retryMs;
}

function isReady(reader: PartitionReader, clock: Clock): boolean {
  return reader.fetchOffset !== null && !reader.held && reader.retryAtMs <= clock.now();
}

function names(reader: PartitionReader): { topic: string; topicId: string | null; partition: number } {
  return { topic: reader.topic, topicId: reader.topicId, partition: reader.partition };
}

function queuedBytes(context: FetchContext): number {
  let bytes = 0;
  for (const reader of context.readers()) bytes += reader.queuedBytes;
  return bytes;
}

/**
 * A broker fills its answer in the order asked for, and only the first may exceed its bytes by a large batch; so whoever was served
 * longest ago is asked for first.
 */
function rotate(readers: readonly PartitionReader[]): readonly PartitionReader[] {
  return [...readers].sort((a, b) => a.servedAtMs - b.servedAtMs);
}
