/** What every store must do, whichever engine it is: run by the tests of the embedded engine and of a server. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { z } from "zod";
import { DriftlineError } from "../../src/core/errors.ts";
import type { Column } from "../../src/store/native-block.ts";
import { join, list, name, sql, time } from "../../src/store/sql.ts";
import type { Store } from "../../src/store/store.ts";

const anything = z.record(z.string(), z.unknown());
const HOSTILE = [
  "it's",
  "back\\slash",
  "x'); DROP TABLE batches; --",
  "größe",
  "a`b",
  'q"r',
  "tab\there",
  "line\nbreak",
  "nul\0byte",
  "{x: String}",
  "",
];

/** One row a value: what the engine must give back of each column type. */
const EVERY_TYPE: { readonly column: Column; readonly expected: readonly unknown[] }[] = [
  {
    column: { name: "t", type: "DateTime64(3, 'UTC')", values: [0, 1_767_225_600_123] },
    expected: [0, 1_767_225_600_123],
  },
  { column: { name: "s", type: "DateTime('UTC')", values: [0, 1_767_225_600] }, expected: [0, 1_767_225_600] },
  { column: { name: "u64", type: "UInt64", values: [0, 2 ** 53 - 1] }, expected: [0, 2 ** 53 - 1] },
  { column: { name: "u32", type: "UInt32", values: [0, 2 ** 32 - 1] }, expected: [0, 2 ** 32 - 1] },
  { column: { name: "f", type: "Float64", values: [-0.1, 1e300] }, expected: [-0.1, 1e300] },
  { column: { name: "nf", type: "Nullable(Float64)", values: [Number.NaN, 2.5] }, expected: [null, 2.5] },
  {
    column: { name: "str", type: "String", values: ["", `größe ${"x".repeat(300)}`] },
    expected: ["", `größe ${"x".repeat(300)}`],
  },
  { column: { name: "lc", type: "LowCardinality(String)", values: ["", "it's"] }, expected: ["", "it's"] },
  { column: { name: "lcn", type: "LowCardinality(Nullable(String))", values: [null, ""] }, expected: [null, ""] },
  {
    column: { name: "al", type: "Array(LowCardinality(String))", values: [[], ["a", "b", "a"]] },
    expected: [[], ["a", "b", "a"]],
  },
  { column: { name: "af", type: "Array(Float64)", values: [[], [1, 2.5]] }, expected: [[], [1, 2.5]] },
  {
    column: { name: "ms", type: "Map(String, String)", values: [[], [["k'", "v\\"]]] },
    expected: [{}, { "k'": "v\\" }],
  },
  {
    column: { name: "mf", type: "Map(String, Float64)", values: [[["__proto__", 1]], []] },
    expected: [{ ["__proto__"]: 1 }, {}],
  },
];

