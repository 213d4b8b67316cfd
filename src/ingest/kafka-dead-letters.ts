/**
 * Sends dead letters to a Kafka topic as well, for those who repair and send them again: the raw bytes are the value, and
 * where they came from and why they were refused stands in headers. The store's table stays the complete record.
 */
import { Kafka, type Message, Partitioners } from "kafkajs";
import type { KafkaSourceConfig } from "../config/sources.ts";
import { DriftlineError, messageOf } from "../core/errors.ts";
import type { DeadLetter } from "../core/event.ts";
import { kafkajsConfig } from "../core/kafka-connection.ts";

export interface DeadLetterProducer {
  /** Sends them in order, all partitions acknowledged. Throws `source_failed` (retryable) when the brokers don't take them. */
  send(letters: readonly DeadLetter[]): Promise<void>;
  close(): Promise<void>;
}

/** The producer for `dead_letter_topic`, or null where none is configured. It connects with the first letter. */
export function createDeadLetterProducer(config: KafkaSourceConfig): DeadLetterProducer | null {
  const topic = config.dead_letter_topic;
  if (topic === undefined) return null;
  const producer = new Kafka(kafkajsConfig(config)).producer({
    createPartitioner: Partitioners.DefaultPartitioner,
    allowAutoTopicCreation: false,
    retry: { retries: 3 },
  });
  let connecting: Promise<void> | null = null;
  return {
    async send(letters) {
      if (letters.length === 0) return;
      try {
        connecting ??= producer.connect();
        await connecting;
        await producer.send({ topic, messages: letters.map(messageOfLetter) });
      } catch (error) {
        connecting = null;
        const text = `${letters.length} dead letters can't be sent to the topic ${topic}: ${messageOf(error)}`;
        throw new DriftlineError("source_failed", text, { cause: error, retryable: true });
      }
    },
    close: () => producer.disconnect(),
  };
}

/** Keyed by where it came from, so that a letter that is sent twice can be told. */
function messageOfLetter({ source, partition, offset, item, format, reason, detail, raw }: DeadLetter): Message {
  return {
    key: item === 0 ? `${source}/${partition}/${offset}` : `${source}/${partition}/${offset}/${item}`,
    value: typeof raw === "string" ? Buffer.from(raw) : raw,
    headers: { source, partition: String(partition), offset: String(offset), format, reason, detail },
  };
}
