/** What lies in a log besides plain records: transactions, markers, tombstones, odd headers, and every codec. */
import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import path from "node:path";
import { after, before, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { ArrayStore } from "../support/kafka/array-sink.ts";
import { startSource, until } from "../support/kafka/source-under-test.ts";
import { brokerIsOurs, startBroker, type TestBroker } from "../support/kafka-broker.ts";
import {
  type BrokerCodec,
  committedOffset,
  createTopic,
  endOfLog,
  kafkaClient,
  produce,
  produceTransaction,
  setCodec,
} from "../support/produce.ts";

let broker: TestBroker;
before(async () => {
  broker = await startBroker({ logLevels: { "kafka.request.logger": "debug" } });
});
after(async () => {
  await broker[Symbol.asyncDispose]();
});

/** How many fetches with this client id the broker has answered. */
async function fetchesOf(clientId: string): Promise<number> {
  const log = await readFile(path.join(broker.dir, "broker.log"), "utf8");
  return log
    .split("\n")
    .filter((line) => line.includes('"requestApiKeyName":"FETCH"') && line.includes(`"clientId":"${clientId}"`)).length;
}

test("transaction-markers-and-tombstones: committed records are read once, and the group's position reaches the end of the log", async () => {
  const topic = "transactions";
  const store = new ArrayStore();
  const { brokers } = broker;
  await createTopic(brokers, topic);
  await setCodec(brokers, topic, "lz4");
  await produceTransaction(
    brokers,
    topic,
    ["k1", "k2", "k3"].map((key) => ({ key, value: key })),
    "commit",
  );
  await setCodec(brokers, topic, "producer");
  await produceTransaction(
    brokers,
    topic,
    ["k4", "k5"].map((key) => ({ key, value: key })),
    "abort",
  );
  await produce(brokers, topic, [{ key: "k1", value: null }]);
  await setCodec(brokers, topic, "snappy");
  await produce(brokers, topic, [{ key: "k6", value: "" }]);
  await produceTransaction(brokers, topic, [], "abort");
  await setCodec(brokers, topic, "gzip");
  await produce(brokers, topic, [{ key: "k8", value: "k8", headers: { trace: ["a", "b"] } }]);
  await setCodec(brokers, topic, "zstd");
  await produceTransaction(brokers, topic, [{ key: "k7", value: "k7" }], "commit");

  const clientId = "driftline-transactions";
  {
    await using running = await startSource({
      brokers,
      topics: [topic],
      group: topic,
      store,
      config: { client_id: clientId },
    });
    const end = await endOfLog(brokers, topic, 0);
    await until("lag 0", () => running.source.status().partitions[0]?.lag === 0);
    assert.deepEqual(store.texts(), ["k1", "k2", "k3", "", "k8", "k7"]);
    assert.equal(running.source.status().tombstones, 1);
    assert.equal(running.source.status().partitions[0]?.position, end);
    assert.equal(store.messages.at(-1)?.offset, end - 2, "the last offset is a marker");
    await until("the commit", async () => (await committedOffset(brokers, topic, topic, 0)) === end);
    if (brokerIsOurs) {
      await sleep(1_000);
      const before = await fetchesOf(clientId);
      assert.ok(before > 0, "the broker's log tells fetches");
      await sleep(10_000);
      const fetches = (await fetchesOf(clientId)) - before;
      assert.ok(fetches < 5, `${fetches} fetches in 10 s`);
    }
  }
  await using again = await startSource({ brokers, topics: [topic], group: topic, store });
  await until("lag 0", () => again.source.status().partitions[0]?.lag === 0);
  await produce(brokers, topic, [{ key: "last", value: "last" }]);
  await until("the last one", () => store.texts().includes("last"));
  assert.equal(store.messages.length, 7, "a restart reads none of it again");
});

test("transaction-markers-and-tombstones: headers that occur twice, are empty or have a hostile name do no harm", async () => {
  const topic = "headers";
  const { brokers } = broker;
  await createTopic(brokers, topic);
  const headers: Record<string, string | string[]> = { trace: ["first", "second"], x: "" };
  Object.defineProperty(headers, "__proto__", { value: "hostile", enumerable: true });
  await produce(brokers, topic, [{ value: "v", headers }]);
  await using running = await startSource({ brokers, topics: [topic], group: topic });
  await until("the record", () => running.sink.store.messages.length === 1);
  const read = running.sink.store.messages[0]?.headers ?? {};
  assert.equal(read["trace"], "second");
  assert.equal(read["x"], "");
  assert.ok((running.sink.store.messages[0]?.receivedMs ?? 0) > 1e12);
});

test("Records of two interleaved transactions of which one is aborted are told apart, also when reading begins amid them", async () => {
  const topic = "interleaved";
  const { brokers } = broker;
  await createTopic(brokers, topic);
  const [one, two] = ["one", "two"].map((transactionalId) =>
    kafkaClient(brokers).producer({ transactionalId, maxInFlightRequests: 1, idempotent: true }),
  );
  assert.ok(one !== undefined && two !== undefined);
  await Promise.all([one.connect(), two.connect()]);
  const [first, second] = [await one.transaction(), await two.transaction()];
  for (let round = 0; round < 5; round += 1) {
    await first.send({ topic, messages: [{ value: `good${round}` }] });
    // A key of four zero bytes looks like the key of an abort marker.
    await second.send({ topic, messages: [{ key: Buffer.alloc(4), value: `bad${round}` }] });
  }
  await second.abort();
  await first.commit();
  await Promise.all([one.disconnect(), two.disconnect()]);
  await using running = await startSource({ brokers, topics: [topic], group: topic });
  await until("lag 0", () => running.source.status().partitions[0]?.lag === 0);
  assert.deepEqual(running.sink.store.texts(), ["good0", "good1", "good2", "good3", "good4"]);

  const store = new ArrayStore();
  const source = running.sink.store.messages[0]?.source ?? "";
  store.positions.set(`${source} 0`, { source, partition: 0, nextOffset: 5 });
  await using amid = await startSource({ brokers, topics: [topic], group: `${topic}-amid`, store });
  await until("lag 0", () => amid.source.status().partitions[0]?.lag === 0);
  assert.deepEqual(store.texts(), ["good3", "good4"]);
});

const codecs: BrokerCodec[] = ["uncompressed", "gzip", "snappy", "lz4", "zstd"];
for (const codec of codecs) {
  test(`Batches that Kafka compresses with ${codec} are read as they were sent`, async () => {
    const topic = `codec-${codec}`;
    const { brokers } = broker;
    await createTopic(brokers, topic, 1, { "compression.type": codec });
    const values = Array.from(
      { length: 3_000 },
      (_, index) => `${index} ${"lorem ipsum ".repeat(index % 40)}${(index * 7919) % 1e6}`,
    );
    await produce(
      brokers,
      topic,
      values.map((value) => ({ value })),
      1_500,
    );
    await using running = await startSource({ brokers, topics: [topic], group: topic });
    await until("all records", () => running.sink.store.messages.length >= values.length);
    assert.deepEqual(running.sink.store.texts(), values);
    assert.deepEqual(
      running.sink.store.messages.map(({ offset }) => offset),
      values.map((_, index) => index),
    );
  });
}

test("A log that was compacted down to little is passed without standing still", async () => {
  const topic = "compacted";
  const { brokers } = broker;
  const settings = {
    "cleanup.policy": "compact",
    "segment.ms": "100",
    "min.cleanable.dirty.ratio": "0.001",
    "min.compaction.lag.ms": "0",
    "max.compaction.lag.ms": "100",
    "delete.retention.ms": "0",
  };
  await createTopic(brokers, topic, 1, settings);
  for (let round = 0; round < 5; round += 1) {
    await produce(brokers, topic, [
      { key: "same", value: `v${round}` },
      { key: "gone", value: round === 4 ? null : "x" },
    ]);
    await sleep(150);
  }
  await produce(brokers, topic, [{ key: "end", value: "end" }]);
  await using running = await startSource({ brokers, topics: [topic], group: topic });
  await until("the end", () => running.source.status().partitions[0]?.lag === 0);
  assert.equal(running.sink.store.texts().at(-1), "end");
  assert.deepEqual(running.source.status().gaps, []);
});

test("A value of 3 MB, larger than a fetch asks for, is read whole", async () => {
  const topic = "large";
  const { brokers } = broker;
  await createTopic(brokers, topic, 1, { "max.message.bytes": "10000000" });
  const value = "x".repeat(3 * 1024 * 1024);
  await produce(brokers, topic, [{ value: "before" }, { value }, { value: "after" }], 1);
  await using running = await startSource({ brokers, topics: [topic], group: topic });
  await until("three records", () => running.sink.store.messages.length === 3);
  assert.equal(running.sink.store.messages[1]?.value?.length, value.length);
});

test("Partitions whose batches are larger than a fetch asks for take turns", async () => {
  const topic = "large-batches";
  const { brokers } = broker;
  await createTopic(brokers, topic, 2);
  const value = "x".repeat(100_000);
  for (const partition of [0, 1])
    await produce(
      brokers,
      topic,
      Array.from({ length: 20 }, () => ({ value, partition })),
      1,
    );
  await using running = await startSource({
    brokers,
    topics: [topic],
    group: topic,
    tuning: { maxBytesPerPartition: 1_000 },
  });
  const { messages } = running.sink.store;
  await until("all records", () => messages.length === 40);
  const firstTen = messages.slice(0, 10).map(({ partition }) => partition);
  assert.ok(firstTen.filter((partition) => partition === 0).length >= 3, `partitions in turn: ${firstTen.join(" ")}`);
  assert.ok(firstTen.filter((partition) => partition === 1).length >= 3, `partitions in turn: ${firstTen.join(" ")}`);
});
