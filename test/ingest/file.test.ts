/** Files as a source: types and digits kept, broken lines dead letters, resumed where the store's position is. */
import assert from "node:assert/strict";
import { writeFile } from "node:fs/promises";
import path from "node:path";
import { after, before, beforeEach, test } from "node:test";
import { eventMappingSchema } from "../../src/config/event-mapping.ts";
import type { RawMessage } from "../../src/core/event.ts";
import { type FileReader, openFileReader } from "../../src/ingest/file.ts";
import { type LocalReader, openLocalReader } from "../../src/store/local-reader.ts";
import { sql } from "../../src/store/sql.ts";
import type { Store } from "../../src/store/store.ts";
import { clockAt, emptyTables, openFreshStore, rowsOf, schema, writerOver } from "../support/ingest.ts";

const model = schema("m", {
  count: "numeric",
  amount: "numeric",
  price: "numeric",
  zip: "categorical",
  day: "categorical",
});
const clock = clockAt("2026-03-02T10:12:00Z");
const mapping = eventMappingSchema.parse({ model: { value: "m" }, features: "*" });
let store: Store;
let folder: string;
let end: () => Promise<void>;
let reader: LocalReader;

before(async () => {
  ({ store, folder, end } = await openFreshStore([model]));
  reader = await openLocalReader(store, path.join(folder, "data"));
});
after(async () => {
  await reader.close();
  await end();
});
beforeEach(() => emptyTables(store, [model]));

async function ingest(file: FileReader, from = 0): Promise<void> {
  const writer = writerOver(store.lane("ingest"), clock, [model], {
    decoder: { mapping, textNumbers: file.format === "CSVWithNames" },
  });
  for await (const messages of file.messages(from)) await writer.push(messages);
  await writer.flush();
  await writer.close(1000);
}

const stored = () =>
  rowsOf(
    store,
    "SELECT id, toUnixTimestamp64Milli(timestamp) AS ms, prediction_text AS p, `features.count` AS count, `features.amount` AS amount, `features.price` AS price, `features.zip` AS zip, `features.day` AS day, invalid, offset AS o FROM predictions_m FINAL ORDER BY o",
  );

test("Parquet keeps its types: 64-bit ids digit by digit, whole numbers and decimals as numbers, times in UTC, null as missing", async () => {
  const file = path.join(folder, "events.parquet");
  await store.lane("control").command(sql`INSERT INTO FUNCTION file(${file}, 'Parquet')
    SELECT toInt64(9007199254740992 + number) AS id, toDateTime64('2026-01-01 00:00:00.123', 3, 'UTC') + number AS timestamp, toInt64(number % 2) AS prediction,
      if(number = 1, NULL, toInt64(number + 5)) AS count, if(number = 2, nan, number / 2) AS amount, toDecimal64('12.50', 2) AS price, leftPad(toString(number), 5, '0') AS zip, toDate('2026-01-31') AS day
    FROM numbers(3)`);
  const opened = await openFileReader(reader, { path: file });
  assert.equal(opened.rows, 3);
  await ingest(opened);
  const start = Date.parse("2026-01-01T00:00:00.123Z");
  assert.deepEqual(await rowsOf(store, "SELECT reason, detail FROM dead_letters"), []);
  assert.deepEqual(await stored(), [
    {
      id: "9007199254740992",
      ms: start,
      p: "0",
      count: 5,
      amount: 0,
      price: 12.5,
      zip: "00000",
      day: "2026-01-31",
      invalid: [],
      o: 0,
    },
    {
      id: "9007199254740993",
      ms: start + 1000,
      p: "1",
      count: null,
      amount: 0.5,
      price: 12.5,
      zip: "00001",
      day: "2026-01-31",
      invalid: [],
      o: 1,
    },
    {
      id: "9007199254740994",
      ms: start + 2000,
      p: "0",
      count: 7,
      amount: null,
      price: 12.5,
      zip: "00002",
      day: "2026-01-31",
      invalid: [],
      o: 2,
    },
  ]);
});

test("CSV is text until the schema types it: leading zeros stay, numbers are numbers, empty cells are missing, other text is invalid", async () => {
  const file = path.join(folder, "events.csv");
  await writeFile(
    file,
    '\uFEFF"id",timestamp,prediction,count,amount,"zip"\n1,2026-01-01,1,7,1.5,00123\n"2",1767225600,0,,x,"a, b"\nbroken\n3,2026-01-01,1,1,1,00001,too much\n',
  );
  await ingest(await openFileReader(reader, { path: file }));
  const rows = await stored();
  assert.deepEqual(
    rows.map(({ id, count, amount, zip, invalid }) => ({ id, count, amount, zip, invalid })),
    [
      { id: "1", count: 7, amount: 1.5, zip: "00123", invalid: [] },
      { id: "2", count: null, amount: null, zip: "a, b", invalid: ["amount"] },
      { id: "3", count: 1, amount: 1, zip: "00001", invalid: [] },
    ],
  );
  assert.deepEqual(await rowsOf(store, "SELECT offset AS o, reason FROM dead_letters"), [
    { o: 2, reason: "timestamp_invalid" },
  ]);
});

test("NDJSON is read line by line: a broken line is a dead letter with its bytes, blank lines count and are nothing", async () => {
  const file = path.join(folder, "events.ndjson");
  const line = (id: string) => `{"id":"${id}","timestamp":"2026-01-01","prediction":1}`;
  await writeFile(
    file,
    Buffer.concat([
      Buffer.from(`${line("a")}\r\n\n${line("b").slice(0, 20)}\n`),
      Buffer.from([0xff, 0xfe, 0x0a]),
      Buffer.from(line("c")),
    ]),
  );
  const opened = await openFileReader(reader, { path: file });
  assert.equal(opened.rows, 5);
  await ingest(opened);
  assert.deepEqual(
    (await stored()).map((row) => [row["id"], row["o"]]),
    [
      ["a", 0],
      ["c", 4],
    ],
  );
  assert.deepEqual(await rowsOf(store, "SELECT offset AS o, hex(raw) AS raw FROM dead_letters ORDER BY o"), [
    { o: 2, raw: Buffer.from(line("b").slice(0, 20)).toString("hex").toUpperCase() },
    { o: 3, raw: "FFFE" },
  ]);
});

test("reading goes on at a row, and a changed file of the same name and size is another source", async () => {
  const file = path.join(folder, "again.ndjson");
  const lines = Array.from({ length: 10 }, (_, index) => `{"id":"r${index}","timestamp":"2026-01-01","prediction":1}`);
  await writeFile(file, lines.join("\n"));
  const first = await openFileReader(reader, { path: file });
  const rest: RawMessage[] = [];
  for await (const chunk of first.messages(7)) rest.push(...chunk);
  assert.deepEqual(
    rest.map((message) => message.offset),
    [7, 8, 9],
  );
  await writeFile(file, lines.join("\n").replace('"r5"', '"s5"'));
  const second = await openFileReader(reader, { path: file });
  assert.notEqual(second.source, first.source);
  await writeFile(file, lines.join("\n"));
  assert.equal((await openFileReader(reader, { path: file })).source, first.source);
  await assert.rejects(openFileReader(reader, { path: path.join(folder, "absent.csv") }), /absent\.csv/);
  await assert.rejects(openFileReader(reader, { path: path.join(folder, "events.txt") }), /format/);
});
