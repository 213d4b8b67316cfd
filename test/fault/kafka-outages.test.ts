/** Brokers that go away, sinks that stand still, members that come and go: reading goes on by itself and loses nothing. */
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { ArrayStore } from "../support/kafka/array-sink.ts";
import { startSource, until } from "../support/kafka/source-under-test.ts";
import { brokerIsOurs, startBroker, type TestBroker } from "../support/kafka-broker.ts";
import { createTopic, kafkaClient, produce } from "../support/produce.ts";

let broker: TestBroker;
before(async () => {
  broker = await startBroker();
});
after(async () => {
  await broker[Symbol.asyncDispose]();
});

const skip = brokerIsOurs ? false : "KAFKA_BROKERS is set, and its brokers are not stopped";

const records = (from: number, to: number, partitions = 1) =>
  Array.from({ length: to - from }, (_, index) => ({ partition: index % partitions, value: `r${from + index}` }));

/** Every record once, whatever the order of partitions. */
function assertOnce(store: ArrayStore, count: number): void {
  assert.equal(store.messages.length, count);
  assert.equal(new Set(store.texts()).size, count);
}

test("Reading begins at the store's position, whatever the broker's committed offset says", async () => {
  const topic = "seek";
  const { brokers } = broker;
  await createTopic(brokers, topic);
  await produce(brokers, topic, records(0, 100));
  const store = new ArrayStore();
  let source = "";
  {
    await using first = await startSource({ brokers, topics: [topic], group: topic });
    await until("lag 0", () => first.source.status().partitions[0]?.lag === 0);
    source = first.source.status().partitions[0]?.source ?? "";
    await sleep(500);
  }
  store.positions.set(`${source} 0`, { source, partition: 0, nextOffset: 40 });
  await using second = await startSource({ brokers, topics: [topic], group: topic, store });
  await until("60 records", () => store.messages.length === 60);
  assert.equal(store.texts()[0], "r40");
  assert.match(source, /^kafka:seek:[\w-]{22}$/);
  assert.equal(second.source.status().connected, true);
});

test("A sink that stands still for longer than the session time-out costs neither the session nor memory", async () => {
  const topic = "slow-sink";
  const { brokers } = broker;
  await createTopic(brokers, topic, 2);
  const value = "x".repeat(1_000);
  const messages = Array.from({ length: 20_000 }, (_, index) => ({ partition: index % 2, value: `${index} ${value}` }));
  await produce(brokers, topic, messages, 500);
  const group = { brokers, topics: [topic], group: topic };
  await using running = await startSource({
    ...group,
    tuning: { maxBytesPerPartition: 100_000, maxQueuedBytes: 500_000, maxBytes: 200_000 },
  });
  await until("the first records", () => running.sink.store.messages.length > 0);
  running.sink.goAway();
  await sleep(8_000);
  const during = running.sink.store.messages.length;
  assert.equal(running.source.status().connected, true);
  assert.equal(
    running.log.filter((line) => String(line["msg"]).startsWith("Joined")).length,
    1,
    "it was never thrown out",
  );
  running.sink.comeBack();
  await until("all records", () => running.sink.store.messages.length >= messages.length);
  assertOnce(running.sink.store, messages.length);
  assert.ok(during < messages.length);
  assert.deepEqual(running.sink.revoked, []);
});

test("A second member takes over half of the partitions, and gives them back when it leaves", async () => {
  const topic = "rebalance";
  const { brokers } = broker;
  const store = new ArrayStore();
  await createTopic(brokers, topic, 4);
  const group = { brokers, topics: [topic], group: topic, store };
  await using first = await startSource(group);
  await produce(brokers, topic, records(0, 400, 4));
  await until("400 records", () => store.messages.length === 400);
  {
    await using second = await startSource(group);
    await until("each has two", () =>
      [first, second].every(({ source }) => source.status().partitions.length === 2 && source.status().connected),
    );
    assert.equal(first.sink.revoked.length, 2);
    await produce(brokers, topic, records(400, 800, 4));
    await until("800 records", () => store.messages.length >= 800);
    assert.ok(second.sink.store.messages.length > 0);
  }
  await until("the first has all four", () => first.source.status().partitions.length === 4, 2_500);
  await produce(brokers, topic, records(800, 1200, 4));
  await until("1200 records", () => store.messages.length >= 1200);
  assertOnce(store, 1200);
});

test("Members of one group that read different topics read all of them, whoever leads it", async () => {
  const { brokers } = broker;
  await createTopic(brokers, "left", 2);
  await createTopic(brokers, "right", 2);
  await using left = await startSource({ brokers, topics: ["left"], group: "left-and-right" });
  await until("the left is read", () => left.source.status().partitions.length === 2);
  await using right = await startSource({ brokers, topics: ["right"], group: "left-and-right" });
  await until("both are read", () => [left, right].every(({ source }) => source.status().partitions.length === 2));
  const admin = kafkaClient(brokers).admin();
  await admin.connect();
  await admin.createPartitions({ topicPartitions: [{ topic: "right", count: 3 }] });
  await admin.disconnect();
  await until("the new partition is read", () => right.source.status().partitions.length === 3);
  await produce(brokers, "right", records(0, 30, 3));
  await until("30 records", () => right.sink.store.messages.length === 30);
});

