/** What a payload becomes: rows of columns, or one dead letter whose reason names the field. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { eventMappingSchema } from "../../../src/config/event-mapping.ts";
import type { RawMessage } from "../../../src/core/event.ts";
import type { ModelSchema } from "../../../src/core/model-schema.ts";
import { EventRows } from "../../../src/ingest/events/event-rows.ts";
import { createJsonDecoder, type DecoderOptions } from "../../../src/ingest/events/json-events.ts";

const clock = { now: () => Date.parse("2026-03-02T10:12:00Z"), sleep: () => Promise.resolve() };
const binary: ModelSchema = {
  model: "m",
  task: "binary",
  classes: ["0", "1"],
  features: [
    { name: "amount", kind: "numeric" },
    { name: "note", kind: "categorical" },
    { name: "a.b", kind: "numeric" },
    { name: "__proto__", kind: "numeric" },
    { name: "constructor", kind: "categorical" },
    { name: "text", kind: "vector", dimension: 3 },
  ],
};
const regression: ModelSchema = { model: "r", task: "regression", classes: [], features: [] };
const multiclass: ModelSchema = { model: "k", task: "multiclass", classes: [], features: [] };

function decode(
  payloads: readonly (string | Buffer | null)[],
  mapping: object = {},
  more: Partial<DecoderOptions> & { message?: Partial<RawMessage> } = {},
): EventRows {
  const rows = new EventRows([binary, regression, multiclass]);
  const decoder = createJsonDecoder({
    mapping: eventMappingSchema.parse(mapping),
    models: [binary, regression, multiclass].map((schema) => ({ schema, maxFutureMs: 3_600_000 })),
    clock,
    maxMessageBytes: 100_000,
    deadLetterBytes: 50,
    ...more,
  });
  for (const [offset, value] of payloads.entries())
    decoder.decode(
      {
        source: "s",
        partition: 3,
        offset,
        value: typeof value === "string" ? Buffer.from(value) : value,
        ...more.message,
      },
      offset,
      rows,
    );
  return rows;
}

const event = (fields: string): string =>
  `{"model":"m","timestamp":"2026-03-02T10:00:00Z","prediction":1${fields === "" ? "" : `,${fields}`}}`;

const listOf = (vector: Float32Array | undefined) => (vector?.length ? [...vector] : null);

/** The features of the only prediction. */
function features(json: string, mapping: object = {}, more: Partial<DecoderOptions> = {}): Record<string, unknown> {
  const rows = decode([event(`"features":${json}`)], mapping, more);
  assert.deepEqual(rows.dead, []);
  const model = rows.predictions.get("m");
  assert.ok(model !== undefined && model.rows === 1);
  const entries = model.features.map(
    ({ feature, numeric, numbers, texts, vectors }) =>
      [
        feature.name,
        feature.kind === "vector"
          ? listOf(vectors[0])
          : numeric
            ? Number.isNaN(numbers[0])
              ? null
              : numbers[0]
            : texts[0],
      ] as const,
  );
  const known = Object.fromEntries(entries.filter(([, value]) => value !== null));
  return { ...known, invalid: model.invalid[0], extra: model.extra[0]?.map(([name, text]) => `${name}=${text}`) };
}

const reasons = (
  payloads: readonly (string | Buffer | null)[],
  mapping?: object,
  more?: Parameters<typeof decode>[2],
): string[] => decode(payloads, mapping, more).dead.map(({ reason, detail }) => `${reason}: ${detail}`);

