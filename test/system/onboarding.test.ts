/**
 * `init` on five sources that it has never seen, two of them topics of a real broker: what it writes passes `check` and `replay` as it is, and
 * each event that was put in is read, with the model, the id and the features that it had.
 */
import assert from "node:assert/strict";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { after, before, test } from "node:test";
import avsc from "avsc";
import { z } from "zod";
import { seededRandom } from "../../src/math/seeded-random.ts";
import { startHttpReceiver } from "../support/http-receiver.ts";
import { runCommand } from "../support/kafka/service.ts";
import { startBroker, type TestBroker } from "../support/kafka-broker.ts";
import { createTopic, produce } from "../support/produce.ts";

const ROWS = 400;
const START = Date.UTC(2026, 8, 1);
const at = (row: number): number => START + row * 600_000;
const random = seededRandom(41);
const rows = Array.from({ length: ROWS }, (_, row) => row);
let folder = "";
let broker: TestBroker;

before(async () => {
  folder = await mkdtemp(path.join(tmpdir(), "driftline-onboarding-"));
  broker = await startBroker();
});
after(async () => {
  await broker[Symbol.asyncDispose]();
  await rm(folder, { recursive: true, force: true });
});

const summary = z.looseObject({
  predictions: z.number(),
  labels: z.number(),
  deadLetters: z.number(),
  windows: z.number(),
});

/** `check`, then `replay`, of what was written. */
async function checkedAndReplayed(file: string) {
  assert.match(await runCommand(["check", "-c", file], folder), /is valid/);
  return summary.parse(JSON.parse(await runCommand(["replay", "-c", file, "--json"], folder)));
}

test("three files: nested JSON, flat JSON with odd names, CSV with odd names and its labels in another file", async () => {
  const nested = rows.map((row) => ({
    meta: {
      requestId: `q-${row}-${Math.floor(random() * 1e9)}`,
      eventTime: new Date(at(row)).toISOString(),
      modelName: "churn",
      modelVersion: "7",
    },
    input: { customer: { tenure: row % 71, plan: ["basic", "pro"][row % 2] }, usage: random() * 30 },
    output: { class: random() < 0.3 ? 1 : 0, probability: random() },
  }));
  const flat = rows.map((row) => ({
    ts: at(row),
    txn_id: 7_000_000_000_000 + row,
    type: "card",
    score: "A+",
    price_eur: random() * 900,
    district: "ABCD"[row % 4],
    "Predicted Value": Math.round(random() * 1e6),
  }));
  const scored = rows.map(
    (row) =>
      `L${row},${new Date(at(row)).toISOString().replace("T", " ").slice(0, 19)},${18 + (row % 70)},0${10 + (row % 9)},${random() < 0.4 ? "default" : "repaid"},${random().toFixed(4)}`,
  );
  const truths = rows
    .slice(0, 300)
    .map((row) => `L${row},${new Date(at(row) + 3_600_000).toISOString()},${row % 3 === 0 ? "default" : "repaid"}`);
  await writeFile(path.join(folder, "churn.ndjson"), nested.map((one) => JSON.stringify(one)).join("\n"));
  await writeFile(path.join(folder, "houses.ndjson"), flat.map((one) => JSON.stringify(one)).join("\n"));
  await writeFile(
    path.join(folder, "loans.csv"),
    ["Case No,Scored At,Applicant Age,Region Code,Predicted Class,Prob (default)", ...scored].join("\n"),
  );
  await writeFile(path.join(folder, "truth.csv"), ["Case No,Closed At,Actual Outcome", ...truths].join("\n"));
  const files = ["churn.ndjson", "houses.ndjson", "loans.csv", "truth.csv"].flatMap((file) => ["--file", file]);

  const said = await runCommand(["init", ...files, "--reference-share", "0.5", "--yes", "-o", "files.yaml"], folder);
  assert.match(said, /timestamp +meta\.eventTime +100\.0 %/);
  assert.match(said, /model loans: binary, positive class default; no version; 400 predictions, 300 labels/);
  await assert.rejects(runCommand(["init", ...files, "--yes", "-o", "files.yaml"], folder), /is there already/);

  const result = await checkedAndReplayed("files.yaml");
  assert.deepEqual([result.predictions, result.labels, result.deadLetters], [3 * ROWS, 300, 0]);
  assert.ok(result.windows > 0);
  const reference = (await readFile(path.join(folder, "reference-loans.ndjson"), "utf8")).trim().split("\n");
  assert.equal(reference.length, ROWS / 2);
  assert.deepEqual(Object.keys(z.record(z.string(), z.unknown()).parse(JSON.parse(reference[0] ?? ""))).sort(), [
    "Applicant Age",
    "Region Code",
    "label",
    "prediction",
    "score",
    "timestamp",
  ]);
});

