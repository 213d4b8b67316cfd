/** Laws of every wire format, and messages of real systems with the events that they must become. A format without a message of its own fails. */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { after, describe, test } from "node:test";
import { z } from "zod";
import { formatSchema } from "../../src/config/formats.ts";
import type { RawMessage } from "../../src/core/event.ts";
import { avro } from "../../src/ingest/formats/avro.ts";
import { formats } from "../../src/ingest/formats/index.ts";
import { seededRandom } from "../../src/math/seeded-random.ts";
import { type FormatCase, formatCases, messagesOf, readMessages } from "../support/format-messages.ts";
import { projectFile } from "../support/project-file.ts";
import { startSchemaRegistry } from "../support/schema-registry.ts";

/** Formats whose schemas lie in a registry find this one where their options say `{registry}`. */
const registry = await startSchemaRegistry();
after(() => registry[Symbol.asyncDispose]());
const cases = formatCases().map((one) => ({
  ...one,
  format: z.json().parse(JSON.parse(JSON.stringify(one.format).replace("{registry}", registry.address))),
}));
const useOf = ({ format }: FormatCase): string => formatSchema.parse(format).use;

for (const format of formats) {
  describe(`format ${format.name}`, () => {
    const own = cases.filter((one) => useOf(one) === format.name);

    test("has messages of its own in test/fixtures/messages/formats, a description, and says what each option is", () => {
      assert.ok(own.length > 0);
      assert.match(format.description, /^[A-Z].*\.$/s);
      for (const [key, option] of Object.entries(format.options.shape))
        assert.match(String(option.meta()?.["description"] ?? option.description), /\.$/, key);
    });

    for (const one of own) {
      test(one.name, async () => {
        const read = await readMessages(one, messagesOf(one));
        const { predictions, labels, dead, unpaired } = one;
        assert.deepEqual(read, { predictions, labels, dead, unpaired });
        assert.deepEqual(await readMessages(one, messagesOf(one)), read, "the same messages, read again");
      });
    }

    test("bytes that were cut, changed or swapped become rows or dead letters and throw nothing", async () => {
      const random = seededRandom(7);
      for (const one of own) {
        const messages = messagesOf(one).flatMap((message) => mutants(message, random));
        const read = await readMessages(one, messages);
        for (const letter of read.dead) assert.match(letter, /^[a-z_]+: \S/);
      }
    });
  });
}

function mutants(message: RawMessage, random: () => number): RawMessage[] {
  const value = Buffer.from(message.value ?? "");
  const at = () => Math.floor(random() * Math.max(1, value.length));
  const changed = Array.from({ length: 20 }, () => {
    const copy = Buffer.from(value);
    for (let change = 0; change < 3; change++) copy[at()] = Math.floor(random() * 256);
    return copy;
  });
  const cut = Array.from({ length: 10 }, () => value.subarray(0, at()));
  const odd = ["", "null", "[]", "{}", '{"inputs":[{}]}', '{"instances":{"a":1}}', "\u0000", "NaN", '{"__proto__":1}'];
  return [...changed, ...cut, ...odd.map((text) => Buffer.from(text))].map((bytes) => ({ ...message, value: bytes }));
}

test("what KServe's own agent 0.15.2 sent for two calls is four predictions with their features, paired and counted", async () => {
  const sent = z.object({ headers: z.record(z.string(), z.string()), body: z.string() });
  const lines = readFileSync(projectFile("test/fixtures/messages/kserve-agent-0.15.2.ndjson"), "utf8")
    .trim()
    .split("\n");
  const messages = lines.map((line, offset): RawMessage => {
    const { headers, body } = sent.parse(JSON.parse(line));
    const lower = Object.fromEntries(Object.entries(headers).map(([name, value]) => [name.toLowerCase(), value]));
    return { source: "http:a", partition: 0, offset, value: Buffer.from(body), headers: lower, identity: null };
  });
  const iris = {
    model: "iris",
    task: "multiclass" as const,
    classes: [],
    features: [
      ...["sepal_length", "sepal_width", "petal_length", "petal_width"].map((name) => ({
        name,
        kind: "numeric" as const,
      })),
      { name: "colour", kind: "categorical" as const },
    ],
  };
  const names = ["sepal_length", "sepal_width", "petal_length", "petal_width"];
  const read = await readMessages(
    { format: { use: "kserve", features: names }, events: undefined, models: [iris], topic: "t" },
    // The order in which they came, and the other.
    [...messages.slice(0, 2), ...messages.slice(2).reverse()],
  );
  const call = (id: string, row: number, timestamp: string, more: object) => ({
    id: `${id}/${row}`,
    model: "iris",
    variant: "default",
    timestamp,
    ...more,
  });
  const first = "0c58c1fd-b69f-4310-ba22-c05dd0e9a766";
  const second = "9132a26d-86b6-4e17-a6ae-10f5ded84f56";
  const [at, then] = ["2026-11-23T17:34:25.423Z", "2026-11-23T17:34:25.435Z"];
  const flower = (length: number) => ({ sepal_length: length, sepal_width: 3.5, petal_length: 1.4, petal_width: 0.2 });
  assert.deepEqual(
    [...read.predictions].sort((a, b) => (String(a["id"]) < String(b["id"]) ? -1 : 1)),
    [
      call(first, 0, at, { features: flower(5.1), prediction: "1" }),
      call(first, 1, at, { features: flower(1.1), prediction: "0" }),
      call(second, 0, then, { version: "1", features: { sepal_length: 5.1, colour: "red" }, prediction: "1" }),
      call(second, 1, then, { version: "1", features: { sepal_length: 4.2, colour: "blue" }, prediction: "1" }),
    ],
  );
  assert.deepEqual([read.dead, read.labels, read.unpaired], [[], [], []]);
});

test("a registry that is away holds messages up and makes no dead letter; each schema is asked for once, by whoever comes first", async () => {
  const one = cases.find((candidate) => useOf(candidate) === "avro");
  assert.ok(one !== undefined);
  const messages = messagesOf(one).slice(0, 2);
  const before = registry.requests.length;
  registry.setAway(true);
  await assert.rejects(readMessages(one, messages), { code: "source_failed", retryable: true, message: /answers 503/ });
  registry.setAway(false);
  const { use: _, ...options } = formatSchema.parse(one.format);
  const open = avro.open(options, { topic: "t" });
  await Promise.all([open.prepare?.(messages), open.prepare?.(messages)]);
  assert.equal(open.prepare?.(messages), null);
  assert.equal(registry.requests.length - before, 2);
  assert.equal(
    open.decode({ source: "s", partition: 0, offset: 0, value: messages[0]?.value ?? null }).kind,
    "payload",
  );
});