test("A member that dies without leaving is replaced once its session has run out", async () => {
  const topic = "silent-death";
  const { brokers } = broker;
  const store = new ArrayStore();
  await createTopic(brokers, topic, 2);
  const dead = kafkaClient(brokers).consumer({ groupId: topic, sessionTimeout: 3_000, heartbeatInterval: 1_000 });
  await dead.connect();
  await dead.subscribe({ topics: [topic], fromBeginning: true });
  await dead.run({ autoCommit: false, eachBatchAutoResolve: false, eachBatch: () => sleep(4_000) });
  await produce(brokers, topic, records(0, 100, 2));
  await sleep(1_000);
  await using running = await startSource({ brokers, topics: [topic], group: topic, store });
  await until("100 records", () => store.messages.length >= 100);
  assert.equal(running.source.status().partitions.length, 2);
  assertOnce(store, 100);
  await dead.disconnect();
});

test("New partitions of a topic are read without a restart", async () => {
  const topic = "more-partitions";
  const { brokers } = broker;
  await createTopic(brokers, topic, 1);
  await using running = await startSource({ brokers, topics: [topic], group: topic });
  await until("it is connected", () => running.source.status().connected);
  const admin = kafkaClient(brokers).admin();
  await admin.connect();
  await admin.createPartitions({ topicPartitions: [{ topic, count: 3 }] });
  await admin.disconnect();
  await until("three partitions", () => running.source.status().partitions.length === 3);
  await produce(brokers, topic, records(0, 30, 3));
  await until("30 records", () => running.sink.store.messages.length === 30);
});

test("A topic that does not exist yet is named in the status and read once it is there; the others are read meanwhile", async () => {
  const { brokers } = broker;
  await createTopic(brokers, "there");
  await produce(brokers, "there", records(0, 5));
  await using running = await startSource({ brokers, topics: ["there", "not-yet-there"], group: "not-yet-there" });
  await until("5 records", () => running.sink.store.messages.length === 5);
  assert.match(running.source.status().problem ?? "", /topic not-yet-there does not exist/);
  await createTopic(brokers, "not-yet-there");
  await produce(brokers, "not-yet-there", records(5, 10));
  await until("10 records", () => running.sink.store.messages.length === 10);
  await until("no problem", () => running.source.status().problem === null);
});

test("A broker that is down at the start is waited for, and the status says so; stopping takes no broker", {
  skip,
}, async () => {
  const topic = "down-at-start";
  const { brokers } = broker;
  await createTopic(brokers, topic);
  await produce(brokers, topic, records(0, 10));
  await broker.stop();
  {
    await using hopeless = await startSource({ brokers, topics: [topic], group: topic });
    await until("the status says so", () => hopeless.source.status().problem?.includes("can't be reached") === true);
    const before = Date.now();
    await hopeless.source.stop();
    assert.ok(Date.now() - before < 3_000);
  }
  await using running = await startSource({ brokers, topics: [topic], group: topic });
  await sleep(500);
  assert.equal(running.source.status().connected, false);
  await broker.start();
  await until("10 records", () => running.sink.store.messages.length === 10);
  await until("it is connected", () => running.source.status().connected);
});

for (const how of ["stop", "kill"] as const) {
  test(`Reading resumes by itself after the broker's ${how} and start`, { skip }, async () => {
    const topic = `broker-${how}`;
    const { brokers } = broker;
    await createTopic(brokers, topic, 2);
    await produce(brokers, topic, records(0, 100, 2));
    await using running = await startSource({ brokers, topics: [topic], group: topic });
    const { store } = running.sink;
    await until(
      () => `100 records: ${JSON.stringify([store.messages.length, running.source.status(), running.log])}`,
      () => store.messages.length === 100,
    );
    await broker[how]();
    await until("the status says so", () => !running.source.status().connected);
    assert.match(running.source.status().problem ?? "", /can't be/);
    await broker.start();
    await produce(brokers, topic, records(100, 200, 2));
    await until("200 records", () => store.messages.length >= 200);
    await until("it is connected", () => running.source.status().connected);
    assertOnce(store, 200);
  });
}

test("A broker that is frozen and thawed is read on, and stopping does not wait for its answers", {
  skip,
}, async () => {
  const topic = "frozen";
  const { brokers } = broker;
  await createTopic(brokers, topic);
  await produce(brokers, topic, records(0, 10));
  await using running = await startSource({ brokers, topics: [topic], group: topic });
  await until("10 records", () => running.sink.store.messages.length === 10);
  broker.freeze();
  await sleep(5_000);
  broker.thaw();
  await produce(brokers, topic, records(10, 20));
  await until("20 records", () => running.sink.store.messages.length >= 20, 60_000);
  assertOnce(running.sink.store, 20);
  broker.freeze();
  try {
    const before = Date.now();
    await running.source.stop();
    assert.ok(Date.now() - before < 5_000, `it took ${Date.now() - before} ms`);
  } finally {
    broker.thaw();
  }
});
