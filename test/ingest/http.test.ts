/** Events over HTTP: answered after they are stored, item by item, and the same events again under the same key. */
import assert from "node:assert/strict";
import { after, before, beforeEach, test } from "node:test";
import { configSchema } from "../../src/config/schema.ts";
import type { BatchWriter } from "../../src/ingest/batch-writer.ts";
import { createDecoders } from "../../src/ingest/decoders.ts";
import { createHttpIngest, type HttpIngest, type HttpIngestAnswer } from "../../src/ingest/http.ts";
import type { Store } from "../../src/store/store.ts";
import { clockAt, emptyTables, openFreshStore, rowsOf, schema, writerOver } from "../support/ingest.ts";

const model = schema("m", { amount: "numeric" });
const clock = clockAt("2026-03-02T10:12:00Z");
let store: Store;
let end: () => Promise<void>;
let writer: BatchWriter;
let http: HttpIngest;

before(async () => ({ store, end } = await openFreshStore([model])));
after(() => end());
beforeEach(async () => {
  await writer?.close(1000);
  await emptyTables(store, [model]);
  writer = writerOver(store.lane("ingest"), clock, [model], { batchWaitMs: 60_000 });
  http = createHttpIngest({ writer, clock, instance: "one", maxBodyBytes: 100_000 });
});
after(() => writer.close(1000));

const event = (fields: string) => `{"model":"m","timestamp":"2026-03-02T10:00:00Z","prediction":1${fields}}`;
const post = (
  body: string,
  contentType = "application/json",
  idempotencyKey: string | null = null,
): Promise<HttpIngestAnswer> => http.accept({ contentType, body: Buffer.from(body), idempotencyKey });
const ids = async () => (await rowsOf(store, "SELECT id FROM predictions_m FINAL ORDER BY id")).map((row) => row["id"]);

test("one object, an array and NDJSON are taken, and are in the store when the answer comes", async () => {
  assert.deepEqual(await post(event(',"id":"a"')), {
    status: 200,
    headers: {},
    body: { accepted: 1, rejected: 0, items: [] },
  });
  assert.deepEqual(await ids(), ["a"]);
  assert.equal((await post(` [ ${event(',"id":"b"')},\n ${event(',"id":9007199254740993')} ] `)).status, 200);
  assert.equal((await post(`${event(',"id":"d"')}\n\n${event(',"id":"e"')}\r\n`, "application/x-ndjson")).status, 200);
  assert.equal((await post(`${event(',"id":"f"')}\n${event(',"id":"g"')}`, "")).status, 200);
  assert.equal((await post(event(',\n"id":"h"'), "")).status, 200);
  assert.deepEqual(await ids(), ["9007199254740993", "a", "b", "d", "e", "f", "g", "h"]);
  assert.deepEqual((await post("[]")).body, { accepted: 0, rejected: 0, items: [] });
});

test("CloudEvents in binary, structured and batch mode; an array that is the data of one is not taken apart", async () => {
  const decoders = createDecoders({
    config: configSchema.parse({ store: { embedded: "x" }, models: [{ name: "m", task: "binary" }] }),
    models: [{ schema: model, maxFutureMs: 3_600_000 }],
    clock,
  });
  const events = writerOver(store.lane("ingest"), clock, [model], { decoderOf: (source) => decoders.of(source) });
  const ingest = createHttpIngest({ writer: events, clock, instance: "two", maxBodyBytes: 100_000 });
  const send = (body: string, contentType: string, headers?: Record<string, string>) =>
    ingest.accept({
      contentType,
      body: Buffer.from(body),
      idempotencyKey: null,
      ...(headers === undefined ? {} : { headers }),
    });
  const envelope = (id: string) =>
    `{"specversion":"1.0","type":"scored","source":"/s","id":"${id}","time":"2026-03-02T10:00:00Z","data":${event("")}}`;
  const binary = { "ce-type": "scored", "ce-id": "b%20%E2%82%AC", "ce-time": "2026-03-02T10:00:00Z" };
  assert.equal((await send(event(""), "application/json", binary)).status, 200);
  assert.equal((await send(envelope("s"), "application/cloudevents+json; charset=utf-8")).status, 200);
  const batch = await send(`[${envelope("x")},${envelope("y")},{"id":"z"}]`, "application/cloudevents-batch+json");
  assert.deepEqual(
    [batch.status, "items" in batch.body ? batch.body.items.map((item) => [item.index, item.reason]) : null],
    [207, [[2, "format_unreadable"]]],
  );
  const list = await send(`[${event("")}]`, "application/json", binary);
  assert.deepEqual([list.status, "items" in list.body ? list.body.items[0]?.reason : null], [422, "not_an_object"]);
  await events.close(1000);
  assert.deepEqual(await ids(), ["b €", "s", "x", "y"]);
});

test("each refused item has its index and reason, and the others are stored", async () => {
  const answer = await post(
    `[${event(',"id":"a"')},{"model":"nobody","prediction":1},${event("")},7,${event(',"id":"b"')}]`,
  );
  assert.equal(answer.status, 207);
  assert.ok("items" in answer.body);
  assert.deepEqual(
    answer.body.items.map((item) => [item.index, item.reason]),
    [
      [1, "unknown_model"],
      [2, "field_missing"],
      [3, "not_an_object"],
    ],
  );
  assert.deepEqual([answer.body.accepted, answer.body.rejected], [2, 3]);
  assert.deepEqual(await ids(), ["a", "b"]);
  assert.deepEqual(
    await rowsOf(
      store,
      "SELECT count() AS n, uniqExact(offset) AS offsets FROM dead_letters WHERE source = 'http:one'",
    ),
    [{ n: 3, offsets: 3 }],
  );
  assert.equal((await post("{")).status, 422);
});

test("under an Idempotency-Key items need no id, and the same request again is the same events", async () => {
  const body = `[${event("")},${event(',"id":"own"')},${event("")}]`;
  assert.equal((await post(body, "application/json", "k1")).status, 200);
  assert.equal((await post(body, "application/json", "k1")).status, 200);
  assert.deepEqual(await ids(), ["k1/0", "k1/2", "own"]);
  assert.equal((await post(event(""), "application/json", "")).status, 400);
});

test("bodies that are no events as a whole are refused whole", async () => {
  assert.equal((await post("")).status, 400);
  assert.equal((await post(`[${event(',"id":"a"')}`)).status, 400);
  assert.equal((await post("x".repeat(100_001))).status, 413);
  assert.deepEqual(await ids(), []);
});

test("requests at once share a batch, and offsets go on after a restart", async () => {
  await Promise.all(Array.from({ length: 40 }, (_, index) => post(event(`,"id":"c${index}"`))));
  const [record] = await rowsOf(store, "SELECT count() AS n, max(last_offset) AS last FROM batches");
  assert.equal(record?.["last"], 39);
  assert.ok(Number(record?.["n"]) <= 4, `${String(record?.["n"])} batches`);
  const again = createHttpIngest({ writer, clock, instance: "one", maxBodyBytes: 100_000 });
  await again.accept({ contentType: "", body: Buffer.from(event(',"id":"later"')), idempotencyKey: null });
  assert.equal(await writer.position("http:one", 0), 41);
});
