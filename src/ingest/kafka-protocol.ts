/**
 * The two requests that kafkajs does not know in the versions we need: Metadata with topic ids (12) and Fetch by topic
 * id (13). With them a topic that was deleted and made anew is another topic, and no fetch mistakes one for the other.
 * Brokers before Kafka 3.1 get the older forms by name (Metadata 4, Fetch 11).
 */
import { ByteReader, ByteWriter } from "./kafka-bytes.ts";

export const apiKeys = { fetch: 1, metadata: 3 } as const;

/** What kafkajs's connection sends and how it reads the answer. */
export interface WireRequest<Answer> {
  readonly request: {
    readonly apiKey: number;
    readonly apiVersion: number;
    readonly apiName: string;
    readonly encode: () => Promise<ByteWriter>;
  };
  readonly response: {
    readonly decode: (payload: Buffer) => Promise<{ answer: Answer; clientSideThrottleTime: number }>;
    readonly parse: (decoded: { answer: Answer }) => Promise<Answer>;
  };
  readonly requestTimeout?: number;
  readonly logResponseError: false;
}

export interface TopicMetadata {
  /** Kafka's error code; 0 is none, 3 an unknown topic. */
  readonly error: number;
  readonly name: string;
  /** null where the broker is too old to tell. */
  readonly id: string | null;
  /** Leader of each partition; -1 while there is none. */
  readonly leaders: ReadonlyMap<number, number>;
}

const noTopicId = Buffer.alloc(16).toString("base64url");

/** Asks for topics by name; it never makes them. */
export function metadataRequest(topics: readonly string[], withIds: boolean): WireRequest<TopicMetadata[]> {
  const encode = () => {
    const writer = new ByteWriter();
    if (withIds) {
      writer.tags().unsignedVarint(topics.length + 1);
      for (const topic of topics) writer.uuid(noTopicId).compactText(topic).tags();
      return writer.int8(0).int8(0).tags();
    }
    writer.int32(topics.length);
    for (const topic of topics) writer.text(topic);
    return writer.int8(0);
  };
  return wireRequest(apiKeys.metadata, withIds ? 12 : 4, "Metadata", encode, (reader) =>
    withIds ? readMetadata12(reader) : readMetadata4(reader),
  );
}

function readMetadata12(reader: ByteReader): { answer: TopicMetadata[]; throttleMs: number } {
  reader.skipTags();
  const throttleMs = reader.int32();
  reader.compactArray(() => {
    reader.int32();
    reader.compactText();
    reader.int32();
    reader.compactText();
    reader.skipTags();
  });
  reader.compactText();
  reader.int32();
  const answer = reader.compactArray(() => {
    const error = reader.int16();
    const name = reader.compactText() ?? "";
    const id = reader.uuid();
    reader.int8();
    const leaders = reader.compactArray((): [number, number] => {
      reader.int16();
      const partition = reader.int32();
      const leader = reader.int32();
      reader.int32();
      for (let list = 0; list < 3; list += 1) reader.compactArray(() => reader.int32());
      reader.skipTags();
      return [partition, leader];
    });
    reader.int32();
    reader.skipTags();
    return { error, name, id: id === noTopicId ? null : id, leaders: new Map(leaders) };
  });
  return { answer, throttleMs };
}

function readMetadata4(reader: ByteReader): { answer: TopicMetadata[]; throttleMs: number } {
  const throttleMs = reader.int32();
  reader.array(() => {
    reader.int32();
    reader.text();
    reader.int32();
    reader.text();
  });
  reader.text();
  reader.int32();
  const answer = reader.array(() => {
    const error = reader.int16();
    const name = reader.text() ?? "";
    reader.int8();
    const leaders = reader.array((): [number, number] => {
      reader.int16();
      const partition = reader.int32();
      const leader = reader.int32();
      for (let list = 0; list < 2; list += 1) reader.array(() => reader.int32());
      return [partition, leader];
    });
    return { error, name, id: null, leaders: new Map(leaders) };
  });
  return { answer, throttleMs };
}

export interface FetchPartition {
  readonly topic: string;
  readonly topicId: string | null;
  readonly partition: number;
  readonly offset: number;
}

export interface FetchOptions {
  /** The broker answers empty after this time. */
  readonly maxWaitMs: number;
  readonly maxBytes: number;
  readonly maxBytesPerPartition: number;
}

/** A transaction that was aborted: its records must not be seen. */
export interface AbortedTransaction {
  readonly producerId: string;
  readonly firstOffset: number;
}

export interface FetchedPartition {
  readonly topic: string;
  readonly topicId: string | null;
  readonly partition: number;
  readonly error: number;
  readonly highWatermark: number;
  readonly aborted: readonly AbortedTransaction[];
  /** Record batches, the last one possibly cut off. */
  readonly records: Buffer;
}

