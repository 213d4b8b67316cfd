/**
 * The topics of a Kafka source as they are now, partition by partition, each from an offset to its end: for a replay and for a sample. No
 * consumer group is joined and nothing is committed, so a running service does not notice.
 */
import type { KafkaSourceConfig } from "../config/sources.ts";
import { DriftlineError, messageOf } from "../core/errors.ts";
import type { RawMessage } from "../core/event.ts";
import { KafkaClient } from "./kafka-client.ts";
import { sourceName } from "./kafka-locate.ts";
import { describeErrorCode } from "./kafka-protocol.ts";
import { decodeRecords } from "./kafka-records.ts";
import { defaultTuning } from "./kafka-tuning.ts";

export interface TopicPartition {
  readonly source: string;
  readonly topic: string;
  readonly partition: number;
  /** First offset that the log holds, and the one after its last, when it was opened. */
  readonly start: number;
  readonly end: number;
  /** What lies from an offset up to `end`, in order; records without a value are passed over. */
  messages(from: number): AsyncIterable<readonly RawMessage[]>;
}

/** A fetch that brings nothing is not waited for: the records up to the end are there. */
const WAIT_MS = 500;
/** Fetches without an answer that leads on before it is given up. */
const MOST_EMPTY = 20;

/** @throws DriftlineError `source_failed` where no broker answers or a topic is not there */
export async function openTopics(config: KafkaSourceConfig): Promise<readonly TopicPartition[]> {
  return withClient(config, async (client) => {
    const topics = await client.metadata(config.topics);
    const found: TopicPartition[] = [];
    for (const topic of config.topics) {
      const known = topics.get(topic);
      if (known === undefined || known.error !== 0)
        throw new Error(
          known === undefined || known.error === 3 ? `there is no topic ${topic}` : describeErrorCode(known.error),
        );
      for (const [partition, leader] of [...known.leaders].sort((a, b) => a[0] - b[0])) {
        const { start, end } = await client.bounds(leader, topic, partition);
        const place = { source: sourceName(topic, known.id, 1), topic, topicId: known.id, partition, leader, end };
        found.push({ ...place, start, messages: (from) => messagesOf(config, place, Math.max(from, start)) });
      }
    }
    return found;
  });
}

interface Place {
  readonly source: string;
  readonly topic: string;
  readonly topicId: string | null;
  readonly partition: number;
  readonly leader: number;
  readonly end: number;
}

async function* messagesOf(
  config: KafkaSourceConfig,
  { source, topic, topicId, partition, leader, end }: Place,
  from: number,
): AsyncGenerator<readonly RawMessage[]> {
  if (from >= end) return;
  const client = new KafkaClient(config);
  try {
    await client.connect();
    await client.metadata([topic]);
    let offset = from;
    for (let empty = 0; offset < end; ) {
      const wanted = [{ topic, topicId, partition, offset }];
      const answer = await client.fetch(leader, wanted, { ...defaultTuning, maxWaitMs: WAIT_MS });
      const part = answer.partitions[0];
      const error = answer.error === 0 ? (part?.error ?? 0) : answer.error;
      if (error !== 0 || part === undefined) throw new Error(describeErrorCode(error));
      const decoded = decodeRecords(part.records, source, partition, offset, part.aborted);
      const messages = decoded.messages.filter((message) => message.value !== null && message.offset < end);
      empty = decoded.nextOffset > offset ? 0 : empty + 1;
      if (empty > MOST_EMPTY)
        throw new Error(`nothing comes from offset ${offset} of ${topic}, partition ${partition}`);
      offset = decoded.nextOffset;
      if (messages.length > 0) yield messages;
    }
  } catch (thrown) {
    throw failed(config, thrown);
  } finally {
    await client.close();
  }
}

async function withClient<Result>(config: KafkaSourceConfig, use: (client: KafkaClient) => Promise<Result>) {
  const client = new KafkaClient(config);
  try {
    await client.connect();
    return await use(client);
  } catch (thrown) {
    throw failed(config, thrown);
  } finally {
    await client.close();
  }
}

const failed = (config: KafkaSourceConfig, thrown: unknown): DriftlineError =>
  new DriftlineError("source_failed", `Kafka at ${config.brokers.join(", ")}: ${messageOf(thrown)}`, { cause: thrown });
