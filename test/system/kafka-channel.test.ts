/** The channel `kafka` against a real broker: what it writes is read back, and what a broker refuses is told apart. */
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { CloudEvent, Kafka as KafkaBinding } from "cloudevents";
import { Kafka, logLevel } from "kafkajs";
import { kafka } from "../../src/notify/channels/kafka.ts";
import { startBroker, type TestBroker } from "../support/kafka-broker.ts";
import { exampleFall } from "../support/notification.ts";

let broker: TestBroker;
const topic = `incidents-${process.pid}`;
const client = () => new Kafka({ brokers: broker.brokers, logLevel: logLevel.NOTHING });
const signal = () => AbortSignal.timeout(15_000);

before(async () => {
  broker = await startBroker();
  const admin = client().admin();
  await admin.connect();
  await admin.createTopics({ topics: [{ topic, numPartitions: 3 }] });
  await admin.disconnect();
});
after(() => broker[Symbol.asyncDispose]());

/** Every record of the topic so far. */
async function records(
  count: number,
): Promise<{ key: string; value: string; contentType: string; partition: number }[]> {
  const consumer = client().consumer({ groupId: `reader-${process.pid}-${count}` });
  const found: { key: string; value: string; contentType: string; partition: number }[] = [];
  try {
    await consumer.connect();
    await consumer.subscribe({ topics: [topic], fromBeginning: true });
    await new Promise<void>((resolve, reject) => {
      const late = setTimeout(() => reject(new Error(`${found.length} of ${count} records`)), 30_000);
      void consumer.run({
        eachMessage: async ({ message, partition }) => {
          found.push({
            key: message.key?.toString() ?? "",
            value: message.value?.toString() ?? "",
            contentType: message.headers?.["content-type"]?.toString() ?? "",
            partition,
          });
          if (found.length < count) return;
          clearTimeout(late);
          resolve();
        },
      });
    });
  } finally {
    await consumer.disconnect();
  }
  return found;
}

test("changes of an incident are CloudEvents in one partition; a retry writes the same bytes under the same id", async () => {
  const send = kafka.open({ brokers: broker.brokers, topic });
  const opened = exampleFall();
  const resolved = exampleFall({ transition: "resolved", idempotencyKey: "7f000000-0000-8000-8000-000000000002" });
  for (const notification of [opened, opened, resolved]) {
    const answer = await send(notification, signal());
    assert.ok(
      answer.status === "delivered" && /^partition \d, offset \d$/.test(answer.receipt ?? ""),
      JSON.stringify(answer),
    );
  }
  const written = await records(3);
  assert.equal(new Set(written.map(({ partition }) => partition)).size, 1);
  assert.deepEqual(new Set(written.map(({ key }) => key)), new Set([opened.incident.incident_id]));
  assert.equal(written[0]?.value, written[1]?.value);
  const events = written.map(({ key, value, contentType }) => {
    const message = { key, value, headers: { "content-type": contentType }, body: value };
    const event = KafkaBinding.toEvent(message);
    assert.ok(event instanceof CloudEvent && event.validate());
    return [event.id, event.type];
  });
  assert.deepEqual(events, [
    [opened.idempotencyKey, "io.driftline.incident.opened"],
    [opened.idempotencyKey, "io.driftline.incident.opened"],
    [resolved.idempotencyKey, "io.driftline.incident.resolved"],
  ]);
});

test("a topic that is not there is not made, and is worth another try: it may come", async () => {
  const missing = `missing-${process.pid}`;
  const answer = await kafka.open({ brokers: broker.brokers, topic: missing })(exampleFall(), signal());
  assert.ok(answer.status === "failed" && answer.retryable, JSON.stringify(answer));
  const admin = client().admin();
  await admin.connect();
  assert.ok(!(await admin.listTopics()).includes(missing));
  await admin.disconnect();
});

test("an event beyond what the broker takes is given up", async () => {
  const fall = exampleFall();
  const lines = Array.from({ length: 40_000 }, (_, index) => `feature ${index} ${"x".repeat(40)}`);
  const answer = await kafka.open({ brokers: broker.brokers, topic })({ ...fall, lines }, signal());
  assert.ok(answer.status === "failed" && !answer.retryable, JSON.stringify(answer));
});
