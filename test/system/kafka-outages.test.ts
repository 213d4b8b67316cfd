/** The built service through outages of the broker and of the store, and with two processes that share the work. */
import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { after, before, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { z } from "zod";
import { type ClickHouseFront, startClickHouseFront } from "../support/clickhouse-front.ts";
import { ServiceProcess } from "../support/kafka/service.ts";
import { brokerIsOurs, startBroker, type TestBroker } from "../support/kafka-broker.ts";
import { createTopic, produce } from "../support/produce.ts";

let broker: TestBroker;
let folder: string;
before(async () => {
  broker = await startBroker();
  folder = await mkdtemp(path.join(tmpdir(), "driftline-kafka-outages-"));
});
after(async () => {
  await broker[Symbol.asyncDispose]();
  await rm(folder, { recursive: true, force: true });
});

const skip = brokerIsOurs ? false : "KAFKA_BROKERS is set, and its brokers are not stopped";

function config(topic: string, store: unknown): Record<string, unknown> {
  return {
    store,
    sources: [{ use: "kafka", brokers: broker.brokers, topics: [topic], group: topic, session_timeout: "3s" }],
    models: [{ name: "m", task: "binary", windows: ["1h"] }],
    evaluation: { every: "1s" },
    ingest: { batch_wait: "200ms", batch_rows: 2_000 },
  };
}

/** Predictions on all partitions in turn, every tenth of them sent twice, every hundredth followed by a malformed message. */
function messages(from: number, to: number, partitions: number) {
  const all: { partition: number; value: string }[] = [];
  let malformed = 0;
  for (let index = from; index < to; index += 1) {
    const timestamp = new Date(Date.UTC(2026, 0, 1) + index * 100).toISOString();
    const event = {
      type: "prediction",
      id: `p${index}`,
      model: "m",
      version: "1",
      timestamp,
      features: { x: index % 7 },
      prediction: index % 2,
    };
    const message = { partition: index % partitions, value: JSON.stringify(event) };
    all.push(message);
    if (index % 10 === 0) all.push(message);
    if (index % 100 !== 0) continue;
    all.push({ partition: index % partitions, value: `{"type":"prediction","id":"p${index}` });
    malformed += 1;
  }
  return { all, malformed };
}

/** A front whose folder goes with the test's. */
async function startFront(): Promise<ClickHouseFront & AsyncDisposable> {
  const front = await startClickHouseFront(await mkdtemp(path.join(folder, "clickhouse-")));
  return Object.assign(front, { [Symbol.asyncDispose]: () => front.close() });
}

const countRow = z.object({ n: z.coerce.number() });

async function count(service: ServiceProcess, query: string): Promise<number> {
  return (await service.sql(query, countRow))[0]?.n ?? -1;
}

const predictions = (service: ServiceProcess) => count(service, "SELECT uniqExact(id) AS n FROM predictions_m");
const deadLetters = (service: ServiceProcess) => count(service, "SELECT count() AS n FROM dead_letters FINAL");

test("The service waits for a broker that was stopped, says so, and reads on by itself", { skip }, async () => {
  const topic = "broker-restart";
  await createTopic(broker.brokers, topic, 2);
  const home = await mkdtemp(path.join(folder, "service-"));
  await using service = await ServiceProcess.prepare(home, config(topic, { embedded: path.join(home, "data") }));
  const first = messages(0, 2_000, 2);
  const second = messages(2_000, 4_000, 2);
  await produce(broker.brokers, topic, first.all);
  await service.start();
  await service.untilReady();
  await service.until("2000 predictions", async () => (await predictions(service)) === 2_000);
  await broker.stop();
  await service.until("/ready says why", async () => {
    const ready = await service.get("/ready");
    return ready?.status === 503 && /Kafka|broker/.test(ready.text);
  });
  assert.equal((await service.get("/health"))?.status, 200);
  await broker.start();
  await produce(broker.brokers, topic, second.all);
  await service.until("4000 predictions", async () => (await predictions(service)) === 4_000);
  await service.untilReady();
  assert.equal(await count(service, "SELECT count() AS n FROM predictions_m FINAL"), 4_000);
  await service.until(
    "the dead letters",
    async () => (await deadLetters(service)) === first.malformed + second.malformed,
  );
});

test("The service started before its broker waits for it", { skip }, async () => {
  const topic = "broker-late";
  await createTopic(broker.brokers, topic, 1);
  const { all } = messages(0, 100, 1);
  await produce(broker.brokers, topic, all);
  await broker.stop();
  const home = await mkdtemp(path.join(folder, "service-"));
  await using service = await ServiceProcess.prepare(home, config(topic, { embedded: path.join(home, "data") }));
  await service.start();
  await service.until("/ready says why", async () => {
    const ready = await service.get("/ready");
    return ready?.status === 503 && /can't be reached/.test(ready.text);
  });
  await broker.start();
  await service.until("100 predictions", async () => (await predictions(service)) === 100);
});

test("Two processes share a group; one is stopped, one is killed, and every event is stored once", {
  timeout: 300_000,
}, async () => {
  const topic = "shared";
  await createTopic(broker.brokers, topic, 4);
  await using front = await startFront();
  const store = { url: front.url, database: "driftline" };
  const home = await mkdtemp(path.join(folder, "service-"));
  await using first = await ServiceProcess.prepare(home, config(topic, store), {
    name: "first",
    roles: "ingest,evaluate,web",
  });
  await using second = await ServiceProcess.prepare(home, config(topic, store), { name: "second", roles: "ingest" });
  await first.start();
  await first.untilReady();
  const shares = async (service: ServiceProcess) =>
    ((await service.get("/metrics"))?.text.match(/^driftline_kafka_lag_events\{/gm) ?? []).length;
  let sent = 0;
  let malformed = 0;
  const send = async (more: number) => {
    const slice = messages(sent, sent + more, 4);
    sent += more;
    malformed += slice.malformed;
    await produce(broker.brokers, topic, slice.all);
  };
  for (const end of ["stop", "kill"] as const) {
    await send(4_000);
    await second.start();
    await second.until(
      "each reads two partitions",
      async () => (await shares(first)) === 2 && (await shares(second)) === 2,
    );
    await send(8_000);
    await sleep(300);
    await second[end]();
    await send(4_000);
    await first.until("all four partitions", async () => (await shares(first)) === 4);
    await first.until(`${sent} predictions`, async () => (await predictions(first)) === sent, 120_000);
  }
  await first.until("lag 0", async () => (await first.metric("driftline_kafka_lag_events")) === 0);
  assert.equal(await count(first, "SELECT count() AS n FROM predictions_m FINAL"), sent);
  assert.equal(await deadLetters(first), malformed);
});

test("A store that refuses for 20 s stops the reading, not the service, and nothing is lost", {
  timeout: 300_000,
}, async () => {
  const topic = "store-away";
  await createTopic(broker.brokers, topic, 2);
  await using front = await startFront();
  const home = await mkdtemp(path.join(folder, "service-"));
  await using service = await ServiceProcess.prepare(home, config(topic, { url: front.url, database: "driftline" }));
  await service.start();
  await service.untilReady();
  const first = messages(0, 5_000, 2);
  await produce(broker.brokers, topic, first.all);
  await service.until("some are stored", async () => (await predictions(service)) > 0);
  front.setFault({ kind: "status", status: 503, body: "the front refuses" });
  const rest = messages(5_000, 30_000, 2);
  await produce(broker.brokers, topic, rest.all);
  await service.until("/ready says why", async () => {
    const ready = await service.get("/ready");
    return ready?.status === 503 && /refuses|store/.test(ready.text);
  });
  await sleep(20_000);
  assert.ok(service.running);
  front.clearFault();
  await service.until("all predictions", async () => (await predictions(service).catch(() => 0)) === 30_000, 120_000);
  await service.until("lag 0", async () => (await service.metric("driftline_kafka_lag_events")) === 0);
  assert.equal(await count(service, "SELECT count() AS n FROM predictions_m FINAL"), 30_000);
  assert.equal(await deadLetters(service), first.malformed + rest.malformed);
  const joined = (await service.log()).match(/Joined the consumer group/g) ?? [];
  assert.equal(joined.length, 1, "the session lived through it");
  await service.untilReady();
});

/** Half seconds of trouble. */
const TROUBLED_ROUNDS = 24;

for (const mode of ["hang", "cut"] as const) {
  test(`A store that ${mode === "hang" ? "never answers" : "cuts connections"} for a while loses and doubles nothing`, {
    timeout: 300_000,
  }, async () => {
    const topic = `store-${mode}`;
    await createTopic(broker.brokers, topic, 2);
    await using front = await startFront();
    const home = await mkdtemp(path.join(folder, "service-"));
    const store = { url: front.url, database: "driftline", request_timeout: "2s" };
    await using service = await ServiceProcess.prepare(home, config(topic, store));
    await service.start();
    await service.untilReady();
    const first = messages(0, 10_000, 2);
    // By turns the rows and the commit records fail, so that batches break off before their rows, and between the two.
    let round = 0;
    const trouble = setInterval(() => {
      round++;
      if (round > TROUBLED_ROUNDS) front.clearFault();
      else
        front.setFault(
          { kind: mode },
          { times: 1, matching: round % 2 === 0 ? /^\s*INSERT INTO `?predictions/i : /^\s*INSERT INTO `?batches/i },
        );
    }, 500);
    try {
      await produce(broker.brokers, topic, first.all);
      const whole = async () =>
        (await service.metric("driftline_kafka_lag_events")) === 0 && (await predictions(service)) === 10_000;
      await service.until("lag 0 in spite of it", whole, 180_000);
    } finally {
      clearInterval(trouble);
      front.clearFault();
    }
    assert.equal(await count(service, "SELECT count() AS n FROM predictions_m FINAL"), 10_000);
    assert.equal(await deadLetters(service), first.malformed);
  });
}
