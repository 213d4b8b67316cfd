/**
 * Calls of inference services over a real broker, as their own software writes them: KServe's logger (through a KafkaSink), MLServer's topics and
 * Seldon Core 2's. The service is killed again and again while it pairs requests with their answers: each prediction is there once.
 */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { after, before, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import type { Message } from "kafkajs";
import { z } from "zod";
import { seededRandom } from "../../src/math/seeded-random.ts";
import { ServiceProcess } from "../support/kafka/service.ts";
import { startBroker, type TestBroker } from "../support/kafka-broker.ts";
import { createTopic, produce } from "../support/produce.ts";
import { projectFile } from "../support/project-file.ts";

const CALLS = 3_000;
const ROWS = 2;
const KILLS = 3;
/** Halves that are sent at once. */
const SLICE = 100;
const START = Date.UTC(2026, 8, 1);
const timeOf = (call: number) => START + call * 3_000;
const HOUR = 3_600_000;

let broker: TestBroker;
let folder: string;
before(async () => {
  broker = await startBroker();
  folder = await mkdtemp(path.join(tmpdir(), "driftline-calls-"));
});
after(async () => {
  await broker[Symbol.asyncDispose]();
  await rm(folder, { recursive: true, force: true });
});

/** A call as KServe's logger sends it; requests lie in one partition, answers in the other. */
function kserveHalf(side: "request" | "response", call: number): Message {
  const body =
    side === "request"
      ? {
          instances: [
            { age: call % 70, plan: "pro" },
            { age: 1, plan: "free" },
          ],
        }
      : { predictions: [call % 2, 1] };
  return {
    partition: side === "request" ? 0 : 1,
    value: JSON.stringify(body),
    headers: {
      ce_specversion: "1.0",
      ce_id: `call-${call}`,
      ce_type: `org.kubeflow.serving.inference.${side}`,
      ce_source: "http://churn.prod",
      ce_time: new Date(timeOf(call)).toISOString(),
      ce_inferenceservicename: "churn",
      ce_namespace: "prod",
      ce_component: "predictor",
      ce_endpoint: "default",
      "content-type": "application/json",
    },
  };
}

/** What `mlserver.kafka` reads and writes: nulls where nothing was said, headers of its CloudEvents middleware on the answer alone. */
async function sendMlserver(brokers: string[]): Promise<void> {
  const input = {
    id: "ignored",
    inputs: [{ name: "age", shape: [2, 1], datatype: "INT64", parameters: null, data: [41, 29] }],
  };
  const output = {
    model_name: "ages",
    model_version: "v2",
    id: "k1",
    parameters: {},
    outputs: [{ name: "predict", shape: [2, 1], datatype: "INT64", parameters: { content_type: "np" }, data: [1, 0] }],
  };
  const answered = {
    "Ce-Specversion": "0.3",
    "Ce-Source": "io.seldon.serving.deployment.mlserver",
    "Ce-Type": "io.seldon.serving.inference.response",
    "Ce-Modelid": "ages",
    "Ce-Inferenceservicename": "mlserver",
    "Ce-Endpoint": "ages",
    "Ce-Id": "k1",
    "Ce-Requestid": "k1",
  };
  const headers = { "mlserver-model": "ages", "mlserver-version": "v2" };
  await produce(brokers, "mlserver-input", [{ key: "k1", value: JSON.stringify(input), headers }]);
  await produce(brokers, "mlserver-output", [{ key: "k1", value: JSON.stringify(output), headers: answered }]);
}

/** Protobuf as Seldon Core 2's gateways write it, from the fixtures of the format. */
async function sendSeldon(brokers: string[]): Promise<void> {
  const [inputs, outputs] = z
    .array(z.looseObject({ messages: z.array(z.looseObject({ base64: z.string().optional() })) }))
    .parse(JSON.parse(readFileSync(projectFile("test/fixtures/messages/formats/seldon-2.json"), "utf8")));
  const record = (of: typeof inputs): Message => ({
    key: "0.income.a",
    value: Buffer.from(of?.messages[0]?.base64 ?? "", "base64"),
    headers: { "x-request-id": "a", pipeline: "income", "x-seldon-route": ":income_1:", traceparent: "00-1-2-01" },
  });
  await produce(brokers, "seldon.prod.model.income.inputs", [record(inputs)]);
  await produce(brokers, "seldon.prod.model.income.outputs", [record(outputs)]);
}

const row = z.record(z.string(), z.unknown());
const count = z.object({ n: z.coerce.number() });

test("killed while it pairs, the service has each prediction of KServe, MLServer and Seldon Core 2 once", {
  timeout: 300_000,
}, async () => {
  const { brokers } = broker;
  await createTopic(brokers, "kserve.calls", 2);
  for (const topic of [
    "mlserver-input",
    "mlserver-output",
    "seldon.prod.model.income.inputs",
    "seldon.prod.model.income.outputs",
  ])
    await createTopic(brokers, topic);
  await sendMlserver(brokers);
  await sendSeldon(brokers);
  const source = (topics: readonly string[], format: string) => ({
    use: "kafka",
    brokers,
    topics,
    format,
    group: "calls",
    session_timeout: "2s",
  });
  const model = { task: "binary", windows: ["1h"], pane: "1m", min_rows: 1 };
  await using service = await ServiceProcess.prepare(folder, {
    store: { embedded: path.join(folder, "data") },
    evaluation: { every: "1s" },
    sources: [
      source(["kserve.calls"], "kserve"),
      source(["mlserver-input", "mlserver-output"], "open-inference"),
      source(["seldon.prod.model.income.inputs", "seldon.prod.model.income.outputs"], "seldon-2"),
    ],
    models: [
      { ...model, name: "churn", features: { age: "numeric", plan: "categorical" }, kpis: ["label_coverage"] },
      { ...model, name: "ages", features: { age: "numeric" } },
      { ...model, name: "income", features: { age: "numeric", account: "categorical" } },
    ],
  });
  const random = seededRandom(20_261_201);
  const calls = Array.from({ length: CALLS }, (_, call) => call);
  // Answers some calls later than their requests, and some before them.
  const halves = calls
    .flatMap((call) => [
      { at: call, message: kserveHalf("request", call) },
      { at: call + random() * 60 - 10, message: kserveHalf("response", call) },
    ])
    .sort((a, b) => a.at - b.at)
    .map(({ message }) => message);
  let isKilling = true;
  let isOver = false;
  const producing = (async () => {
    for (let from = 0; from < halves.length && !isOver; from += SLICE) {
      await produce(brokers, "kserve.calls", halves.slice(from, from + SLICE));
      if (isKilling) await sleep(250);
      // Some are left for as long as there are kills to come.
      while (isKilling && !isOver && from >= halves.length - 10 * SLICE) await sleep(100);
    }
  })();
  producing.catch(() => undefined);
  const number = async (query: string) => (await service.sql(query, count))[0]?.n ?? -1;
  const paired = () => number("SELECT uniqExact(id) AS n FROM predictions_churn");
  try {
    const seen: number[] = [];
    for (let kill = 0; kill < KILLS; kill++) {
      await service.start();
      const last = seen.at(-1) ?? 0;
      // In the middle of pairing: it has gone on since the last kill, and has not come to its end.
      await service.until("pairing goes on", async () => (await paired()) > last, 60_000);
      await sleep(random() * 1_000);
      seen.push(await paired());
      await service.kill();
    }
    assert.ok((seen.at(-1) ?? 0) < CALLS * ROWS, `killed at ${seen.join(", ")} of ${CALLS * ROWS}`);
    await service.start();
    isKilling = false;
    await producing;
    await service.until("all calls are paired", async () => (await paired()) === CALLS * ROWS, 90_000);
    assert.deepEqual(
      await service.sql(
        `SELECT toUInt32(count()) AS n, toUInt32(uniqExact(id)) AS ids, sum(\`features.age\`) AS age, toUInt32(countIf(prediction = 1)) AS ones FROM predictions_churn FINAL`,
        row,
      ),
      [
        {
          n: CALLS * ROWS,
          ids: CALLS * ROWS,
          age: calls.reduce((sum, call) => sum + (call % 70) + 1, 0),
          ones: calls.filter((call) => call % 2 === 1).length + CALLS,
        },
      ],
    );
    assert.equal(await number("SELECT count() AS n FROM dead_letters FINAL"), 0);

    // What is counted in the windows that are closed: each prediction once as well.
    const expected = [0, 1].map((hour) => ({
      start: (START + hour * HOUR) / 1000,
      n: calls.filter((call) => Math.floor((timeOf(call) - START) / HOUR) === hour).length * ROWS,
    }));
    const windows = () =>
      service.sql(
        "SELECT toUInt32(toUnixTimestamp(window_start)) AS start, toUInt32(max(n)) AS n FROM metrics FINAL WHERE model = 'churn' AND metric = 'label_coverage' GROUP BY start ORDER BY start LIMIT 2",
        z.object({ start: z.number(), n: z.number() }),
      );
    await service.until(
      "the windows are right",
      async () => JSON.stringify(await windows()) === JSON.stringify(expected),
      60_000,
    );

    assert.deepEqual(
      await service.sql(
        "SELECT id, version, `features.age` AS age, prediction_text AS p FROM predictions_ages FINAL ORDER BY id",
        row,
      ),
      [
        { id: "k1/0", version: "v2", age: 41, p: "1" },
        { id: "k1/1", version: "v2", age: 29, p: "0" },
      ],
    );
    assert.deepEqual(
      await service.sql(
        "SELECT id, version, `features.age` AS age, `features.account` AS account, prediction_text AS p FROM predictions_income FINAL ORDER BY id",
        row,
      ),
      [
        { id: "a/0", version: "1", age: 41, account: "a", p: "1" },
        { id: "a/1", version: "1", age: 29, account: "é", p: "0" },
      ],
    );
  } finally {
    isOver = true;
    await producing.catch(() => undefined);
  }
});