test("lists of numbers go to a vector, in 32 bits; what is no vector is invalid, and why is noted", () => {
  assert.deepEqual(features('{"text":[1,-0.5,2e3]}'), { text: [1, -0.5, 2000], invalid: [], extra: [] });
  assert.deepEqual(features('{"text":null}'), { invalid: [], extra: [] });
  assert.deepEqual(features('{"text":[1,2]}'), { text: [1, 2], invalid: ["text: 2 numbers, not 3"], extra: [] });
  for (const [json, reason] of [
    ["[]", "empty"],
    ["[1,null,3]", "not all numbers"],
    ['["1",2,3]', "not all numbers"],
    ["[1,[2],3]", "not all numbers"],
    ["[1,1e39,3]", "not all numbers"],
    ["5", "not a list"],
    ['"[1,2,3]"', "not a list"],
    [`[${"1,".repeat(4096)}1]`, "too long"],
  ] as const)
    assert.deepEqual(features(`{"text":${json}}`), { invalid: ["text", `text: ${reason}`], extra: [] });
  assert.deepEqual(features('{"text":{"0":1}}'), { invalid: ["text", "text: not a list"], extra: ["text.0=1"] });
  const inText = { textNumbers: true };
  assert.deepEqual(features('{"text":"[1, 2.5, 3]"}', {}, inText), { text: [1, 2.5, 3], invalid: [], extra: [] });
  assert.deepEqual(features('{"text":""}', {}, inText), { invalid: [], extra: [] });
});

test("numbers and text go to their features; missing, null and invalid are told apart", () => {
  assert.deepEqual(features('{"amount":1.5,"note":"x"}'), { amount: 1.5, note: "x", invalid: [], extra: [] });
  assert.deepEqual(features('{"amount":null}'), { invalid: [], extra: [] });
  assert.deepEqual(features('{"amount":"12","note":{"x":1}}'), { invalid: ["amount", "note"], extra: ["note.x=1"] });
  assert.deepEqual(features('{"amount":1e999,"note":[1]}'), { invalid: ["amount", "note"], extra: [] });
  assert.deepEqual(features('{"amount":true,"note":true}'), { note: "true", invalid: ["amount"], extra: [] });
  assert.deepEqual(features('{"amount":123456789012345678901234567890}'), {
    amount: 1.2345678901234568e29,
    invalid: [],
    extra: [],
  });
});

test("categories sent as numbers have their shortest spelling, and all digits beyond 2^53", () => {
  assert.equal(features('{"note":1.0}')["note"], "1");
  assert.equal(features('{"note":-0}')["note"], "0");
  assert.equal(features('{"note":1.10}')["note"], "1.1");
  assert.equal(features('{"note":9007199254740993}')["note"], "9007199254740993");
  assert.equal(features('{"note":"00123"}')["note"], "00123");
  assert.equal(features('{"note":""}')["note"], "");
});

test("names with dots: a key of its own wins over a nested object, which never stands for its parent", () => {
  assert.equal(features('{"a":{"b":2}}')["a.b"], 2);
  assert.equal(features('{"a.b":1,"a":{"b":2}}')["a.b"], 1);
  assert.equal(features('{"a":{"b":2},"a.b":1}')["a.b"], 1);
  assert.deepEqual(features('{"a":{"b":{"c":3}}}'), { invalid: ["a.b"], extra: ["a.b.c=3"] });
  assert.deepEqual(features('{"amount":{"x":1}}'), { invalid: ["amount"], extra: ["amount.x=1"] });
});

test("prototype keys are names like any other, and absent where they are not sent", () => {
  assert.equal(features('{"__proto__":10,"constructor":"c"}')["constructor"], "c");
  const rows = decode([event('"features":{"__proto__":10}')]);
  assert.equal(rows.predictions.get("m")?.features[3]?.numbers[0], 10);
  assert.deepEqual(features("{}"), { invalid: [], extra: [] });
  assert.deepEqual(features('{"toString":1,"hasOwnProperty":2}')["extra"], ["toString=1", "hasOwnProperty=2"]);
});

test("unknown features are kept as JSON, within a limit that is counted", () => {
  assert.deepEqual(features('{"x":"t","y":[1,{"z":2}],"w":null}')["extra"], ['x="t"', 'y=[1,{"z":2}]', "w=null"]);
  const many = decode(
    [event(`"features":{${Array.from({ length: 10_000 }, (_, index) => `"f${index}":1`).join(",")}}`)],
    {},
    { maxMessageBytes: 1e6 },
  );
  assert.equal(many.predictions.get("m")?.extra[0]?.length, 1000);
  assert.equal(many.droppedExtras, 9000);
  assert.deepEqual(many.dead, []);
});

