/** Topics that are made anew or lose their oldest records, on a real broker. */
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { ArrayStore } from "../support/kafka/array-sink.ts";
import { startSource, until } from "../support/kafka/source-under-test.ts";
import { startBroker, type TestBroker } from "../support/kafka-broker.ts";
import { committedOffset, createTopic, deleteRecordsBefore, deleteTopic, produce } from "../support/produce.ts";

let broker: TestBroker;
before(async () => {
  broker = await startBroker();
});
after(async () => {
  await broker[Symbol.asyncDispose]();
});

const records = (prefix: string, from: number, to: number) =>
  Array.from({ length: to - from }, (_, index) => ({ key: "k", value: `${prefix}${from + index}` }));

for (const topicIds of [true, false]) {
  const how = topicIds ? "" : " (brokers without topic ids)";
  const name = (topic: string) => `${topic}${topicIds ? "" : "-old"}`;
  const tuning = { topicIds };

  test(`topic-created-again-and-log-cut-off A: a topic made anew while the service was down is read from its start${how}`, async () => {
    const topic = name("made-anew-while-down");
    const store = new ArrayStore();
    await createTopic(broker.brokers, topic);
    await produce(broker.brokers, topic, records("o", 0, 1000));
    {
      await using first = await startSource({ brokers: broker.brokers, topics: [topic], group: topic, store, tuning });
      await until("1000 records", () => store.messages.length === 1000);
      assert.equal(first.source.status().recordsLost, 0);
    }
    await deleteTopic(broker.brokers, topic);
    await createTopic(broker.brokers, topic);
    await produce(broker.brokers, topic, records("n", 0, 10));
    await using second = await startSource({ brokers: broker.brokers, topics: [topic], group: topic, store, tuning });
    await until("1010 records", () => store.messages.length === 1010);
    assert.deepEqual(
      store.texts().slice(1000),
      records("n", 0, 10).map((record) => record.value),
    );
    const [last] = store.messages.slice(-1);
    assert.notEqual(last?.source, store.messages[0]?.source, "the new topic is another source");
    await until("no problem", () => second.source.status().connected);
    assert.equal(second.source.status().topicRestarts, 1);
    assert.ok(
      second.log.some((line) => String(line["msg"]).includes("starts over (stored 1000, end of log 10)")),
      JSON.stringify(second.log),
    );
    await until("the commit", async () => (await committedOffset(broker.brokers, topic, topic, 0)) === 10);
    assert.equal(second.source.status().partitions[0]?.lag, 0);
  });

  test(`topic-created-again-and-log-cut-off B: after retention reading goes on at the log's start and the gap is told${how}`, async () => {
    const topic = name("cut-off");
    const store = new ArrayStore();
    await createTopic(broker.brokers, topic);
    await produce(broker.brokers, topic, records("r", 0, 100));
    {
      await using first = await startSource({ brokers: broker.brokers, topics: [topic], group: topic, store, tuning });
      await until("100 records", () => store.messages.length === 100);
      assert.deepEqual(first.source.status().gaps, []);
    }
    await produce(broker.brokers, topic, records("r", 100, 600));
    await deleteRecordsBefore(broker.brokers, topic, 0, 500);
    await using second = await startSource({ brokers: broker.brokers, topics: [topic], group: topic, store, tuning });
    await until("200 records", () => store.messages.length === 200);
    assert.equal(store.texts()[100], "r500");
    const status = second.source.status();
    assert.deepEqual(
      status.gaps.map(({ topic: of, partition, from, to }) => ({ of, partition, from, to })),
      [{ of: topic, partition: 0, from: 100, to: 500 }],
    );
    assert.equal(status.recordsLost, 400);
    assert.ok(
      second.log.some((line) => line["level"] === "error" && String(line["msg"]).includes("records 100 to 499")),
    );
  });

  test(`topic-created-again-and-log-cut-off C: a topic made anew under the running service is read without a restart${how}`, async () => {
    const topic = name("made-anew-while-running");
    await createTopic(broker.brokers, topic);
    await produce(broker.brokers, topic, records("o", 0, 1000));
    await using running = await startSource({ brokers: broker.brokers, topics: [topic], group: topic, tuning });
    const { store } = running.sink;
    await until("1000 records", () => store.messages.length === 1000);
    await deleteTopic(broker.brokers, topic);
    await until("the status says why", () => running.source.status().problem !== null);
    assert.match(running.source.status().problem ?? "", /does not exist|deleted|made anew/);
    await createTopic(broker.brokers, topic);
    await produce(broker.brokers, topic, records("n", 0, 10));
    await until("1010 records", () => store.messages.length >= 1010);
    assert.deepEqual(
      store.texts().slice(1000),
      records("n", 0, 10).map((record) => record.value),
    );
    await until("no problem", () => running.source.status().connected);
    assert.equal(running.source.status().topicRestarts, 1);
    assert.equal(running.source.status().partitions[0]?.lag, 0);
  });
}