test("two topics: KServe's payload logger, and Avro behind a schema registry", async () => {
  const schema = {
    type: "record",
    name: "Scored",
    fields: [
      { name: "event_uuid", type: "string" },
      { name: "scored_at", type: { type: "long", logicalType: "timestamp-millis" } },
      { name: "predicted_class", type: "string" },
      { name: "confidence", type: "double" },
      {
        name: "inputs",
        type: {
          type: "record",
          name: "Inputs",
          fields: [
            { name: "amount", type: "double" },
            { name: "country", type: ["null", "string"] },
          ],
        },
      },
    ],
  } as const;
  const type = avsc.Type.forSchema(JSON.parse(JSON.stringify(schema)));
  const avro = rows.map((row) => {
    const value = {
      event_uuid: `e-${row}`,
      scored_at: at(row),
      predicted_class: row % 4 === 0 ? "fraud" : "legit",
      confidence: random(),
      inputs: { amount: random() * 100, country: row % 9 === 0 ? null : "DE" },
    };
    return { value: Buffer.concat([Buffer.from([0, 0, 0, 0, 12]), type.toBuffer(value)]), timestamp: String(at(row)) };
  });
  const kserve = rows.flatMap((row) => {
    const headers = (side: string) => ({
      ce_specversion: "1.0",
      ce_id: `call-${row}`,
      ce_type: `org.kubeflow.serving.inference.${side}`,
      ce_source: "http://iris.prod",
      ce_time: new Date(at(row)).toISOString(),
      ce_inferenceservicename: "iris",
      ce_namespace: "prod",
      ce_component: "predictor",
      ce_endpoint: "",
      "content-type": "application/json",
    });
    const asked = {
      instances: [
        [random() * 8, random() * 4],
        [random() * 8, random() * 4],
      ],
    };
    const answered = { predictions: [row % 3, (row + 1) % 3] };
    const timestamp = String(at(row));
    return [
      { value: JSON.stringify(asked), headers: headers("request"), timestamp },
      { value: JSON.stringify(answered), headers: headers("response"), timestamp },
    ];
  });
  const topics = { avro: `scored-${process.pid}`, kserve: `payloads-${process.pid}` };
  const registry = await startHttpReceiver(({ path: asked }) =>
    asked.endsWith("/schemas/ids/12")
      ? { status: 200, body: JSON.stringify({ schema: JSON.stringify(schema) }) }
      : { status: 404, body: "{}" },
  );
  try {
    for (const [name, messages] of [
      [topics.avro, avro],
      [topics.kserve, kserve],
    ] as const) {
      await createTopic(broker.brokers, name);
      await produce(broker.brokers, name, messages);
    }
    const address = registry.url.replace(/\/hook$/, "");
    const named = Object.values(topics).flatMap((topic) => ["--kafka", `${broker.brokers[0]}/${topic}`]);
    const asked = ["init", ...named, "--registry", address, "--reference-share", "0.5", "--yes", "-o", "topics.yaml"];
    const said = await runCommand(asked, folder);
    assert.match(said, /read as avro/);
    assert.match(said, /model iris: multiclass, classes 0, 1, 2/);
    const result = await checkedAndReplayed("topics.yaml");
    assert.deepEqual([result.predictions, result.labels, result.deadLetters], [ROWS + 2 * ROWS, 0, 0]);
  } finally {
    await registry[Symbol.asyncDispose]();
  }
});
