import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { eventMappingSchema } from "../../../src/config/event-mapping.ts";
import type { JsonObject } from "../../../src/core/json-object.ts";
import { readerOf } from "../../../src/ingest/events/field-path.ts";
import { mergeModels } from "../../../src/onboarding/merge-models.ts";
import { understand } from "../../../src/onboarding/understand.ts";

const START = Date.UTC(2026, 8, 1);

/** Spellings of one field that services use. */
const NAMES = {
  timestamp: ["ts", "eventTime", "created_at", "Timestamp", "request_ts", "prediction time"],
  id: ["id", "txn_id", "requestId", "UUID", "prediction_id", "Order ID"],
  prediction: ["prediction", "Predicted Class", "y_pred", "predictedLabel", "model_output"],
  score: ["score", "probability", "fraud_score", "Prob (1)", "confidence"],
  version: ["version", "model_version", "modelVersion"],
} as const;
type Field = keyof typeof NAMES;
const FIELDS: readonly Field[] = ["timestamp", "id", "prediction", "score", "version"];

const layout = fc.record({
  names: fc.record({
    timestamp: fc.constantFrom(...NAMES.timestamp),
    id: fc.constantFrom(...NAMES.id),
    prediction: fc.constantFrom(...NAMES.prediction),
    score: fc.constantFrom(...NAMES.score),
    version: fc.constantFrom(...NAMES.version),
  }),
  parents: fc.record({
    timestamp: fc.constantFrom("", "meta", "header.times"),
    id: fc.constantFrom("", "meta"),
    prediction: fc.constantFrom("", "output", "result.model"),
    score: fc.constantFrom("", "output"),
    version: fc.constantFrom("", "meta"),
  }),
  container: fc.constantFrom("", "features", "input", "payload.inputs", "customer"),
  time: fc.constantFrom("iso", "ms", "s"),
  classes: fc.constantFrom<readonly (string | number | boolean)[]>(
    [0, 1],
    ["good", "bad"],
    [false, true],
    ["no", "yes"],
  ),
});
type Layout = typeof layout extends fc.Arbitrary<infer Value> ? Value : never;

function put(payload: Record<string, unknown>, path: readonly string[], value: unknown): void {
  const [head = "", ...rest] = path;
  if (rest.length === 0) {
    payload[head] = value;
    return;
  }
  const child = (payload[head] ??= {}) as Record<string, unknown>;
  put(child, rest, value);
}

const keysOf = (parent: string, name: string): string[] => [...parent.split(".").filter((key) => key !== ""), name];

/** What was put in, and the payload that it was put into; row by row from a seed that is the row's number. */
function payloadOf({ names, parents, container, time, classes }: Layout, row: number) {
  const at = START + row * 60_000;
  const put1: Readonly<Record<Field, unknown>> = {
    timestamp: time === "iso" ? new Date(at).toISOString() : time === "ms" ? at : at / 1000,
    id: `r-${row}-${(row * 7919) % 104_729}`,
    prediction: classes[(row * 31) % 7 < 3 ? 1 : 0],
    score: ((row * 37) % 101) / 101,
    version: row < 60 ? "1.4" : "1.5",
  };
  const payload: Record<string, unknown> = {};
  for (const field of FIELDS) put(payload, keysOf(parents[field], names[field]), put1[field]);
  put(payload, keysOf(container, "amount"), ((row * 53) % 997) / 3);
  put(payload, keysOf(container, "country"), ["DE", "FR", "PL"][row % 3]);
  return { payload, put: put1 };
}

test("whatever a payload's fields are called and wherever they lie, the mapping reads back what was put in", () => {
  fc.assert(
    fc.property(layout, (chosen) => {
      const rows = Array.from({ length: 120 }, (_, row) => payloadOf(chosen, row));
      const { mapping, features, models } = understand(
        rows.map(({ payload }) => payload),
        { model: "m" },
      );
      const full = eventMappingSchema.parse(mapping);
      for (const { payload, put: expected } of rows)
        for (const field of FIELDS) assert.deepEqual(readerOf(full[field])(payload), expected[field], field);
      assert.deepEqual(features.features.map(({ name, kind }) => `${name.split(".").at(-1)} ${kind}`).sort(), [
        "amount numeric",
        "country categorical",
      ]);
      assert.deepEqual([models[0]?.name, models[0]?.task, models[0]?.versions], ["m", "binary", ["1.4", "1.5"]]);
    }),
    { numRuns: 300 },
  );
});

test("any payloads at all give a mapping that its own schema takes, and fields that are in the payloads", () => {
  const payloads = fc.array(fc.dictionary(fc.string(), fc.jsonValue({ maxDepth: 3 }), { maxKeys: 8 }), {
    maxLength: 12,
  });
  fc.assert(
    fc.property(payloads, (given) => {
      const { mapping, shares } = understand(given as JsonObject[], { model: "m" });
      assert.doesNotThrow(() => eventMappingSchema.parse(mapping));
      for (const share of Object.values(shares)) assert.ok(share >= 0 && share <= 1);
    }),
    { numRuns: 300 },
  );
});

