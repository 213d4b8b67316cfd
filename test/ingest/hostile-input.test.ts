/** Hostile input: whatever bytes come, every message is an event or a dead letter, and the position moves on. */
import assert from "node:assert/strict";
import { after, before, beforeEach, test } from "node:test";
import { seededRandom } from "../../src/math/seeded-random.ts";
import type { Store } from "../../src/store/store.ts";
import { clockAt, emptyTables, messages, openFreshStore, rowsOf, schema, writerOver } from "../support/ingest.ts";

const model = schema("m", { amount: "numeric", note: "categorical" });
const clock = clockAt("2026-03-02T10:12:00Z");
let store: Store;
let end: () => Promise<void>;

before(async () => ({ store, end } = await openFreshStore([model])));
after(() => end());
beforeEach(() => emptyTables(store, [model]));

const VALUES = [
  "1",
  "0",
  "-1e308",
  "1e999",
  "null",
  "true",
  '""',
  '"x"',
  '"\\ud800"',
  '"\\u0000"',
  "[]",
  "{}",
  "9007199254740993",
  '"2026-03-02T10:00:00Z"',
  '"9999-12-31"',
  "1767225600",
  "NaN",
  '{"a":{"b":[1]}}',
  '"\'; DROP TABLE labels; --"',
  '"größe"',
];
const KEYS = [
  "type",
  "id",
  "model",
  "version",
  "variant",
  "timestamp",
  "prediction",
  "label",
  "score",
  "features",
  "probabilities",
  "segments",
  "attributions",
  "__proto__",
  "constructor",
];

/** A good event with bytes turned, cut out, doubled; or an object of odd values under the known keys; or noise. */
function hostile(next: () => number): Buffer {
  const pick = <Item>(items: readonly Item[]): Item => items[Math.floor(next() * items.length)] as Item;
  const kind = next();
  if (kind < 0.2) return Buffer.from(Array.from({ length: Math.floor(next() * 200) }, () => Math.floor(next() * 256)));
  if (kind < 0.6) {
    const fields = KEYS.filter(() => next() < 0.7).map(
      (key) => `"${key}":${next() < 0.5 ? pick(VALUES) : (GOOD[key] ?? pick(VALUES))}`,
    );
    return Buffer.from(`{${fields.join(",")}}`);
  }
  const bytes = Buffer.from(
    `{${Object.entries(GOOD)
      .map(([key, value]) => `"${key}":${value}`)
      .join(",")}}`,
  );
  for (let turn = 0; turn < 1 + Math.floor(next() * 3); turn++)
    bytes[Math.floor(next() * bytes.length)] = Math.floor(next() * 256);
  return next() < 0.3 ? bytes.subarray(0, Math.floor(next() * bytes.length)) : bytes;
}
const GOOD: Readonly<Record<string, string>> = {
  type: '"prediction"',
  id: '"a1"',
  model: '"m"',
  timestamp: '"2026-03-02T10:00:00Z"',
  prediction: "1",
  label: "0",
  features: '{"amount":1.5,"note":"x","more":[1,{"y":2}]}',
  probabilities: '{"0":0.5}',
};

test("of ten thousand hostile messages each is an event or a dead letter, with the bytes it had", async () => {
  const next = seededRandom(20260302);
  const values = Array.from({ length: 10_000 }, () => hostile(next));
  const writer = writerOver(store.lane("ingest"), clock, [model], { batchRows: 3000 });
  await writer.push(messages(values));
  await writer.flush();
  const [events] = await rowsOf(
    store,
    "SELECT uniqExact(o) AS n FROM (SELECT offset AS o FROM predictions_m UNION ALL SELECT offset AS o FROM labels)",
  );
  const [dead] = await rowsOf(store, "SELECT count() AS n, uniqExact(offset) AS offsets FROM dead_letters");
  const stored = await rowsOf(store, "SELECT sum(rows) AS n, sum(dead) AS dead FROM batches");
  assert.equal(dead?.["n"], dead?.["offsets"]);
  assert.equal(stored[0]?.["dead"], dead?.["n"]);
  assert.ok(Number(dead?.["n"]) > 3000 && Number(dead?.["n"]) < 9900);
  // Rows that share an identity collapse, so the commit records say how many there were.
  assert.ok(Number(stored[0]?.["n"]) >= 10_000 - Number(dead?.["n"]));
  assert.ok(Number(events?.["n"]) > 0);
  assert.equal(await writer.position("test", 0), 10_000);
  for (const row of await rowsOf(
    store,
    "SELECT offset AS o, hex(raw) AS raw, reason, detail FROM dead_letters ORDER BY o LIMIT 2000",
  )) {
    assert.equal(row["raw"], values[Number(row["o"])]?.toString("hex").toUpperCase());
    assert.ok(String(row["detail"]).length > 5, JSON.stringify(row));
  }
  await writer.close(1000);
});

test("10 MB messages, deep nesting, 10,000 names, years 1 and 9999, NaN, 1e400 and prototype keys are each accounted for", async () => {
  const event = (features: string, timestamp = '"2026-03-02T10:00:00Z"', id = "a") =>
    `{"type":"prediction","id":"${id}","model":"m","timestamp":${timestamp},"prediction":1,"features":${features}}`;
  const lines = [
    event(`{"note":"${"x".repeat(10 * 1024 * 1024)}"}`),
    "[".repeat(1_000_000),
    `${'{"a":'.repeat(100_000)}1${"}".repeat(100_000)}`,
    event(`${'{"a":'.repeat(10_000)}1${"}".repeat(10_000)}`),
    event(`{${Array.from({ length: 10_000 }, (_, index) => `"f${index}":${index}`).join(",")}}`, undefined, "wide"),
    event("{}", '"0001-01-01T00:00:00Z"'),
    event("{}", '"9999-12-31T23:59:59Z"'),
    event('{"amount":NaN}'),
    event('{"amount":1e400}', undefined, "huge"),
    event('{"__proto__":{"polluted":true},"constructor":{"prototype":{"polluted":true}}}', undefined, "proto"),
    '{"__proto__":{"type":"prediction","id":"x","model":"m","timestamp":1767225600,"prediction":1}}',
    event('{"note":"\\u0000\\u0001"}', undefined, "nul"),
  ];
  const writer = writerOver(store.lane("ingest"), clock, [model], { decoder: { deadLetterBytes: 1000 } });
  await writer.push(messages(lines));
  await writer.flush();
  const rows = await rowsOf(
    store,
    "SELECT id, invalid, length(extra) AS extra, hex(ifNull(`features.note`, '')) AS note FROM predictions_m ORDER BY id",
  );
  assert.deepEqual(rows, [
    { id: "huge", invalid: ["amount"], extra: 0, note: "" },
    { id: "nul", invalid: [], extra: 0, note: "0001" },
    { id: "proto", invalid: [], extra: 2, note: "" },
    { id: "wide", invalid: [], extra: 1000, note: "" },
  ]);
  const dead = await rowsOf(store, "SELECT offset AS o, reason, length(raw) AS kept FROM dead_letters ORDER BY o");
  assert.deepEqual(
    dead.map((row) => [row["o"], row["reason"]]),
    [
      [0, "too_large"],
      [1, "not_json"],
      [2, "field_missing"],
      [3, "too_deep"],
      [5, "timestamp_invalid"],
      [6, "timestamp_in_future"],
      [7, "not_json"],
      [10, "field_missing"],
    ],
  );
  assert.ok(dead.every((row) => Number(row["kept"]) <= 1000));
  assert.equal(({} as Record<string, unknown>)["polluted"], undefined);
  await writer.close(1000);
});