export function laneContract(engine: string, store: () => Store): void {
  const lane = () => store().lane("evaluate");

  test(`${engine}: text, names, lists, numbers and times go into statements unharmed`, async () => {
    for (const text of HOSTILE)
      assert.deepEqual(await lane().query(sql`SELECT ${text} AS v`, z.object({ v: z.string() })), [{ v: text }]);
    for (const text of HOSTILE.filter((item) => item !== "" && !item.includes("\0")))
      assert.deepEqual(Object.keys((await lane().query(sql`SELECT 1 AS ${name(text)}`, anything))[0] ?? {}), [text]);
    const rows = await lane().query(
      sql`SELECT toUnixTimestamp64Milli(${time(1_767_225_600_123)}) AS t, ${[1, 2.5]} AS a, 'b' IN ${list(["a", "b"])} AS i, 1 IN ${list([])} AS none, ${Number.NaN} AS nan`,
      anything,
    );
    assert.equal(rows[0]?.["t"], 1_767_225_600_123);
    assert.deepEqual(rows[0]?.["a"], [1, 2.5]);
    assert.equal(rows[0]?.["i"], 1);
    assert.equal(rows[0]?.["nan"], null);
  });

  test(`${engine}: a Native block carries every column type, more than 65,536 keys and an empty block`, async () => {
    const columns = EVERY_TYPE.map(({ column }) => column);
    const definition = join(columns.map((column) => sql`${name(column.name)} ${name(column.type)}`))
      .text.replace(/` `([^`]+)`/g, "` $1")
      .replace(/\\'/g, "'");
    await lane().command({
      ...sql``,
      text: `CREATE TABLE every_type (${definition}) ENGINE = MergeTree ORDER BY tuple()`,
    });
    await lane().insertBlock("every_type", columns);
    const rows = await lane().query(
      sql`SELECT * REPLACE (toUnixTimestamp64Milli(t) AS t, toUnixTimestamp(s) AS s) FROM every_type`,
      anything,
    );
    for (const { column, expected } of EVERY_TYPE)
      assert.deepEqual(
        rows.map((row) => row[column.name]),
        expected,
        column.name,
      );
    await lane().insertBlock(
      "every_type",
      columns.map((column) => ({ ...column, values: [] }) as Column),
    );
    const many = Array.from({ length: 70_000 }, (_, index) => `k${index}`);
    await lane().insertBlock("every_type", [{ name: "lc", type: "LowCardinality(String)", values: many }]);
    assert.deepEqual(
      await lane().query(sql`SELECT count() AS n, uniqExact(lc) AS k FROM every_type WHERE lc LIKE 'k%'`, anything),
      [{ n: 70_000, k: 70_000 }],
    );
  });

  test(`${engine}: bytes that are no UTF-8 come through a block`, async () => {
    await lane().insertBlock("dead_letters", [
      { name: "raw", type: "String", values: [Buffer.from([0xff, 0, 0x27]), "ok"] },
      { name: "offset", type: "UInt64", values: [1, 2] },
    ]);
    assert.deepEqual(await lane().query(sql`SELECT hex(raw) AS raw FROM dead_letters ORDER BY offset`, anything), [
      { raw: "FF0027" },
      { raw: "6F6B" },
    ]);
  });

  test(`${engine}: rows of control tables keep hostile text, times and nested values`, async () => {
    const touched = [{ model: "it's", kind: "label", pane: 1_767_225_600_000, n: 2 }];
    await lane().insertRows("batches", [
      {
        source: "x'\\",
        partition: 0,
        first_offset: 1,
        last_offset: 2,
        max_timestamp: 1_767_225_600_123,
        rows: 1,
        dead: 0,
        touched,
      },
    ]);
    const rows = await lane().query(
      sql`SELECT source, toUnixTimestamp64Milli(max_timestamp) AS t, touched.model AS model, toUnixTimestamp64Milli(touched.pane[1]) AS pane FROM batches`,
      anything,
    );
    assert.deepEqual(rows, [{ source: "x'\\", t: 1_767_225_600_123, model: ["it's"], pane: 1_767_225_600_000 }]);
  });

  test(`${engine}: bad SQL, a missing table and a refused value are not retryable; a limit of time is`, async () => {
    const refused = (thrown: unknown) =>
      thrown instanceof DriftlineError && thrown.code === "store_refused" && !thrown.retryable;
    await assert.rejects(lane().command(sql`SELEKT 1`), refused);
    await assert.rejects(lane().query(sql`SELECT * FROM nowhere`, anything), refused);
    await assert.rejects(lane().query(sql`SELECT throwIf(1)`, anything), refused);
    await assert.rejects(lane().insertBlock("batches", [{ name: "nowhere", type: "UInt32", values: [1] }]), refused);
    await assert.rejects(
      lane().query(sql`SELECT sum(sleepEachRow(0.2)) FROM numbers(100) SETTINGS max_block_size = 1`, anything, {
        timeoutSeconds: 1,
      }),
      (thrown: unknown) => thrown instanceof DriftlineError,
    );
    await assert.rejects(lane().query(sql`SELECT 1 AS x`, z.object({ x: z.string() })), refused);
    assert.deepEqual(await lane().query(sql`SELECT 1 AS x`, anything), [{ x: 1 }]);
  });

  test(`${engine}: limits of one statement do not stay for the next`, async () => {
    await lane().query(sql`SELECT 1 AS x`, anything, { timeoutSeconds: 7, memoryBytes: 100_000_000 });
    const rows = await lane().query(
      sql`SELECT value FROM system.settings WHERE name = 'max_execution_time'`,
      z.object({ value: z.string() }),
      { timeoutSeconds: 9 },
    );
    assert.equal(Number(rows[0]?.value), 9);
    assert.match(await lane().text("SELECT 1 AS x", "JSONEachRow"), /"x":1/);
    await assert.rejects(lane().text("CREATE TABLE no (x UInt8) ENGINE = Memory", "TSV", { readOnly: true }));
  });
}