test("A topic made anew with more records than the old one had is read from its start all the same", async () => {
  const topic = "made-anew-and-larger";
  await createTopic(broker.brokers, topic);
  await produce(broker.brokers, topic, records("o", 0, 10));
  await using running = await startSource({ brokers: broker.brokers, topics: [topic], group: topic });
  const { store } = running.sink;
  await until("10 records", () => store.messages.length === 10);
  await deleteTopic(broker.brokers, topic);
  await createTopic(broker.brokers, topic, 2);
  await produce(
    broker.brokers,
    topic,
    records("n", 0, 50).map((record) => ({ ...record, partition: 0 })),
  );
  await produce(
    broker.brokers,
    topic,
    records("m", 0, 50).map((record) => ({ ...record, partition: 1 })),
  );
  await until("all records", () => store.messages.length >= 110);
  assert.equal(store.messages.length, 110);
  assert.equal(new Set(store.texts()).size, 110);
});

test("Retention that overtakes a running reader is a gap, and reading goes on at the log's start", async () => {
  const topic = "overtaken";
  await createTopic(broker.brokers, topic);
  await produce(broker.brokers, topic, records("r", 0, 10));
  await using running = await startSource({
    brokers: broker.brokers,
    topics: [topic],
    group: topic,
    tuning: { maxBytesPerPartition: 1_000, maxWaitMs: 200 },
  });
  await until("10 records", () => running.sink.store.messages.length === 10);
  running.sink.goAway();
  await produce(broker.brokers, topic, records("r", 10, 2000), 100);
  await deleteRecordsBefore(broker.brokers, topic, 0, 1500);
  running.sink.comeBack();
  await until("the end of the log", () => running.source.status().partitions[0]?.lag === 0);
  const [gap] = running.source.status().gaps;
  assert.equal(gap?.to, 1500);
  assert.equal(running.sink.store.messages.length, 2000 - (1500 - (gap?.from ?? 0)));
});

test("With from_beginning false a new partition begins at its end, and that place survives a restart", async () => {
  const topic = "from-the-end";
  const store = new ArrayStore();
  await createTopic(broker.brokers, topic);
  await produce(broker.brokers, topic, records("old", 0, 5));
  const start = () =>
    startSource({ brokers: broker.brokers, topics: [topic], group: topic, store, config: { from_beginning: false } });
  {
    await using first = await start();
    await until(
      "it is connected",
      () => first.source.status().connected && first.source.status().partitions.length === 1,
    );
  }
  await produce(broker.brokers, topic, records("new", 0, 5));
  await using second = await start();
  await until("5 records", () => store.messages.length >= 5);
  assert.deepEqual(
    store.texts(),
    records("new", 0, 5).map((record) => record.value),
  );
  assert.equal(second.source.status().topicRestarts, 0);
});