export interface FetchAnswer {
  readonly error: number;
  readonly partitions: readonly FetchedPartition[];
}

const readCommitted = 1;
const none = Buffer.alloc(0);

/** Fetches committed records. Either all partitions carry a topic id (`withIds`) or the names are used. */
export function fetchRequest(
  partitions: readonly FetchPartition[],
  withIds: boolean,
  options: FetchOptions,
): WireRequest<FetchAnswer> {
  const byTopic = new Map<string, FetchPartition[]>();
  for (const entry of partitions) {
    const key = withIds ? (entry.topicId ?? "") : entry.topic;
    byTopic.set(key, [...(byTopic.get(key) ?? []), entry]);
  }
  const encode = () => {
    const writer = new ByteWriter();
    if (withIds) writer.tags();
    writer.int32(-1).int32(options.maxWaitMs).int32(1).int32(options.maxBytes).int8(readCommitted).int32(0).int32(-1);
    const count = (length: number) => (withIds ? writer.unsignedVarint(length + 1) : writer.int32(length));
    count(byTopic.size);
    for (const [topic, entries] of byTopic) {
      if (withIds) writer.uuid(topic);
      else writer.text(topic);
      count(entries.length);
      for (const entry of entries) {
        writer.int32(entry.partition).int32(-1).int64(entry.offset);
        if (withIds) writer.int32(-1);
        writer.int64(-1).int32(options.maxBytesPerPartition);
        if (withIds) writer.tags();
      }
      if (withIds) writer.tags();
    }
    count(0);
    return withIds ? writer.compactText("").tags() : writer.text("");
  };
  return {
    ...wireRequest(apiKeys.fetch, withIds ? 13 : 11, "Fetch", encode, (reader) =>
      readFetch(reader, withIds, partitions),
    ),
    requestTimeout: options.maxWaitMs + 15_000,
  };
}

function readFetch(
  reader: ByteReader,
  withIds: boolean,
  asked: readonly FetchPartition[],
): { answer: FetchAnswer; throttleMs: number } {
  const nameOf = new Map(asked.map((entry) => [entry.topicId, entry.topic]));
  const list = <Item>(item: () => Item) => (withIds ? reader.compactArray(item) : reader.array(item));
  const tags = () => (withIds ? reader.skipTags() : undefined);
  tags();
  const throttleMs = reader.int32();
  const error = reader.int16();
  reader.int32();
  const partitions: FetchedPartition[] = [];
  list(() => {
    const topicId = withIds ? reader.uuid() : null;
    const topic = withIds ? (nameOf.get(topicId) ?? "") : (reader.text() ?? "");
    list(() => {
      const partition = reader.int32();
      const partitionError = reader.int16();
      const highWatermark = reader.int64();
      reader.int64();
      reader.int64();
      const aborted = list(() => {
        const transaction = { producerId: reader.int64Text(), firstOffset: reader.int64() };
        tags();
        return transaction;
      });
      reader.int32();
      const length = withIds ? reader.unsignedVarint() - 1 : reader.int32();
      const records = length > 0 ? reader.bytes(length) : none;
      tags();
      partitions.push({ topic, topicId, partition, error: partitionError, highWatermark, aborted, records });
    });
    tags();
  });
  return { answer: { error, partitions }, throttleMs };
}

function wireRequest<Answer>(
  apiKey: number,
  apiVersion: number,
  apiName: string,
  encode: () => ByteWriter,
  read: (reader: ByteReader) => { answer: Answer; throttleMs: number },
): WireRequest<Answer> {
  return {
    request: { apiKey, apiVersion, apiName, encode: () => Promise.resolve(encode()) },
    response: {
      decode: (payload) => {
        const { answer, throttleMs } = read(new ByteReader(payload));
        return Promise.resolve({ answer, clientSideThrottleTime: throttleMs });
      },
      parse: (decoded) => Promise.resolve(decoded.answer),
    },
    logResponseError: false,
  };
}

/** Names of the codes that a fetch or metadata answer may carry, in words for a person. */
export function describeErrorCode(code: number): string {
  return errorTexts[code] ?? `Kafka answered with error code ${code}`;
}

const errorTexts: Readonly<Record<number, string>> = {
  [-1]: "the broker failed for an unknown reason",
  1: "the offset is out of the log's range",
  2: "the broker found a corrupt record",
  3: "the topic or partition does not exist",
  5: "the partition has no leader at the moment",
  6: "the broker no longer leads the partition",
  9: "the replica is not available",
  17: "the topic's name is invalid",
  29: "reading the topic is not authorized",
  56: "the broker can't read its disk",
  74: "the partition's leader has changed",
  75: "the broker does not know the partition's newest leader yet",
  76: "the topic is compressed with a codec that this fetch version lacks",
  78: "the offset is not available until the leader has caught up",
  100: "the topic was deleted",
  103: "the topic was made anew",
};
