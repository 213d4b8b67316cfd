/** Whom an event is about, and which labels are joined by that. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { eventMappingSchema } from "../../../src/config/event-mapping.ts";
import { privacyOf } from "../../../src/config/privacy.ts";
import type { ModelSchema } from "../../../src/core/model-schema.ts";
import { createEntityReader } from "../../../src/ingest/events/entity-key.ts";
import { EventRows } from "../../../src/ingest/events/event-rows.ts";
import { createJsonDecoder } from "../../../src/ingest/events/json-events.ts";

const clock = { now: () => Date.parse("2026-03-02T10:12:00Z"), sleep: () => Promise.resolve() };
const byEntity: ModelSchema = { model: "m", task: "binary", classes: ["0", "1"], features: [], entity: "customer" };

const keyOf = (payload: Readonly<Record<string, unknown>>, mapping: object = {}) =>
  createEntityReader(eventMappingSchema.parse(mapping), "customer", null)(payload, (_, value) => `spelt ${value}`);

function decode(lines: readonly string[], schema: ModelSchema = byEntity, identity?: null): EventRows {
  const rows = new EventRows([schema]);
  const decoder = createJsonDecoder({
    mapping: eventMappingSchema.parse({}),
    models: [{ schema, maxFutureMs: 3_600_000 }],
    clock,
    maxMessageBytes: 100_000,
    deadLetterBytes: 1000,
  });
  for (const [offset, value] of lines.entries())
    decoder.decode(
      { source: "s", partition: 0, offset, value, ...(identity === null ? { identity } : {}) },
      offset,
      rows,
    );
  return rows;
}

const label = (fields: string) => `{"type":"label","model":"m","timestamp":"2026-03-02T10:00:00Z","label":1${fields}}`;

test("the mapped field goes before the feature, the segment and the field of that name, and what is absent or empty is passed over", () => {
  const everywhere = { who: "a", features: { customer: "b" }, segments: { customer: "c" }, customer: "d" };
  assert.equal(keyOf(everywhere, { entity: "who" }), "a");
  assert.equal(keyOf({ ...everywhere, who: null }, { entity: "who" }), "b");
  assert.equal(keyOf(everywhere), "b");
  assert.equal(keyOf({ ...everywhere, features: {} }), "c");
  assert.equal(keyOf({ ...everywhere, features: { customer: "" }, segments: {} }), "d");
  assert.equal(keyOf({ features: {} }), null);
});

test("features are looked for where the mapping has them", () => {
  assert.equal(keyOf({ in: { customer: "a" } }, { features: "in" }), "a");
  assert.equal(keyOf({ customer: "a" }, { features: "*" }), "a");
  assert.equal(keyOf({ x: { c: "a" } }, { features: { customer: "x.c" } }), "a");
  assert.equal(keyOf({ customer: "a" }, { features: ["customer", "age"] }), "a");
});

test("numbers and texts that spell them are one key; whole numbers beyond 2^53 keep their digits; nothing else is a key", () => {
  assert.equal(keyOf({ customer: 81 }), "81");
  assert.equal(keyOf({ customer: "81" }), "81");
  assert.equal(keyOf({ customer: 9007199254740993n }), "9007199254740993");
  assert.equal(keyOf({ customer: 2 ** 60 }), `spelt ${2 ** 60}`);
  for (const customer of [true, [1], { a: 1 }, "x".repeat(5000), "\ud800"]) assert.equal(keyOf({ customer }), null);
});

test("a label without an id is one by entity, one with an id is one by id", () => {
  const rows = decode([
    label(',"customer":81'),
    label(',"customer":81,"id":"a"'),
    label(',"customer":9007199254740993'),
  ]);
  assert.deepEqual(rows.entityLabels.id.slice(0, rows.entityLabels.rows), ["81", "9007199254740993"]);
  assert.deepEqual(rows.labels.id.slice(0, rows.labels.rows), ["a"]);
  assert.equal(rows.events, 3);
});

test("over HTTP such a label needs no id and no Idempotency-Key; one with neither id nor entity is a dead letter that says so", () => {
  assert.equal(decode([label(',"customer":"c"')], byEntity, null).entityLabels.rows, 1);
  const [dead] = decode([label("")]).dead;
  assert.deepEqual(
    [dead?.reason, dead?.detail],
    ["field_missing", 'there is neither "id" nor the key of an entity; a label needs one'],
  );
});

test("a prediction keeps its id and notes its entity; one without is a prediction like any other", () => {
  const prediction = (fields: string) =>
    `{"type":"prediction","model":"m","timestamp":"2026-03-02T10:00:00Z","prediction":1${fields}}`;
  const rows = decode([prediction(',"id":"a","features":{"customer":81}'), prediction(',"id":"b"')]).predictions.get(
    "m",
  );
  assert.deepEqual(
    [rows?.id, rows?.entity],
    [
      ["a", "b"],
      ["81", ""],
    ],
  );
});

test("where labels are joined by id alone, a label without an id is taken as before", () => {
  const { entity: _, ...byId } = byEntity;
  const rows = decode([label(',"customer":81')], byId);
  assert.deepEqual([rows.labels.rows, rows.entityLabels.rows, rows.labels.id[0]], [1, 0, "s/0/0"]);
});

test("the key is a hash where privacy hashes ids or what holds it, and as it is where privacy means others", () => {
  const keyUnder = (features: Readonly<Record<string, "hash">>, id?: "hash") =>
    createEntityReader(
      eventMappingSchema.parse({}),
      "customer",
      privacyOf({ privacy: { key: "0123456789abcdef", features, segments: {}, attributions: {}, id } }),
    )({ customer: 81 }, String);
  assert.match(keyUnder({ customer: "hash" }) ?? "", /^(?!81$).{16,}/);
  assert.equal(keyUnder({}, "hash"), keyUnder({ "cust*": "hash" }));
  assert.equal(keyUnder({ other: "hash" }), "81");
});
