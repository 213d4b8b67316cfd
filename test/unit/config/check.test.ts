import assert from "node:assert/strict";
import { test } from "node:test";
import { checkConfig } from "../../../src/config/check.ts";
import { load } from "./load-text.ts";

const config = load(`models: [{ name: m, task: binary, reference: { file: ref.parquet } }]
store: { url: "http://u:hidden-1@ch:8123", password: hidden-2 }
sources:
  - { use: kafka, brokers: ["k1:9092", "k2:9092"], topics: [t] }
  - { use: file, path: events.csv }
channels: { a: { use: log } }
`);

test("each thing that the configuration names is a row, and a failure says why without the secret", async () => {
  const findings = await checkConfig(config, {
    store: async () => "ClickHouse 26.1",
    kafka: async () => Promise.reject(new Error("no broker answered as hidden-2")),
    fileSource: async ({ path }) => `${path}: 12 rows`,
    reference: async () => "8 features",
  });
  assert.deepEqual(findings, [
    { what: "store http://ch:8123", ok: true, detail: "ClickHouse 26.1" },
    { what: "kafka k1:9092, k2:9092", ok: false, detail: "no broker answered as [secret]" },
    { what: "file /etc/driftline/events.csv", ok: true, detail: "/etc/driftline/events.csv: 12 rows" },
    { what: "reference of m", ok: true, detail: "8 features" },
  ]);
});

test("a probe that never answers is given up, and told so", async () => {
  const aborted: boolean[] = [];
  const never = (signal: AbortSignal) =>
    new Promise<string>(() => signal.addEventListener("abort", () => aborted.push(true)));
  const findings = await checkConfig(
    config,
    {
      store: (_, signal) => never(signal),
      kafka: async () => "",
      fileSource: async () => "",
      reference: async () => "",
      channel: async (name) => name,
    },
    { timeoutMs: 20 },
  );
  assert.deepEqual(findings[0], { what: "store http://ch:8123", ok: false, detail: "no answer within 0.02 s" });
  assert.deepEqual(findings.at(-1), { what: "channel a", ok: true, detail: "a" });
  assert.deepEqual(aborted, [true]);
});
