/** What the field cases say of ingestion: which lines are stored, as what, and which are dead letters. */
import assert from "node:assert/strict";
import { after, before, beforeEach, test } from "node:test";
import type { Store } from "../../src/store/store.ts";
import { clockAt, emptyTables, messages, openFreshStore, rowsOf, schema, writerOver } from "../support/ingest.ts";

const model = schema("m", { x: "numeric", amount: "numeric", note: "categorical" });
const loan = schema("loan", { zip: "categorical", amount: "numeric" });
const churn = schema("churn", { x: "numeric" });
const NAMES = [
  "a",
  "a.b",
  "a b",
  "größe",
  "x`y",
  'q"r',
  "it's",
  "back\\slash",
  "%2E",
  "__proto__",
  "constructor",
  "x'); DROP TABLE predictions; --",
];
const odd = {
  ...schema("odd", {}, { task: "regression", classes: [] }),
  features: NAMES.map((name) => ({ name, kind: "numeric" as const })),
};
const all = [model, loan, churn, odd];
let store: Store;
let end: () => Promise<void>;

before(async () => ({ store, end } = await openFreshStore(all)));
after(() => end());
beforeEach(() => emptyTables(store, all));

/** Pushes lines as one batch, or each batch of lines by itself, and waits until they are stored. */
async function ingest(
  now: string,
  batches: readonly (readonly string[])[],
  from: readonly number[] = [],
): Promise<void> {
  const writer = writerOver(store.lane("ingest"), clockAt(now), all, { batchWaitMs: 60_000 });
  let next = 0;
  for (const [index, lines] of batches.entries()) {
    await writer.push(messages(lines, from[index] ?? next));
    next = (from[index] ?? next) + lines.length;
    await writer.flush();
  }
  await writer.close(1000);
}

const deadLetters = () => rowsOf(store, "SELECT offset AS o, reason, detail, raw FROM dead_letters FINAL ORDER BY o");

test("one-device-with-a-fast-clock: a stamp beyond max_future is one dead letter and moves no watermark", async () => {
  const line = (id: string, at: string, prediction: number) =>
    `{"type":"prediction","id":"${id}","model":"m","timestamp":"${at}","prediction":${prediction},"features":{"x":1}}`;
  const honest = Array.from({ length: 11 }, (_, minute) =>
    line(`h${minute}`, `2026-03-02T10:${String(minute).padStart(2, "0")}:30Z`, minute % 2),
  );
  await ingest("2026-03-02T10:12:00Z", [
    [
      honest[0] ?? "",
      line("fast-day", "2026-03-03T10:00:30Z", 0),
      line("fast-50m", "2026-03-02T11:02:00Z", 0),
      ...honest.slice(1),
    ],
  ]);
  const dead = await deadLetters();
  assert.equal(dead.length, 1);
  assert.match(String(dead[0]?.["detail"]), /"timestamp".*2026-03-03T10:00:30Z.*2026-03-02T11:12:00.000Z.*max_future/);
  assert.deepEqual(await rowsOf(store, "SELECT count() AS n, max(toString(timestamp)) AS latest FROM predictions_m"), [
    { n: 12, latest: "2026-03-02 11:02:00.000" },
  ]);
  assert.deepEqual(
    await rowsOf(
      store,
      "SELECT toString(max(max_timestamp)) AS watermark, sum(rows) AS n, sum(dead) AS dead FROM batches",
    ),
    [{ watermark: "2026-03-02 11:02:00.000", n: 12, dead: 1 }],
  );
  const panes = await rowsOf(
    store,
    "SELECT toString(t.3) AS pane, t.4 AS n FROM batches ARRAY JOIN touched AS t ORDER BY pane",
  );
  assert.deepEqual(
    panes.map((row) => row["n"]),
    Array.from({ length: 12 }, () => 1),
  );
});

for (const zone of ["UTC", "America/New_York"]) {
  test(`epoch-seconds-milliseconds-and-bad-dates: under TZ=${zone} six times are one instant and six are dead letters`, async () => {
    const before = process.env["TZ"];
    process.env["TZ"] = zone;
    try {
      assert.equal(new Date(2026, 0, 1).getTimezoneOffset(), zone === "UTC" ? 0 : 300);
      const line = (id: string, timestamp: string) =>
        `{"type":"prediction","id":"${id}","model":"m","timestamp":${timestamp},"prediction":1,"features":{}}`;
      const good = [
        '"2026-01-01T00:00:00Z"',
        '"2026-01-01T01:00:00+01:00"',
        '"2026-01-01T00:00:00"',
        "1767225600",
        "1767225600000",
        '"1767225600"',
      ];
      const bad = ['"01-09-2018"', '"2026-02-30T00:00:00Z"', '"2025-02-29T00:00:00Z"', '""', "null", "17672256"];
      await ingest("2026-01-01T00:30:00Z", [
        [
          ...good.map((value, index) => line(`t${index + 1}`, value)),
          ...bad.map((value, index) => line(`x${index + 1}`, value)),
        ],
      ]);
      assert.deepEqual(
        await rowsOf(
          store,
          "SELECT arraySort(groupArray(id)) AS ids, groupUniqArray(toUnixTimestamp64Milli(timestamp)) AS times FROM predictions_m",
        ),
        [{ ids: ["t1", "t2", "t3", "t4", "t5", "t6"], times: [1_767_225_600_000] }],
      );
      const dead = await deadLetters();
      assert.deepEqual(
        dead.map((row) => [row["o"], row["reason"]]),
        [6, 7, 8, 9, 10, 11].map((offset) => [offset, "timestamp_invalid"]),
      );
      for (const row of dead) assert.match(String(row["detail"]), /"timestamp"/);
    } finally {
      if (before === undefined) delete process.env["TZ"];
      else process.env["TZ"] = before;
    }
  });
}