test("a changing order or set of keys changes nothing", () => {
  const rows = decode(
    [
      '{"amount":1,"note":"a"}',
      '{"note":"b","amount":2}',
      '{"amount":3}',
      '{"amount":4,"x":0,"note":"d"}',
      '{"amount":5,"note":"e"}',
    ].map((item) => event(`"features":${item}`)),
  );
  const model = rows.predictions.get("m");
  assert.deepEqual([...(model?.features[0]?.numbers.subarray(0, 5) ?? [])], [1, 2, 3, 4, 5]);
  assert.deepEqual(model?.features[1]?.texts.slice(0, 5), ["a", "b", null, "d", "e"]);
});

test("columns grow beyond their first room", () => {
  const rows = decode(
    Array.from({ length: 5000 }, (_, index) => event(`"features":{"amount":${index},"a.b":${-index}}`)),
  );
  assert.equal(rows.predictions.get("m")?.features[0]?.numbers[4999], 4999);
  assert.equal(rows.predictions.get("m")?.features[2]?.numbers[4999], -4999);
});

test("ids and versions keep their digits; without an id the position is the identity, unless an id is asked for", () => {
  const ids = (fields: string[]) => {
    const rows = decode(fields.map(event));
    assert.deepEqual(rows.dead, []);
    return rows.predictions.get("m")?.id.slice(0, fields.length);
  };
  assert.deepEqual(
    ids([
      '"id":9007199254740993',
      '"id":9007199254740992',
      '"id":1.10',
      '"id":"007"',
      '"id": 12 ',
      '"features":{"id":5},"id":5.0',
      '"id":7',
      "",
    ]),
    ["9007199254740993", "9007199254740992", "1.10", "007", "12", "5.0", "7", "s/3/7"],
  );
  assert.equal(decode([event('"version":1.10,"variant":2')]).predictions.get("m")?.version[0], "1.10");
  assert.match(
    reasons([event("")], {}, { message: { identity: null } })[0] ?? "",
    /^field_missing: .*"id".*Idempotency-Key/,
  );
  assert.equal(decode([event("")], {}, { message: { identity: "key/0" } }).predictions.get("m")?.id[0], "key/0");
  for (const bad of ['"id":""', '"id":{}', '"id":true', '"id":"\\ud800"', `"id":"${"x".repeat(5000)}"`])
    assert.match(reasons([event(bad)])[0] ?? "", /^field_invalid: "id"/, bad);
});

test("classes compare by one rule; what is no class is a dead letter that names the value", () => {
  const rows = decode(
    ["1", '"1"', "true", "1.0", '"1.0"', '"TRUE"', "0", "false"].map((value) =>
      event("").replace('"prediction":1', `"prediction":${value}`),
    ),
  );
  assert.deepEqual(rows.predictions.get("m")?.predictionText.slice(0, 8), ["1", "1", "1", "1", "1", "1", "0", "0"]);
  assert.deepEqual(rows.predictions.get("m")?.prediction.slice(0, 8), [1, 1, 1, 1, 1, 1, 0, 0]);
  assert.match(
    reasons([event("").replace('"prediction":1', '"prediction":2')])[0] ?? "",
    /^field_invalid: "prediction" is 2.*"0", "1"/,
  );
  assert.match(
    reasons(['{"model":"m","id":"a","timestamp":1767225600,"label":"maybe"}'])[0] ?? "",
    /^label_unknown_class: "label" is "maybe"/,
  );
  for (const value of ["null", "[]", "{}", '""', "1e999"])
    assert.match(
      reasons([`{"model":"m","id":"a","timestamp":1767225600,"label":${value}}`])[0] ?? "",
      /^field_invalid: "label"/,
      value,
    );
  const any = decode([
    '{"model":"k","timestamp":1767225600,"prediction":"007"}',
    '{"model":"k","timestamp":1767225600,"prediction":9007199254740993}',
  ]);
  assert.deepEqual(any.predictions.get("k")?.predictionText.slice(0, 2), ["007", "9007199254740993"]);
  assert.ok(Number.isNaN(any.predictions.get("k")?.prediction[0]));
});

