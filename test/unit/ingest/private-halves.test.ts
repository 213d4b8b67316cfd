/** Halves of calls under `privacy`: what becomes of them once they are paired is what becomes of a whole event, and until then they hold no more. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { privacyOf } from "../../../src/config/privacy.ts";
import { configSchema } from "../../../src/config/schema.ts";
import type { RawMessage } from "../../../src/core/event.ts";
import { hashedOnce } from "../../../src/core/private-text.ts";
import { callsOf, pairedEvents } from "../../../src/evaluate/pairs/paired-events.ts";
import { createDecoders, nativeMapping } from "../../../src/ingest/decoders.ts";
import { EventRows } from "../../../src/ingest/events/event-rows.ts";
import { createJsonDecoder, type DecoderModel } from "../../../src/ingest/events/json-events.ts";
import { halfOfStored } from "../../support/halves.ts";
import { schema } from "../../support/ingest.ts";

const clock = { now: () => Date.parse("2026-03-02T11:00:00Z"), sleep: () => Promise.resolve() };
const KEY = "0123456789abcdef";
const features = { age: "numeric", plan: "categorical", zip: "categorical", income: "numeric" } as const;
const config = (model: string) =>
  configSchema.parse({
    store: { embedded: "x" },
    sources: [{ use: "kafka", brokers: ["kafka:9092"], topics: ["calls"], format: { use: "kserve", model } }],
    models: [
      {
        name: "credit",
        task: "binary",
        join_labels: { by: "entity", entity: "customer" },
        privacy: {
          key: KEY,
          id: "hash",
          features: { plan: "hash", "mail*": "drop", "person.*": "hash", income: "hash", list: "hash", count: "hash" },
        },
      },
      { name: "open", task: "binary" },
    ],
  });
const modelsOf = (read: ReturnType<typeof config>): DecoderModel[] =>
  read.models.map((model) => ({
    schema: schema(model.name, features, model.name === "credit" ? { entity: "customer" } : {}),
    maxFutureMs: 0,
    privacy: privacyOf(model),
  }));

const rows = [
  { age: 31, plan: "pro", zip: 7, mail: "ana@example.com", person: { name: "Ana", "first.letter": "A" }, income: 5 },
  { age: 32, plan: 12345678901234567n, zip: "8", list: ["secret", 1], count: true, customer: 81, mailing: [1] },
  { age: 33, plan: ["Ana"], person: { deep: { er: null } }, count: 1.5, customer: "c" },
];
const ID = "call-77";

function half(side: "request" | "response", body: string, model: string): RawMessage {
  const headers = {
    ce_type: `org.kubeflow.serving.inference.${side}`,
    ce_id: ID,
    ce_time: "2026-03-02T10:00:00Z",
    ce_inferenceservicename: model,
    ce_component: "predictor",
  };
  return {
    source: "kafka:calls:id",
    partition: 0,
    offset: side === "request" ? 0 : 1,
    headers,
    value: Buffer.from(body),
  };
}

const spelt = (value: unknown) =>
  JSON.stringify(value, (_, item: unknown) => (typeof item === "bigint" ? `#${item}` : item)).replace(
    /"#(\d+)"/g,
    "$1",
  );
const request = (model: string) => half("request", `{"instances":${spelt(rows)}}`, model);
const response = (model: string) => half("response", '{"predictions":[1,0,1]}', model);

function stored(messages: readonly RawMessage[], template = "{inferenceservicename}") {
  const read = config(template);
  const models = modelsOf(read);
  const into = new EventRows(models.map((model) => model.schema));
  const decoder = createDecoders({ config: read, models, clock }).of("kafka:calls:id");
  for (const [index, message] of messages.entries()) decoder.decode(message, index, into);
  return { models, into, text: JSON.stringify(into.halves) };
}

/** What lies in the rows of a model, as plain data. */
function written(into: EventRows, model: string) {
  const { rows: count, features: columns, ...rest } = into.predictions.get(model) ?? assert.fail();
  const cut = (values: ArrayLike<unknown>) => Array.from(values).slice(0, count);
  return {
    id: cut(rest.id),
    features: columns.map(({ numeric, numbers, texts }) => cut(numeric ? numbers : texts)),
    ...Object.fromEntries(
      (["entity", "extra", "invalid", "predictionText"] as const).map((key) => [key, cut(rest[key])]),
    ),
  };
}