test("one-class-and-one-id-in-many-spellings: ids keep their digits, classes are one, an unknown label is a dead letter", async () => {
  const at = (minute: number) => `2026-03-02T10:0${minute}:00Z`;
  const predictions = [
    ["9007199254740992", "1"],
    ["9007199254740993", '"1"'],
    ['"p3"', "true"],
    ['"p4"', "1.0"],
    ['"p5"', "0"],
    ['"p6"', '"0"'],
    ['"p7"', "false"],
    ['"p8"', "0"],
    ['"p9"', "0"],
  ].map(
    ([id, value], index) =>
      `{"type":"prediction","id":${id},"model":"churn","timestamp":"${at(index)}","prediction":${value},"features":{"x":1}}`,
  );
  const labels = [
    ['"9007199254740992"', "true"],
    ["9007199254740993", "1"],
    ['"p3"', '"1"'],
    ['"p4"', "1"],
    ['"p5"', '"0"'],
    ['"p6"', "false"],
    ['"p7"', "0"],
    ['"p8"', "1"],
    ['"p9"', '"maybe"'],
  ].map(
    ([id, value], index) =>
      `{"type":"label","id":${id},"model":"churn","timestamp":"${at(index).replace("T10", "T11")}","label":${value}}`,
  );
  for (const lines of [
    [...predictions, ...labels],
    [...labels, ...predictions],
    [...predictions, ...labels].flatMap((line) => [line, line]),
  ]) {
    await emptyTables(store, all);
    await ingest("2026-03-02T12:00:00Z", [lines]);
    const rows = await rowsOf(
      store,
      `SELECT p.id AS id, p.prediction_text AS said, l.label_text AS was FROM predictions_churn AS p FINAL
      LEFT JOIN (SELECT id, argMax(label_text, (timestamp, source, partition, offset)) AS label_text FROM labels WHERE model = 'churn' GROUP BY id) AS l ON l.id = p.id ORDER BY p.timestamp`,
    );
    assert.deepEqual(
      rows.map((row) => row["id"]),
      ["9007199254740992", "9007199254740993", "p3", "p4", "p5", "p6", "p7", "p8", "p9"],
    );
    assert.deepEqual(
      rows.map((row) => `${String(row["said"])}${String(row["was"])}`),
      ["11", "11", "11", "11", "00", "00", "00", "01", "0"],
    );
    const dead = await deadLetters();
    assert.ok(dead.length === lines.length / 18);
    assert.match(String(dead[0]?.["detail"]), /"label" is "maybe"/);
    assert.equal(dead[0]?.["reason"], "label_unknown_class");
  }
});

test("label-corrected-in-the-same-instant: in whatever order they are stored, the greatest time and position holds", async () => {
  const line = (kind: string, id: string, at: string, value: number) =>
    `{"type":"${kind}","id":"${id}","model":"m","timestamp":"${at}","${kind}":${value}${kind === "label" ? "" : ',"features":{}'}}`;
  const lines = [
    line("prediction", "a1", "2026-03-02T10:00:00Z", 1),
    line("prediction", "a2", "2026-03-02T10:01:00Z", 0),
    line("label", "a2", "2026-03-03T09:00:00Z", 0),
    line("label", "a1", "2026-03-03T09:00:00Z", 0),
    line("label", "a1", "2026-03-03T09:00:00Z", 1),
    line("label", "a1", "2026-03-03T08:59:59Z", 0),
  ];
  const ways: [batches: string[][], from: number[]][] = [
    [[lines], [8]],
    [lines.map((item) => [item]), [8, 9, 10, 11, 12, 13]],
    [
      [lines.slice(0, 3), lines.slice(4), lines.slice(3, 4)],
      [8, 12, 11],
    ],
    [
      [lines, lines],
      [8, 8],
    ],
  ];
  for (const [batches, from] of ways) {
    await emptyTables(store, all);
    await ingest("2026-03-03T12:00:00Z", batches, from);
    const held = await rowsOf(
      store,
      "SELECT id, argMax(label_text, (timestamp, source, partition, offset)) AS label FROM labels GROUP BY id ORDER BY id",
    );
    assert.deepEqual(held, [
      { id: "a1", label: "1" },
      { id: "a2", label: "0" },
    ]);
    assert.deepEqual(await rowsOf(store, "SELECT count() AS n FROM labels FINAL"), [{ n: 4 }]);
  }
});

