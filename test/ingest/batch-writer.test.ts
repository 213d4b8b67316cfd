/** The way of a batch into the store: rows, then the commit record; dead letters; positions; halving. */
import assert from "node:assert/strict";
import { after, before, beforeEach, test } from "node:test";
import { sql } from "../../src/store/sql.ts";
import type { Store } from "../../src/store/store.ts";
import { clockAt, emptyTables, messages, openFreshStore, rowsOf, schema, writerOver } from "../support/ingest.ts";

const model = schema("m", { amount: "numeric", note: "categorical" });
const clock = clockAt("2026-03-02T10:12:00Z");
let store: Store;
let end: () => Promise<void>;

before(async () => ({ store, end } = await openFreshStore([model])));
after(() => end());
beforeEach(() => emptyTables(store, [model]));

const prediction = (
  id: string,
  features: unknown = { amount: 5, note: "ok" },
  timestamp = "2026-03-02T10:00:00Z",
): string => JSON.stringify({ type: "prediction", id, model: "m", timestamp, prediction: 1, features });
const label = (id: string, value: unknown, timestamp = "2026-03-02T10:05:00Z"): string =>
  JSON.stringify({ type: "label", id, model: "m", timestamp, label: value });

test("a batch is rows and one commit record that says position, watermark and panes", async () => {
  const writer = writerOver(store.lane("ingest"), clock, [model]);
  const told: unknown[] = [];
  writer.onStored((source, partition, next) => told.push([source, partition, next]));
  await writer.push(
    messages(
      [
        prediction("a", { amount: 1.5, note: "x", other: [1] }),
        prediction("b", { amount: "?" }),
        label("a", true),
        "{",
      ],
      7,
    ),
  );
  await writer.flush();
  assert.deepEqual(
    await rowsOf(
      store,
      "SELECT id, prediction, prediction_text, `features.amount` AS amount, `features.note` AS note, invalid, extra, offset AS o FROM predictions_m ORDER BY id",
    ),
    [
      {
        id: "a",
        prediction: 1,
        prediction_text: "1",
        amount: 1.5,
        note: "x",
        invalid: [],
        extra: { other: "[1]" },
        o: 7,
      },
      { id: "b", prediction: 1, prediction_text: "1", amount: null, note: null, invalid: ["amount"], extra: {}, o: 8 },
    ],
  );
  assert.deepEqual(await rowsOf(store, "SELECT model, id, label, label_text FROM labels"), [
    { model: "m", id: "a", label: 1, label_text: "1" },
  ]);
  const records = await rowsOf(
    store,
    "SELECT source, partition, first_offset, last_offset, toUnixTimestamp64Milli(max_timestamp) AS ms, rows, dead, arrayMap(t -> (t.1, toString(t.2), toUnixTimestamp64Milli(t.3), t.4), touched) AS touched FROM batches",
  );
  const pane = Date.parse("2026-03-02T10:00:00Z");
  assert.equal(records.length, 1);
  const [record] = records;
  assert.equal(record?.["ms"], pane + 300_000);
  assert.deepEqual(
    [record?.["first_offset"], record?.["last_offset"], record?.["rows"], record?.["dead"]],
    [7, 10, 3, 1],
  );
  assert.deepEqual(
    JSON.parse(JSON.stringify(record?.["touched"]), (_, value: unknown) =>
      value !== null && typeof value === "object" && !Array.isArray(value) ? Object.values(value) : value,
    ),
    [
      ["m", "prediction", pane, 2],
      ["m", "label", pane + 300_000, 1],
    ],
  );
  assert.deepEqual(told, [["test", 0, 11]]);
  assert.equal(await writer.position("test", 0), 11);
  assert.equal(await writer.position("test", 1), null);
  assert.deepEqual(await writer.storedPositions("te"), [{ source: "test", partition: 0, nextOffset: 11 }]);
  await writer.close(1000);
});