test("a regression takes numbers and text that spells one", () => {
  const rows = decode([
    '{"model":"r","timestamp":1767225600,"prediction":"1.5"}',
    '{"model":"r","timestamp":1767225600,"prediction":-2e3}',
  ]);
  assert.deepEqual(rows.predictions.get("r")?.prediction.slice(0, 2), [1.5, -2000]);
  for (const value of ['"x"', "true", "null", "1e999", '""'])
    assert.match(
      reasons([`{"model":"r","timestamp":1767225600,"prediction":${value}}`])[0] ?? "",
      /^field_invalid: "prediction"/,
      value,
    );
});

test("without a type the fields tell; with both it is both, or one dead letter", () => {
  const both = decode([event('"label":0,"id":"x"')]);
  assert.deepEqual([both.predictions.get("m")?.rows, both.labels.rows, both.dead.length], [1, 1, 0]);
  const typed = decode([event('"label":0,"type":"prediction"'), event('"label":0,"type":"label"')]);
  assert.deepEqual([typed.predictions.get("m")?.rows, typed.labels.rows], [1, 1]);
  const half = decode([event('"label":"maybe"')]);
  assert.deepEqual([half.predictions.get("m")?.rows, half.labels.rows, half.dead.length], [0, 0, 1]);
  assert.match(
    reasons(['{"model":"m","timestamp":1767225600}'])[0] ?? "",
    /^field_missing: .*"type".*"prediction".*"label"/,
  );
  assert.match(reasons([event('"type":"other"')])[0] ?? "", /^field_invalid: "type" is "other"/);
});

test("times: the source's own where there is none, refused where it is wrong or too far ahead", () => {
  const untimed = '{"model":"m","prediction":1}';
  assert.equal(
    decode([untimed], {}, { message: { receivedMs: 1_767_225_600_000 } }).predictions.get("m")?.timestamp[0],
    1_767_225_600_000,
  );
  assert.match(reasons([untimed])[0] ?? "", /^field_missing: .*"timestamp"/);
  const at = (value: string) => reasons([`{"model":"m","prediction":1,"timestamp":${value}}`])[0] ?? "stored";
  assert.match(at("null"), /^timestamp_invalid: "timestamp" is null/);
  assert.match(at('"2026-02-30"'), /^timestamp_invalid: "timestamp" is "2026-02-30".*calendar/);
  assert.equal(at('"2026-03-02T11:12:00Z"'), "stored");
  assert.match(
    at('"2026-03-02T11:12:00.001Z"'),
    /^timestamp_in_future: "timestamp" is "2026-03-02T11:12:00.001Z".*2026-03-02T11:12:00.000Z/,
  );
  assert.match(at('"9999-12-31T00:00:00Z"'), /^timestamp_in_future/);
  assert.match(at('"0001-01-01T00:00:00Z"'), /^timestamp_invalid/);
});

test("models that are not configured are named, with those that are", () => {
  assert.match(
    reasons(['{"model":"toString","prediction":1}'])[0] ?? "",
    /^unknown_model: "model" is "toString"; .*m, r, k/,
  );
  assert.match(reasons(['{"prediction":1}'])[0] ?? "", /^field_missing: .*"model"/);
  assert.match(reasons(['{"model":7,"prediction":1}'])[0] ?? "", /^unknown_model/);
});

test("what is no JSON object is a dead letter with its bytes, cut to the limit", () => {
  const deep = `${"[".repeat(30_000)}${"]".repeat(30_000)}`;
  const rows = decode([
    null,
    "",
    "{",
    "[]",
    '"x"',
    "7",
    "null",
    '{"a":NaN}',
    Buffer.from([0xff, 0xfe]),
    Buffer.from([0x7b, 0x22, 0xff, 0x22, 0x3a, 0x31, 0x7d]),
    deep,
    "x".repeat(100_001),
  ]);
  assert.deepEqual(
    rows.dead.map((letter) => letter.reason),
    [
      "no_value",
      "not_json",
      "not_json",
      "not_an_object",
      "not_an_object",
      "not_an_object",
      "not_an_object",
      "not_json",
      "not_json",
      "not_json",
      "not_an_object",
      "too_large",
    ],
  );
  assert.match(rows.dead[7]?.detail ?? "", /NaN/);
  assert.equal(rows.dead[11]?.raw.length, 50);
  assert.deepEqual(rows.dead[8]?.raw, Buffer.from([0xff, 0xfe]));
});

