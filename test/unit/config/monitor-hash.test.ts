import assert from "node:assert/strict";
import { test } from "node:test";
import { monitorHash, valuesHash } from "../../../src/config/monitor-hash.ts";
import { load } from "./load-text.ts";

const BASE =
  "name: m, task: binary, windows: [1h, 1d], detectors: [psi, jensen-shannon], kpis: [accuracy, { use: f1, min: 0.8 }]";
const hash = (text: string, reference = "r1") => {
  const [model] = load(`models: [{ ${text} }]\nchannels: { a: { use: log } }`).models;
  assert.ok(model !== undefined);
  return monitorHash(model, reference);
};

test("what does not bear on the numbers does not change the hash", () => {
  const base = hash(BASE);
  assert.match(base, /^[0-9a-f]{16}$/);
  for (const text of [
    "kpis: [{ min: 0.8, use: f1 }, accuracy], detectors: [jensen-shannon, psi], windows: [1d, 1h], task: binary, name: m",
    BASE.replace("psi", "{ use: psi, threshold: 0.2, min_rows: 200 }"),
    BASE.replace("min: 0.8", "min: 0.8, severity: page, for: 2 of 3, clear: 0.9"),
    `${BASE}, classes: ["0", true], pane: 60s`,
    `${BASE}, alerts: { channels: [a], rules: [psi breached] }, schedule: { cron: "0 6 * * *" }, retention: 1000d`,
    `${BASE}, actions: [{ use: webhook, url: "http://x.example" }]`,
    `${BASE}, timezone: UTC`,
  ]) {
    assert.equal(hash(text), base, text);
  }
});

test("what bears on the numbers changes the hash", () => {
  const hashes = [
    hash(BASE),
    hash(BASE, "r2"),
    hash(BASE.replace("psi", "{ use: psi, threshold: 0.25 }")),
    hash(BASE.replace("psi", "{ use: psi, subjects: [a] }")),
    hash(BASE.replace("min: 0.8", "min: 0.81")),
    hash(BASE.replace("1h", "2h")),
    hash(`${BASE}, pane: 30s`),
    hash(`${BASE}, anchor: day`),
    hash(`${BASE}, dedupe_within: 1h`),
    hash(`${BASE}, classes: [1, 0]`),
    hash(`${BASE}, features: { a: ignore }`),
    hash(`${BASE}, features: { constructor: ignore }`),
    hash(`${BASE}, features: { a: vector }`),
    hash(`${BASE}, features: { a: { kind: vector, directions: 4 } }`),
    hash(`${BASE}, reference: { file: a.csv }`),
    hash(`${BASE}, reference: { file: a.csv, label: y }`),
    hash(`${BASE}, estimates: false`),
    hash(`${BASE}, reference: { file: b.csv, probabilities: { a: p } }`),
    hash(`${BASE}, reference: { file: a.csv }, fairness: { groups: [a, b] }`),
    hash(`${BASE}, reference: { file: a.csv }, fairness: { groups: [a, b], min_rows: 50 }`),
    hash(BASE.replace("name: m", "name: n")),
    hash(`${BASE}, timezone: Europe/Berlin`),
    hash(`${BASE}, timezone: America/New_York`),
    hash(`${BASE}, segments: [country]`),
    hash(`${BASE}, segments: [country, plan]`),
  ];
  assert.equal(new Set(hashes).size, hashes.length);
});

test("the mapping bears on the hash where it is handed over", () => {
  const config = load(`models: [{ ${BASE} }]`);
  const [model] = config.models;
  assert.ok(model !== undefined);
  assert.notEqual(monitorHash(model, "r", config.events), monitorHash(model, "r", { ...config.events, label: "y" }));
});

test("limits of KPIs bear on what counts as a breach and not on the values", () => {
  const valuesOf = (text: string) => {
    const [model] = load(`models: [{ ${text} }]\nchannels: { a: { use: log } }`).models;
    assert.ok(model !== undefined);
    return valuesHash(model, "r1");
  };
  assert.equal(valuesOf(BASE.replace("min: 0.8", "min: 0.9, max: 0.99")), valuesOf(BASE));
  assert.notEqual(valuesOf(BASE.replace("f1", "recall")), valuesOf(BASE));
});

test("a time zone bears on windows of whole days alone", () => {
  const hours = BASE.replace("1h, 1d", "1h, 36h");
  assert.equal(hash(`${hours}, timezone: Europe/Berlin`), hash(hours));
});
