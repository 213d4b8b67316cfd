/** A store that refuses, hangs, fails or cuts connections: ingestion waits, stays bounded, goes on by itself and counts once. */
import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { after, afterEach, before, beforeEach, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { createHttpIngest } from "../../src/ingest/http.ts";
import { ensureModelTables } from "../../src/store/model-tables.ts";
import { openStore } from "../../src/store/open.ts";
import type { Store } from "../../src/store/store.ts";
import { type ClickHouseFront, type Fault, startClickHouseFront } from "../support/clickhouse-front.ts";
import { clockAt, emptyTables, messages, rowsOf, schema, writerOver } from "../support/ingest.ts";

const model = schema("m", { amount: "numeric" });
const clock = clockAt("2026-03-02T10:12:00Z");
let folder: string;
let front: ClickHouseFront;
let store: Store;
/** What the test itself asks waits as long as a busy machine takes. */
let patient: Store;

before(async () => {
  folder = await mkdtemp(path.join(tmpdir(), "driftline-away-"));
  front = await startClickHouseFront(folder);
  const at = { url: front.url, database: "faulty", username: "default" };
  patient = await openStore({ ...at, request_timeout: 60_000 });
  await ensureModelTables(patient.lane("control"), model);
  store = await openStore({ ...at, request_timeout: 1000 });
});
beforeEach(() => emptyTables(patient, [model]));
afterEach(() => front.clearFault());
after(async () => {
  await store.close();
  await patient.close();
  await front.close();
  await rm(folder, { recursive: true, force: true });
});

const line = (id: string) =>
  `{"type":"prediction","id":"${id}","model":"m","timestamp":"2026-03-02T10:00:00Z","prediction":1,"features":{"amount":1}}`;
const lines = (count: number, from = 0) => Array.from({ length: count }, (_, index) => line(`e${from + index}`));

async function stored(): Promise<unknown> {
  const [rows] = await rowsOf(patient, "SELECT count() AS n, uniqExact(id) AS ids FROM predictions_m FINAL");
  const [dead] = await rowsOf(patient, "SELECT count() AS n FROM dead_letters FINAL");
  return { rows: rows?.["n"], ids: rows?.["ids"], dead: dead?.["n"] };
}

const faults: [name: string, fault: Fault, matching: RegExp][] = [
  ["refuses connections", { kind: "refuse" }, /INSERT/],
  [
    "answers 500",
    {
      kind: "status",
      status: 500,
      body: "Code: 241. DB::Exception: Memory limit exceeded (MEMORY_LIMIT_EXCEEDED) (version 26.7.2.1)\n",
    },
    /INSERT/,
  ],
  ["answers 502 like a proxy", { kind: "status", status: 502, body: "<html>bad gateway</html>" }, /INSERT/],
  ["does not answer", { kind: "hang" }, /INSERT INTO `?predictions_m/],
  ["cuts the answer to the rows", { kind: "cut" }, /INSERT INTO `?predictions_m/],
  ["cuts the answer to the commit record", { kind: "cut" }, /INSERT INTO `?batches/],
  [
    "has lost its table for a moment",
    {
      kind: "status",
      status: 404,
      body: "Code: 60. DB::Exception: Table does not exist (UNKNOWN_TABLE) (version 26.7.2.1)\n",
    },
    /INSERT INTO `?predictions_m/,
  ],
];

for (const [name, fault, matching] of faults) {
  test(`a store that ${name} three times delays a batch and changes no number`, async () => {
    const writer = writerOver(store.lane("ingest"), clock, [model], { batchRows: 50 });
    front.setFault(fault, { times: 3, matching });
    await writer.push(messages([...lines(120), "{"]));
    await writer.flush();
    assert.deepEqual(await stored(), { rows: 120, ids: 120, dead: 1 });
    assert.equal(await writer.position("test", 0), 121);
    assert.deepEqual(await rowsOf(patient, "SELECT sum(rows) AS n, sum(dead) AS dead FROM batches FINAL"), [
      { n: 120, dead: 1 },
    ]);
    assert.equal(writer.status().problem, null);
    await writer.close(1000);
  });
}

test("while the store is away pushes wait, little is buffered, HTTP says 503, and all goes on when it is back", async () => {
  const writer = writerOver(store.lane("ingest"), clock, [model], { batchRows: 100 });
  const http = createHttpIngest({ writer, clock, instance: "h", maxBodyBytes: 10_000 });
  front.setFault({ kind: "refuse" });
  let pushed = 0;
  const pushing = (async () => {
    for (let from = 0; from < 1000; from += 50) {
      await writer.push(messages(lines(50, from), from));
      pushed = from + 50;
    }
  })();
  for (let turn = 0; turn < 100 && writer.status().problem === null; turn++) await sleep(20);
  const before = pushed;
  await sleep(300);
  assert.equal(pushed, before, "a push must wait while there is no room");
  assert.ok(writer.status().waitingMessages <= 300, `${writer.status().waitingMessages} messages wait`);
  const answer = await http.accept({ contentType: "", body: Buffer.from(line("h1")), idempotencyKey: null });
  assert.equal(answer.status, 503);
  assert.equal(answer.headers["retry-after"], "5");
  front.clearFault();
  await pushing;
  await writer.flush();
  assert.deepEqual(await stored(), { rows: 1000, ids: 1000, dead: 0 });
  assert.equal(await writer.position("test", 0), 1000);
  await writer.close(1000);
});

test("a partition revoked while the store is away is dropped, its waiting push ends with an error, and its neighbour is stored", async () => {
  const writer = writerOver(store.lane("ingest"), clock, [model], { batchRows: 10 });
  front.setFault({ kind: "refuse" });
  await writer.push(messages(lines(5, 0), 0, "topic", 1));
  const waiting = writer.push(messages(lines(100, 100), 0, "topic", 0));
  for (let turn = 0; turn < 100 && writer.status().problem === null; turn++) await sleep(20);
  await Promise.all([assert.rejects(waiting, /given up/), writer.revoke("topic", 0)]);
  front.clearFault();
  await writer.flush();
  assert.equal(await writer.position("topic", 0), null);
  assert.equal(await writer.position("topic", 1), 5);
  assert.deepEqual(await stored(), { rows: 5, ids: 5, dead: 0 });
  await writer.close(1000);
});

test("a service that stops while the store is away stops in time, and says so to those who wait", async () => {
  const writer = writerOver(store.lane("ingest"), clock, [model], { batchRows: 10 });
  front.setFault({ kind: "refuse" });
  const waiting = writer.write(messages(lines(3), 0, "http:h"));
  const refused = assert.rejects(waiting, /stopping/);
  await sleep(100);
  const began = Date.now();
  await writer.close(300);
  assert.ok(Date.now() - began < 3000);
  await refused;
  await assert.rejects(writer.push(messages(lines(1))), /ended/);
});