test("nesting without end is refused, not followed", () => {
  const nest = (levels: number) => `${'{"n":'.repeat(levels)}1${"}".repeat(levels)}`;
  assert.match(reasons([event(`"features":${nest(5000)}`)])[0] ?? "", /^too_deep/);
  assert.match(reasons([event(`"features":{"x":${"[".repeat(5000)}${"]".repeat(5000)}}`)])[0] ?? "", /^too_deep/);
  assert.deepEqual(reasons([event(`"features":${nest(20)}`), event(`"other":${nest(5000)}`)]), []);
});

test("score, probabilities, segments and attributions are kept; the wrong type of one is a dead letter", () => {
  const rows = decode([
    event(
      '"score":0.25,"probabilities":{"0":0.75,"true":0.25},"segments":{"region":"eu","n":7,"none":null},"attributions":{"amount":-0.5}',
    ),
  ]);
  const model = rows.predictions.get("m");
  assert.deepEqual(
    [model?.score[0], model?.probabilities[0], model?.segments[0], model?.attributions[0]],
    [
      0.25,
      [
        ["0", 0.75],
        ["1", 0.25],
      ],
      [
        ["region", "eu"],
        ["n", "7"],
      ],
      [["amount", -0.5]],
    ],
  );
  for (const bad of [
    '"score":"high"',
    '"score":1e999',
    '"probabilities":[1]',
    '"probabilities":{"0":"x"}',
    '"segments":{"a":{}}',
    '"attributions":7',
  ])
    assert.match(reasons([event(bad)])[0] ?? "", /^field_invalid/, bad);
});

test("a mapping reads flat and nested payloads: constants, paths, lists, maps and all top-level fields", () => {
  const flat = {
    type: { value: "prediction" },
    model: { value: "m" },
    version: { value: "1" },
    id: "key",
    timestamp: "at",
    prediction: "out.class",
    features: "*",
  };
  const payload = '{"key":"a","at":1767225600,"out":{"class":1},"amount":3,"note":"n","a":{"b":4},"other":5}';
  const rows = decode([payload], flat);
  assert.deepEqual(rows.dead, []);
  const model = rows.predictions.get("m");
  assert.deepEqual(
    [
      model?.id[0],
      model?.version[0],
      model?.features[0]?.numbers[0],
      model?.features[1]?.texts[0],
      model?.features[2]?.numbers[0],
      model?.extra[0],
    ],
    ["a", "1", 3, "n", 4, [["other", "5"]]],
  );
  const picked = decode([payload], {
    ...flat,
    features: { amount: "a.b", note: "other", more: "key" },
  }).predictions.get("m");
  assert.deepEqual(
    [picked?.features[0]?.numbers[0], picked?.features[1]?.texts[0], picked?.extra[0]],
    [4, "5", [["more", '"a"']]],
  );
  const listed = decode([payload], { ...flat, features: ["amount", "a.b", "absent"] }).predictions.get("m");
  assert.deepEqual([listed?.features[0]?.numbers[0], listed?.features[2]?.numbers[0], listed?.extra[0]], [3, 4, []]);
});

test("where a source knows only text, text that spells a number is one and empty text is missing", () => {
  assert.deepEqual(features('{"amount":"12.5","note":"","a.b":" 7 "}', {}, { textNumbers: true }), {
    amount: 12.5,
    "a.b": 7,
    invalid: [],
    extra: [],
  });
  assert.deepEqual(features('{"amount":"x"}', {}, { textNumbers: true }), { invalid: ["amount"], extra: [] });
});