const native = (row: number, more: object) => ({
  model: "fraud",
  id: `t${row}`,
  timestamp: new Date(START + row * 1000).toISOString(),
  ...more,
});

test("native events need no mapping, and labels in the same stream are told from predictions", () => {
  const payloads = Array.from({ length: 100 }, (_, row) => [
    native(row, {
      type: "prediction",
      version: "3",
      prediction: row % 4 === 0 ? 1 : 0,
      score: row / 100,
      features: { amount: row * 1.5, country: "DE" },
    }),
    native(row, { type: "label", label: row % 5 === 0 ? 1 : 0 }),
  ]).flat();
  const { mapping, models } = understand(payloads, { model: "m" });
  assert.deepEqual(mapping, {});
  assert.deepEqual(
    models.map(({ name, task, predictions, labels, hasScore }) => ({ name, task, predictions, labels, hasScore })),
    [{ name: "fraud", task: "binary", predictions: 100, labels: 100, hasScore: true }],
  );
});

test("a name that native events use for something else is led away from, so that no event is refused for it", () => {
  const payloads = Array.from({ length: 60 }, (_, row) => ({
    ts: START + row,
    txn: row,
    type: "card",
    score: "A+",
    predicted_price: row * 10.5,
    rooms: row % 9,
  }));
  const { mapping, redirected, models } = understand(payloads, { model: "houses" });
  assert.deepEqual([...redirected].sort(), ["score", "type"]);
  assert.equal(mapping.prediction, "predicted_price");
  assert.equal(models[0]?.task, "regression");
  assert.ok(models[0]?.features.some(({ name }) => name === "score"));
});

test("what tells rows apart, times and lists are no features, and it is said why; lists of as many numbers are vectors", () => {
  const payloads = Array.from({ length: 200 }, (_, row) => ({
    event_time: new Date(START + row * 1000).toISOString(),
    prediction: row % 2,
    features: {
      amount: row / 7,
      session_id: 90_000 + row,
      birthday: new Date(START - row * 86_400_000).toISOString(),
      note: `free text ${row}`,
      tags: ["new", row],
      basket: Array(1 + (row % 5)).fill(row),
      embedding: [row, 1, 0.5],
      zip: `0${1000 + (row % 20)}`,
    },
  }));
  const { features } = understand(payloads, { model: "m" });
  assert.deepEqual(features.mapping, "features");
  assert.deepEqual(
    features.features.map(({ name, kind }) => `${name} ${kind}`),
    ["amount numeric", "embedding vector", "zip categorical"],
  );
  assert.deepEqual(
    features.leftOut.map(({ name }) => name),
    ["session_id", "birthday", "note", "tags", "basket"],
  );
});

test("a choice holds over what looks likelier, and an empty one means that there is no such field", () => {
  const payloads = Array.from({ length: 60 }, (_, row) => ({
    event_time: new Date(START + row).toISOString(),
    scored_at: new Date(START + row + 5).toISOString(),
    id: `a${row}`,
    prediction: row % 2,
    score: row / 60,
    x: row,
  }));
  const likeliest = understand(payloads, { model: "m" });
  assert.equal(likeliest.fields.timestamp?.path, "event_time");
  assert.ok(likeliest.fields.timestamp?.others.includes("scored_at"));
  const chosen = understand(payloads, { model: "m", choices: { timestamp: "scored_at", score: null } });
  assert.equal(chosen.mapping.timestamp, "scored_at");
  assert.equal(chosen.fields.score, undefined);
  assert.notEqual(eventMappingSchema.parse(chosen.mapping).score, "score");
});

test("labels of another source complete a model: its classes are those of both", () => {
  const rows = Array.from({ length: 50 }, (_, row) => row);
  const predicted = understand(
    rows.map((row) => ({ ts: START + row, id: `i${row}`, predicted: "stays", probability: row / 50, tenure: row })),
    { model: "churn" },
  );
  const labelled = understand(
    rows.map((row) => ({ ts: START + row, id: `i${row}`, actual: row % 10 === 0 ? "churned" : "stays" })),
    { model: "churn" },
  );
  assert.equal(labelled.fields.prediction, undefined);
  const [model] = mergeModels([...predicted.models, ...labelled.models]);
  assert.deepEqual([model?.task, model?.classes], ["binary", ["stays", "churned"]]);
  assert.deepEqual([model?.predictions, model?.labels], [50, 50]);
  assert.deepEqual(
    model?.features.map(({ name }) => name),
    ["tenure"],
  );
});
