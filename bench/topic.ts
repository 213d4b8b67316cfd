/** Fills the topics that the benchmarks read, and writes the reference beside them. */

import { once } from "node:events";
import { createWriteStream } from "node:fs";
import { finished } from "node:stream/promises";
import { Kafka, logLevel, type Message, Partitioners } from "kafkajs";
import { createTopic } from "../test/support/produce.ts";
import { jsonEventAt, jsonEvents, referenceRows, startMs, stepMs, type Width } from "./events.ts";

export const partitions = 4;
export const windowsMs = { "1m": 60_000, "5m": 300_000 } as const;
/** The default of `allowed_lateness`. */
const latenessMs = 60_000;
const messagesPerRequest = 4_000;

export interface FilledTopic {
  readonly topic: string;
  readonly width: Width;
  /** Events that windows are computed of. */
  readonly events: number;
  /** All messages: one more in each partition, late enough to close every window of the events. */
  readonly messages: number;
  /** The watermark that the last messages bring: a second past the last window, so that no other window closes. */
  readonly closesAtMs: number;
  /** How many windows of each length the events fall into. */
  readonly windows: Readonly<Record<keyof typeof windowsMs, number>>;
}

/** Makes a topic of four partitions and sends the events to them in turn, uncompressed. Holds few messages at a time. */
export async function fillTopic(brokers: string[], topic: string, width: Width, events: number): Promise<FilledTopic> {
  const closesAtMs = startMs + windowsOf(events, windowsMs["5m"]) * windowsMs["5m"] + 1_000;
  await createTopic(brokers, topic, partitions);
  const kafka = new Kafka({ brokers, clientId: "bench-producer", logLevel: logLevel.NOTHING });
  const producer = kafka.producer({
    createPartitioner: Partitioners.DefaultPartitioner,
    allowAutoTopicCreation: false,
  });
  await producer.connect();
  const send = (messages: Message[]) => producer.send({ topic, messages, acks: 1 });
  try {
    let messages: Message[] = [];
    let sending: Promise<unknown> = Promise.resolve();
    let index = 0;
    for (const value of jsonEvents(width, events)) {
      messages.push({ value, partition: index % partitions });
      index += 1;
      if (messages.length < messagesPerRequest) continue;
      // One request is under way while the next one is made.
      await sending;
      sending = send(messages);
      sending.catch(() => undefined);
      messages = [];
    }
    await sending;
    if (messages.length > 0) await send(messages);
    for (let partition = 0; partition < partitions; partition += 1) {
      await send([{ value: jsonEventAt(width, closesAtMs + latenessMs, 1_000_000 + partition), partition }]);
    }
  } finally {
    await producer.disconnect();
  }
  return {
    topic,
    width,
    events,
    messages: events + partitions,
    closesAtMs,
    windows: { "1m": windowsOf(events, windowsMs["1m"]), "5m": windowsOf(events, windowsMs["5m"]) },
  };
}

/** Writes `rows` reference rows as NDJSON. */
export async function writeReference(file: string, width: Width, rows = 20_000): Promise<void> {
  const stream = createWriteStream(file);
  for (const row of referenceRows(width, rows)) {
    if (!stream.write(`${row}\n`)) await once(stream, "drain");
  }
  stream.end();
  await finished(stream);
}

function windowsOf(events: number, lengthMs: number): number {
  return Math.ceil((events * stepMs) / lengthMs);
}