function paired(into: EventRows, models: readonly DecoderModel[]) {
  const [call] = callsOf(halfOfStored(into.halves));
  assert.ok(call !== undefined);
  const events = new EventRows(models.map((model) => model.schema));
  const decoder = createJsonDecoder({
    mapping: nativeMapping,
    models: models.map(({ privacy = null, ...model }) => ({
      ...model,
      privacy: privacy === null ? null : { ...privacy, hash: hashedOnce(privacy.hash) },
    })),
    clock,
    maxMessageBytes: 1e9,
    deadLetterBytes: 1000,
  });
  for (const [offset, value] of pairedEvents(call.request, call.response).entries())
    decoder.decode({ source: "pairs", partition: 0, offset, value }, offset, events);
  return events;
}

function whole(model: string, models: readonly DecoderModel[]) {
  const events = new EventRows(models.map((one) => one.schema));
  const decoder = createJsonDecoder({
    mapping: nativeMapping,
    models,
    clock,
    maxMessageBytes: 1e9,
    deadLetterBytes: 0,
  });
  const event = { model, timestamp: "2026-03-02T10:00:00Z" };
  for (const [row, given] of rows.entries()) {
    const value = spelt({ ...event, id: `${ID}/${row}`, features: given, prediction: (row + 1) % 2 });
    decoder.decode({ source: "pairs", partition: 0, offset: row, value }, row, events);
  }
  return events;
}

const SECRETS = ["Ana", "example.com", "pro\\", "secret", "12345678901234567", ID];

test("a call of a model with privacy is paired to what its rows would be as whole events, and waits without what is private", () => {
  const { models, into, text } = stored([response("credit"), request("credit")]);
  assert.equal(into.halves.rows, 2);
  for (const secret of SECRETS) assert.equal(text.includes(secret), false, secret);
  const events = paired(into, models);
  assert.deepEqual(events.dead, []);
  assert.deepEqual(written(events, "credit"), written(whole("credit", models), "credit"));
  assert.deepEqual(events.predictions.get("credit")?.invalid[2], ["plan"]);
});

test("a call of a model without privacy keeps everything and its id, beside a model that hashes ids", () => {
  const { models, into } = stored([request("open"), response("open")]);
  assert.deepEqual(written(paired(into, models), "open"), written(whole("open", models), "open"));
});

test("a side that does not know its model, or names an unknown one, waits without what any model drops or hashes; its answer says the rest", () => {
  const named = (side: RawMessage, model: string): RawMessage => ({
    ...side,
    value: Buffer.from(String(side.value).replace("{", `{"model_name":"${model}","id":"x",`)),
  });
  const v2 = half(
    "response",
    '{"model_name":"open","outputs":[{"name":"p","shape":[3],"datatype":"INT64","data":[1,0,1]}]}',
    "any",
  );
  const { models, into, text } = stored([request("any"), v2], "{model_name}");
  // The answer is known to be of a model whose ids are no secret.
  for (const secret of SECRETS.filter((one) => one !== ID)) assert.equal(text.includes(secret), false, secret);
  const { features: read, id } = written(paired(into, models), "open");
  assert.deepEqual(
    id,
    [0, 1, 2].map((row) => `${ID}/${row}`),
  );
  assert.deepEqual(read, [
    [31, 32, 33],
    [null, null, null],
    ["7", "8", null],
    [Number.NaN, Number.NaN, Number.NaN],
  ]);
  const other = stored([named(request("unheard-of"), "x")]);
  for (const secret of SECRETS) assert.equal(other.text.includes(secret), false, secret);
});

test("features that lie too deep within each other make a dead letter of which nothing is kept", () => {
  const deep = `${'{"a":'.repeat(40)}1${"}".repeat(40)}`;
  const { into } = stored([half("request", `{"instances":[${deep}]}`, "credit")]);
  assert.deepEqual(
    into.dead.map(({ reason, raw }) => [reason, raw]),
    [["too_deep", ""]],
  );
});
