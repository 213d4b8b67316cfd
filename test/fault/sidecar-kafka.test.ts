import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { until } from "../support/http-receiver.ts";
import { freePort } from "../support/kafka/service.ts";
import { brokerIsOurs, startBroker, type TestBroker } from "../support/kafka-broker.ts";
import { createTopic, kafkaClient } from "../support/produce.ts";
import {
  sidecarPorts,
  startInferenceService,
  startLoad,
  startSidecar,
  type TestProcess,
} from "../support/sidecar-process.ts";

const TOPIC = `inferences-${process.pid}`;

describe("A sidecar that writes to Kafka", () => {
  let broker: TestBroker;
  let service: TestProcess;
  let servicePort: number;

  before(async () => {
    broker = await startBroker();
    await createTopic(broker.brokers, TOPIC, 3);
    servicePort = await freePort();
    service = await startInferenceService(servicePort);
  });
  after(async () => {
    await service?.[Symbol.asyncDispose]();
    await broker?.[Symbol.asyncDispose]();
  });

  it("writes both halves of each inference into one partition, through a broker that dies", async () => {
    const ports = await sidecarPorts();
    await using sidecar = await startSidecar(ports, [
      "--service",
      `http://127.0.0.1:${servicePort}`,
      "--to",
      `kafka://${broker.brokers.join(",")}/${TOPIC}`,
      "--model=churn",
      "--namespace=prod",
    ]);
    const load = startLoad(sidecar.port, { clients: 4, prefix: "kafka", waitMs: 20 });
    await until(
      () => load.answered.length > 100,
      20_000,
      () => "answers",
    );
    if (brokerIsOurs) {
      await broker.kill();
      const before = load.answered.length;
      await until(
        () => load.answered.length > before + 100,
        20_000,
        () => "answers without the broker",
      );
      await broker.start();
    }
    await load.stop();
    const posted = '[{"id":"a","amount":1.10},{"id":"b","amount":9007199254740993}]';
    const answer = await fetch(`${sidecar.adminUrl}/v1/events`, { method: "POST", body: posted });
    assert.equal(answer.status, 202);
    for (const end = Date.now() + 60_000; (await sidecar.metric("messages_waiting")) > 0; await sleep(50))
      assert.ok(Date.now() < end, "messages still wait");

    assert.deepEqual(load.failed, []);
    assert.equal(await sidecar.metric("messages_sent_total"), 2 * load.answered.length + 1);
    const records = await readAll(broker.brokers, 2 * load.answered.length + 2);
    const natives = records.filter(({ headers }) => headers["ce_id"] === undefined);
    assert.deepEqual(natives.map(({ value }) => value).sort(), [
      '{"id":"a","amount":1.10}',
      '{"id":"b","amount":9007199254740993}',
    ]);
    const halves = new Map<string, Set<string>>();
    for (const { headers, key, partition } of records.filter((one) => one.headers["ce_id"] !== undefined)) {
      assert.equal(key, headers["ce_id"]);
      assert.equal(headers["ce_inferenceservicename"], "churn");
      assert.equal(headers["ce_namespace"], "prod");
      assert.equal(headers["content-type"], "application/json");
      const sides = halves.get(key) ?? new Set();
      halves.set(key, sides.add(`${headers["ce_type"]} in ${partition}`));
    }
    assert.deepEqual([...halves.keys()].sort(), [...load.answered].sort());
    for (const [id, sides] of halves) {
      assert.equal(sides.size, 2, id);
      assert.equal(new Set([...sides].map((side) => side.split(" in ")[1])).size, 1, id);
    }
  });
});

interface ReadRecord {
  readonly key: string;
  readonly value: string;
  readonly partition: number;
  readonly headers: Readonly<Record<string, string>>;
}

/** All records of the topic: at least so many, and what comes within a moment after. */
async function readAll(brokers: string[], atLeast: number): Promise<ReadRecord[]> {
  const consumer = kafkaClient(brokers).consumer({ groupId: "reader" });
  const records: ReadRecord[] = [];
  await consumer.connect();
  await consumer.subscribe({ topic: TOPIC, fromBeginning: true });
  await consumer.run({
    eachMessage: ({ message, partition }) => {
      const headers = Object.entries(message.headers ?? {}).map(([name, value]) => [name, String(value)]);
      records.push({
        key: String(message.key),
        value: String(message.value),
        partition,
        headers: Object.fromEntries(headers),
      });
      return Promise.resolve();
    },
  });
  await until(
    () => records.length >= atLeast,
    30_000,
    () => `${atLeast} records; there were ${records.length}`,
  );
  await sleep(300);
  await consumer.disconnect();
  return records;
}
