/** Field cases of Kafka on the built service: what is stored, what is refused, what is told. */
import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { after, before, test } from "node:test";
import { z } from "zod";
import { ServiceProcess } from "../support/kafka/service.ts";
import { startBroker, type TestBroker } from "../support/kafka-broker.ts";
import {
  committedOffset,
  createTopic,
  deleteRecordsBefore,
  deleteTopic,
  endOfLog,
  produce,
  produceTransaction,
  setCodec,
} from "../support/produce.ts";

let broker: TestBroker;
let folder: string;
before(async () => {
  broker = await startBroker();
  folder = await mkdtemp(path.join(tmpdir(), "driftline-kafka-cases-"));
});
after(async () => {
  await broker[Symbol.asyncDispose]();
  await rm(folder, { recursive: true, force: true });
});

/** A service with one model `m` that reads one topic; its group has the topic's name. */
async function serviceFor(topic: string): Promise<ServiceProcess> {
  const home = await mkdtemp(path.join(folder, "service-"));
  return ServiceProcess.prepare(home, {
    store: { embedded: path.join(home, "data") },
    sources: [{ use: "kafka", brokers: broker.brokers, topics: [topic], group: topic, session_timeout: "2s" }],
    models: [{ name: "m", task: "binary", windows: ["1h"] }],
    evaluation: { every: "1s" },
    ingest: { batch_wait: "200ms" },
  });
}

function prediction(id: string): string {
  const timestamp = "2026-01-01T00:00:00Z";
  return JSON.stringify({
    type: "prediction",
    id,
    model: "m",
    version: "1",
    timestamp,
    features: { x: 1.5 },
    prediction: 1,
  });
}

const predictions = (prefix: string, from: number, to: number) =>
  Array.from({ length: to - from }, (_, index) => ({ key: "k", value: prediction(`${prefix}${from + index}`) }));

const countRow = z.object({ n: z.coerce.number() });

/** Ids of all predictions that are stored, copies counted once. */
async function storedIds(service: ServiceProcess): Promise<string[]> {
  const rows = await service.sql(
    "SELECT id FROM predictions_m FINAL ORDER BY timestamp, id",
    z.object({ id: z.string() }),
  );
  return rows.map(({ id }) => id);
}

async function deadLetters(service: ServiceProcess): Promise<number> {
  return (await service.sql("SELECT count() AS n FROM dead_letters FINAL", countRow))[0]?.n ?? 0;
}

test("topic-created-again-and-log-cut-off A: a topic made anew while the service was down is stored beside the old one", async () => {
  const topic = "case-a.predictions";
  const { brokers } = broker;
  await createTopic(brokers, topic);
  await produce(brokers, topic, predictions("o", 0, 1000));
  await using service = await serviceFor(topic);
  await service.start();
  await service.untilReady();
  await service.until("1000 predictions", async () => (await storedIds(service)).length === 1000);
  await service.stop();
  await deleteTopic(brokers, topic);
  await createTopic(brokers, topic);
  await produce(brokers, topic, predictions("n", 0, 10));
  await service.start();
  await service.untilReady();
  await service.until("1010 predictions", async () => (await storedIds(service)).length === 1010, 30_000);
  assert.match(await service.log(), /starts over \(stored 1000, end of log 10\)/);
  assert.equal(await service.metric("driftline_kafka_topic_restarts_total"), 1);
  assert.equal(await deadLetters(service), 0);
});

test("topic-created-again-and-log-cut-off B: after retention reading goes on at the log's start, and the gap is told", async () => {
  const topic = "case-b.predictions";
  const { brokers } = broker;
  await createTopic(brokers, topic);
  await produce(brokers, topic, predictions("r", 0, 100));
  await using service = await serviceFor(topic);
  await service.start();
  await service.untilReady();
  await service.until("100 predictions", async () => (await storedIds(service)).length === 100);
  await service.stop();
  await produce(brokers, topic, predictions("r", 100, 600));
  await deleteRecordsBefore(brokers, topic, 0, 500);
  await service.start();
  await service.untilReady();
  await service.until("200 predictions", async () => (await storedIds(service)).length === 200);
  assert.match(
    await service.log(),
    /case-b\.predictions partition 0: records 100 to 499 were deleted before they were read/,
  );
  assert.equal(await service.metric("driftline_kafka_gap_events_total"), 400);
});

test("topic-created-again-and-log-cut-off C: a topic made anew under the running service needs no restart, and /ready says why it waits", async () => {
  const topic = "case-c.predictions";
  const { brokers } = broker;
  await createTopic(brokers, topic);
  await produce(brokers, topic, predictions("o", 0, 1000));
  await using service = await serviceFor(topic);
  await service.start();
  await service.untilReady();
  await service.until("1000 predictions", async () => (await storedIds(service)).length === 1000);
  await deleteTopic(brokers, topic);
  await service.until("/ready says why", async () => {
    const ready = await service.get("/ready");
    return ready?.status === 503 && /case-c\.predictions/.test(ready.text) && /does not exist|deleted/.test(ready.text);
  });
  await createTopic(brokers, topic);
  await produce(brokers, topic, predictions("n", 0, 10));
  await service.until("1010 predictions", async () => (await storedIds(service)).length === 1010, 30_000);
  await service.untilReady();
});

test("transaction-markers-and-tombstones: five predictions, one dead letter, one tombstone, lag 0, and a restart changes none of it", async () => {
  const topic = "case-transactions.predictions";
  const { brokers } = broker;
  const messages = (...ids: string[]) => ids.map((id) => ({ key: id, value: prediction(id) }));
  await createTopic(brokers, topic);
  await setCodec(brokers, topic, "lz4");
  await produceTransaction(brokers, topic, messages("k1", "k2", "k3"), "commit");
  await setCodec(brokers, topic, "producer");
  await produceTransaction(brokers, topic, messages("k4", "k5"), "abort");
  await produce(brokers, topic, [{ key: "k1", value: null }]);
  await setCodec(brokers, topic, "snappy");
  await produce(brokers, topic, [{ key: "k6", value: "" }]);
  await produceTransaction(brokers, topic, [], "abort");
  await setCodec(brokers, topic, "gzip");
  await produce(brokers, topic, [{ key: "k8", value: prediction("k8"), headers: { trace: ["a", "b"] } }]);
  await setCodec(brokers, topic, "zstd");
  await produceTransaction(brokers, topic, messages("k7"), "commit");
  const end = await endOfLog(brokers, topic, 0);

  await using service = await serviceFor(topic);
  for (const run of ["first", "second"]) {
    await service.start();
    await service.untilReady();
    await service.until("lag 0", async () => (await service.metric("driftline_kafka_lag_events")) === 0);
    assert.deepEqual(await storedIds(service), ["k1", "k2", "k3", "k7", "k8"], `${run} run`);
    assert.equal(await deadLetters(service), 1, `${run} run`);
    assert.equal((await service.metric("driftline_kafka_tombstones_total")) ?? 0, run === "first" ? 1 : 0);
    await service.until("the commit", async () => (await committedOffset(brokers, topic, topic, 0)) === end);
    await service.stop();
  }
});