test("dead letters keep bytes that are no UTF-8, and a batch of nothing else moves the position", async () => {
  const writer = writerOver(store.lane("ingest"), clock, [model]);
  await writer.push(messages([Buffer.from([0xff, 0x00, 0xfe, 0x27]), "[]", '"x"'], 0));
  await writer.flush();
  assert.deepEqual(await rowsOf(store, "SELECT offset AS o, reason, hex(raw) AS raw FROM dead_letters ORDER BY o"), [
    { o: 0, reason: "not_json", raw: "FF00FE27" },
    { o: 1, reason: "not_an_object", raw: "5B5D" },
    { o: 2, reason: "not_an_object", raw: "227822" },
  ]);
  assert.equal(await writer.position("test", 0), 3);
  await writer.skipTo("test", 0, 9);
  await writer.flush();
  assert.equal(await writer.position("test", 0), 9);
  await writer.close(1000);
});

test("a row that the store refuses is halved out of its batch into a dead letter, and the rest is stored", async () => {
  await store
    .lane("control")
    .command(
      sql`ALTER TABLE predictions_m ADD CONSTRAINT small CHECK isNull(${sql`\`features.amount\``}) OR ${sql`\`features.amount\``} != 13`,
    );
  const writer = writerOver(store.lane("ingest"), clock, [model]);
  const lines = Array.from({ length: 101 }, (_, index) => prediction(`g${index}`, { amount: index, note: "ok" }));
  await writer.push(messages(lines));
  await writer.flush();
  await store.lane("control").command(sql`ALTER TABLE predictions_m DROP CONSTRAINT small`);
  assert.deepEqual(
    await rowsOf(store, "SELECT count() AS n, uniqExact(id) AS ids, max(id = 'g13') AS bad FROM predictions_m"),
    [{ n: 100, ids: 100, bad: 0 }],
  );
  const dead = await rowsOf(store, "SELECT offset AS o, reason, detail, raw FROM dead_letters");
  assert.equal(dead.length, 1);
  assert.deepEqual([dead[0]?.["o"], dead[0]?.["reason"], dead[0]?.["raw"]], [13, "store_refused", lines[13]]);
  assert.match(String(dead[0]?.["detail"]), /constraint/i);
  assert.deepEqual(await rowsOf(store, "SELECT rows, dead, arraySum(arrayMap(t -> t.4, touched)) AS n FROM batches"), [
    { rows: 100, dead: 1, n: 100 },
  ]);
  await writer.close(1000);
});

test("a batch over more months than one insert may touch is stored in pieces", async () => {
  const writer = writerOver(store.lane("ingest"), clock, [model]);
  const lines = Array.from({ length: 130 }, (_, month) =>
    prediction(`m${month}`, {}, new Date(Date.UTC(2012, month, 1)).toISOString()),
  );
  await writer.push(messages(lines));
  await writer.flush();
  assert.deepEqual(await rowsOf(store, "SELECT count() AS n FROM predictions_m"), [{ n: 130 }]);
  assert.deepEqual(await rowsOf(store, "SELECT count() AS n FROM dead_letters"), [{ n: 0 }]);
  await writer.close(1000);
});

test("what was buffered of a revoked partition is dropped, and its neighbours are stored", async () => {
  const writer = writerOver(store.lane("ingest"), clock, [model], { batchWaitMs: 60_000 });
  await writer.push(messages([prediction("p0")], 5, "topic", 0));
  await writer.push(messages([prediction("p1")], 3, "topic", 1));
  await writer.revoke("topic", 0);
  await writer.flush();
  assert.deepEqual(await rowsOf(store, "SELECT id FROM predictions_m"), [{ id: "p1" }]);
  assert.equal(await writer.position("topic", 0), null);
  assert.equal(await writer.position("topic", 1), 4);
  await writer.close(1000);
});

test("a write waits for its rows and says which messages were refused", async () => {
  const writer = writerOver(store.lane("ingest"), clock, [model], { batchRows: 2 });
  const outcomes = await Promise.all([
    writer.write(
      messages([prediction("w0"), "{", prediction("w2"), label("w0", "maybe"), prediction("w4")], 0, "http:a"),
    ),
    writer.write(messages([prediction("v0")], 0, "http:b")),
  ]);
  assert.deepEqual(
    outcomes[0]?.rejected.map(({ index, reason }) => [index, reason]),
    [
      [1, "not_json"],
      [3, "label_unknown_class"],
    ],
  );
  assert.deepEqual(outcomes[1]?.rejected, []);
  assert.deepEqual(await rowsOf(store, "SELECT count() AS n FROM predictions_m"), [{ n: 4 }]);
  await writer.close(1000);
});
