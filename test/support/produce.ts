/** Topics and records for tests against a real broker: partitions, headers, tombstones, transactions, every codec. */
import { setTimeout as sleep } from "node:timers/promises";
import { Kafka, logLevel, type Message, Partitioners, type Producer } from "kafkajs";

/** A kafkajs client that keeps quiet. */
export function kafkaClient(brokers: string[]): Kafka {
  return new Kafka({
    brokers,
    clientId: "test",
    logLevel: logLevel.NOTHING,
    retry: { initialRetryTime: 50, retries: 10 },
  });
}

/** Makes a topic and waits until it has leaders. */
export async function createTopic(
  brokers: string[],
  topic: string,
  partitions = 1,
  settings: Readonly<Record<string, string>> = {},
): Promise<void> {
  await withAdmin(brokers, async (admin) => {
    await admin.createTopics({
      topics: [
        {
          topic,
          numPartitions: partitions,
          replicationFactor: 1,
          configEntries: Object.entries(settings).map(([name, value]) => ({ name, value })),
        },
      ],
      // kafkajs gives up waiting where the broker has not heard of the topic yet.
      waitForLeaders: false,
    });
    for (;;) {
      const known = await admin.fetchTopicMetadata({ topics: [topic] }).catch(() => null);
      const leaders = known?.topics[0]?.partitions.filter(({ leader }) => leader >= 0).length ?? 0;
      if (leaders === partitions) return;
      await sleep(50);
    }
  });
}

/** Deletes a topic and waits until the broker no longer knows it. */
export async function deleteTopic(brokers: string[], topic: string): Promise<void> {
  await withAdmin(brokers, async (admin) => {
    await admin.deleteTopics({ topics: [topic] });
    while ((await admin.listTopics()).includes(topic)) await sleep(50);
  });
}

/** Deletes the records before `offset`, as retention does. */
export async function deleteRecordsBefore(
  brokers: string[],
  topic: string,
  partition: number,
  offset: number,
): Promise<void> {
  await withAdmin(brokers, async (admin) => {
    // kafkajs looks for the leader in metadata that another call must have loaded.
    await admin.fetchTopicOffsets(topic);
    await admin.deleteTopicRecords({ topic, partitions: [{ partition, offset: String(offset) }] });
  });
}

/** kafkajs's ConfigResourceTypes.TOPIC, which ES modules can't import by name. */
const topicResource = 2;

export type BrokerCodec = "producer" | "gzip" | "snappy" | "lz4" | "zstd" | "uncompressed";

/** From now on the broker itself stores the topic's batches with this codec, in the framing of the Java libraries. */
export async function setCodec(brokers: string[], topic: string, codec: BrokerCodec): Promise<void> {
  await withAdmin(brokers, (admin) =>
    admin.alterConfigs({
      validateOnly: false,
      resources: [{ type: topicResource, name: topic, configEntries: [{ name: "compression.type", value: codec }] }],
    }),
  );
}

/** The committed offset of a group's partition, -1 where there is none. */
export async function committedOffset(
  brokers: string[],
  group: string,
  topic: string,
  partition: number,
): Promise<number> {
  let committed = -1;
  await withAdmin(brokers, async (admin) => {
    const [of] = await admin.fetchOffsets({ groupId: group, topics: [topic] });
    committed = Number(of?.partitions.find((entry) => entry.partition === partition)?.offset ?? -1);
  });
  return committed;
}

/** The end of a partition's log. */
export async function endOfLog(brokers: string[], topic: string, partition: number): Promise<number> {
  let end = -1;
  await withAdmin(brokers, async (admin) => {
    const offsets = await admin.fetchTopicOffsets(topic);
    end = Number(offsets.find((entry) => entry.partition === partition)?.high ?? -1);
  });
  return end;
}

/** Sends records in batches, in order. */
export async function produce(
  brokers: string[],
  topic: string,
  messages: readonly Message[],
  batch = 1000,
): Promise<void> {
  // Idempotent, or a retry would be a second copy.
  await withProducer(
    kafkaClient(brokers).producer({ ...plain, idempotent: true, maxInFlightRequests: 1 }),
    async (producer) => {
      for (let from = 0; from < messages.length; from += batch) {
        await producer.send({ topic, messages: messages.slice(from, from + batch) });
      }
    },
  );
}

/**
 * One transaction on a topic of one partition; `abort` leaves its records in the log as aborted ones. Resolves once the
 * marker is in the log: the broker answers before it has written it. No messages: no marker either.
 */
export async function produceTransaction(
  brokers: string[],
  topic: string,
  messages: readonly Message[],
  end: "commit" | "abort",
  transactionalId = "test-transactions",
): Promise<void> {
  const producer = kafkaClient(brokers).producer({
    ...plain,
    transactionalId,
    maxInFlightRequests: 1,
    idempotent: true,
  });
  const withMarker = (await endOfLog(brokers, topic, 0)) + messages.length + 1;
  await withProducer(producer, async () => {
    const transaction = await producer.transaction();
    if (messages.length > 0) await transaction.send({ topic, messages: [...messages] });
    if (end === "commit") await transaction.commit();
    else await transaction.abort();
  });
  while (messages.length > 0 && (await endOfLog(brokers, topic, 0)) < withMarker) await sleep(20);
}

const plain = { createPartitioner: Partitioners.DefaultPartitioner, allowAutoTopicCreation: false };

async function withProducer(producer: Producer, use: (producer: Producer) => Promise<void>): Promise<void> {
  await producer.connect();
  try {
    await use(producer);
  } finally {
    await producer.disconnect();
  }
}

async function withAdmin(
  brokers: string[],
  use: (admin: ReturnType<Kafka["admin"]>) => Promise<unknown>,
): Promise<void> {
  const admin = kafkaClient(brokers).admin();
  await admin.connect();
  try {
    await use(admin);
  } finally {
    await admin.disconnect();
  }
}