test("one-row-the-store-refuses: a thousand good rows are stored once, and each of seven odd ones is a row or a dead letter", async () => {
  const good = (id: string, amount: number) =>
    `{"type":"prediction","id":"${id}","model":"m","timestamp":"2026-03-02T10:00:00Z","prediction":1,"features":{"amount":${amount},"note":"ok"}}`;
  const strange = [
    '"amount":1e999,"note":"ok"',
    '"amount":18446744073709551616,"note":"ok"',
    '"amount":123456789012345678901234567890,"note":"ok"',
    '"amount":5,"note":"\\ud800"',
    '"amount":5,"note":"ok","a.b":1,"a":{"b":2}',
    '"amount":5,"amount":6,"note":"ok"',
    '"amount":NaN,"note":"ok"',
  ].map(
    (features, index) =>
      `{"type":"prediction","id":"p${index + 1}","model":"m","timestamp":"2026-03-02T10:00:00Z","prediction":1,"features":{${features}}}`,
  );
  const first = Array.from({ length: 1000 }, (_, index) => good(`g${index}`, index % 100));
  first.splice(501, 0, ...strange);
  await ingest("2026-03-02T10:12:00Z", [first, Array.from({ length: 10 }, (_, index) => good(`h${index}`, 1))]);
  assert.deepEqual(
    await rowsOf(
      store,
      "SELECT countIf(id LIKE 'g%' OR id LIKE 'h%') AS good, countIf(id LIKE 'p%') AS odd, countIf(isInfinite(amount) OR isNaN(amount)) AS broken FROM (SELECT id, `features.amount` AS amount FROM predictions_m)",
    ),
    [{ good: 1010, odd: 6, broken: 0 }],
  );
  const dead = await deadLetters();
  assert.deepEqual(
    dead.map((row) => [row["o"], row["reason"], row["raw"]]),
    [[507, "not_json", strange[6]]],
  );
  assert.match(String(dead[0]?.["detail"]), /NaN/);
  const rows = await rowsOf(
    store,
    "SELECT id, `features.amount` AS amount, `features.note` AS note, invalid, extra FROM predictions_m WHERE id LIKE 'p%' ORDER BY id",
  );
  assert.deepEqual(rows, [
    { id: "p1", amount: null, note: "ok", invalid: ["amount"], extra: {} },
    { id: "p2", amount: 18446744073709552000, note: "ok", invalid: [], extra: {} },
    { id: "p3", amount: 1.2345678901234568e29, note: "ok", invalid: [], extra: {} },
    { id: "p4", amount: 5, note: "\ufffd", invalid: [], extra: {} },
    { id: "p5", amount: 5, note: "ok", invalid: [], extra: { "a.b": "1" } },
    { id: "p6", amount: 6, note: "ok", invalid: [], extra: {} },
  ]);
});

test("feature-names-with-dots-and-quotes: twelve names are twelve columns, spelt as sent", async () => {
  const features = `{"a":1,"a.b":2,"a b":3,"größe":4,"x\`y":5,"q\\"r":6,"it's":7,"back\\\\slash":8,"%2E":9,"__proto__":10,"constructor":11,"x'); DROP TABLE predictions; --":12}`;
  await ingest("2026-03-02T11:00:00Z", [
    Array.from(
      { length: 20 },
      (_, index) =>
        `{"type":"prediction","id":"r${index}","model":"odd","timestamp":"2026-03-02T10:${String(index).padStart(2, "0")}:00Z","prediction":1,"features":${features}}`,
    ),
  ]);
  const columns = await rowsOf(
    store,
    "SELECT name FROM system.columns WHERE database = currentDatabase() AND table = 'predictions_odd' AND startsWith(name, 'features.') ORDER BY position",
  );
  assert.deepEqual(
    columns.map((row) => row["name"]),
    NAMES.map((name) => `features.${name}`),
  );
  const [sums] = await rowsOf(
    store,
    `SELECT [${NAMES.map((name) => `sum(\`features.${name.replace(/\\/g, "\\\\").replace(/`/g, "\\`")}\`)`).join(", ")}] AS sums, max(length(extra)) AS extra FROM predictions_odd`,
  );
  assert.deepEqual(sums, { sums: NAMES.map((_, index) => (index + 1) * 20), extra: 0 });
  assert.deepEqual(await deadLetters(), []);
});

test("zip-codes-in-a-csv-reference: codes sent as text stay forty categories, digit by digit", async () => {
  await ingest("2026-03-02T11:00:00Z", [
    Array.from(
      { length: 400 },
      (_, index) =>
        `{"type":"prediction","id":"z${index}","model":"loan","timestamp":"2026-03-02T10:00:00Z","prediction":1,"features":{"zip":"${String(index % 40).padStart(5, "0")}","amount":${10 + (index % 7)}}}`,
    ),
  ]);
  assert.deepEqual(
    await rowsOf(
      store,
      "SELECT uniqExact(`features.zip`) AS zips, min(`features.zip`) AS least, max(`features.zip`) AS greatest, sum(length(invalid)) AS invalid FROM predictions_loan",
    ),
    [{ zips: 40, least: "00000", greatest: "00039", invalid: 0 }],
  );
});
