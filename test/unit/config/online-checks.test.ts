import assert from "node:assert/strict";
import { test } from "node:test";
import { load, problems } from "./load-text.ts";

const model = (detectors: string, rest = "kpis: [accuracy]", task = "binary") =>
  `models:\n  - { name: m, task: ${task}, ${rest}, detectors: [${detectors}] }\n`;

const said = (text: string) => problems(text).map((line) => line.replace(/^\d+:\d+ {2}/, ""));

test("an online detector watches the errors unless it is told otherwise, and its options have defaults", () => {
  const [plain, ofKpi] = load(model("adwin, { use: adwin, on: accuracy }")).models[0]?.detectors ?? [];
  assert.deepEqual([plain?.on, plain?.["check_every"]], ["error", 32]);
  // One value a window: every one is looked at.
  assert.deepEqual([ofKpi?.on, ofKpi?.["check_every"]], ["accuracy", 1]);
  const written = load(model("{ use: adwin, on: accuracy, check_every: 4, unit: 0.01 }")).models[0]?.detectors?.[0];
  assert.deepEqual([written?.["check_every"], written?.["unit"]], [4, 0.01]);
});

test("the watched stream must be one that the model has", () => {
  assert.deepEqual(said(model("{ use: adwin, on: acuracy }")), [
    'models[0].detectors[0].on: this model has no metric "acuracy" to watch; did you mean "accuracy"? Its streams: error, accuracy',
  ]);
  assert.deepEqual(said(model("{ use: cusum, on: jensen-shannon }")), [
    'models[0].detectors[0].on: this model has no metric "jensen-shannon" to watch; its streams: error, accuracy',
  ]);
  assert.deepEqual(said(model("adwin, { use: cusum, on: adwin }")), [
    'models[0].detectors[1].on: "adwin" is an online detector itself; name the stream that it watches, or error',
  ]);
  load(
    model("jensen-shannon, { use: cusum, on: jensen-shannon, subjects: [amount] }, { use: ewma, on: volume }, volume"),
  );
  load(model("{ use: page-hinkley, on: cost }", 'kpis: [{ name: cost, sql: "count()" }]'));
});

test("ddm takes errors of 0 or 1 and nothing else", () => {
  load(model("ddm"));
  assert.deepEqual(said(model("ddm", "kpis: [mae]", "regression")), [
    "models[0].detectors[0].on: ddm follows single errors of 0 or 1, and the absolute error of a regression is a number of any size; take adwin, page-hinkley, cusum or ewma",
  ]);
  assert.deepEqual(said(model("{ use: ddm, on: accuracy }")), [
    'models[0].detectors[0].on: ddm follows single errors of 0 or 1, and "accuracy" is one value a window; take adwin, page-hinkley, cusum or ewma, or on: error',
  ]);
});

test("subjects are of metrics that features have each", () => {
  assert.deepEqual(said(model("{ use: adwin, on: error, subjects: [a] }")), [
    "models[0].detectors[0].subjects: the stream of errors is one for the whole model; leave this out",
  ]);
  assert.deepEqual(said(model("{ use: adwin, on: accuracy, subjects: [a] }")), [
    'models[0].detectors[0].subjects: "accuracy" is one for the whole model; leave this out',
  ]);
});

test("one detector may watch many streams, but each subject once", () => {
  load(model("adwin, { use: adwin, on: accuracy }, psi, { use: adwin, on: psi }, volume, { use: adwin, on: volume }"));
  assert.deepEqual(said(model("adwin, { use: adwin, on: error, delta: 0.1 }")), [
    'models[0].detectors[1]: "adwin" is listed twice on error; give each its own subjects',
  ]);
  const both = "psi, jensen-shannon, { use: adwin, on: psi, subjects: [a, b] }";
  assert.deepEqual(said(model(`${both}, { use: adwin, on: jensen-shannon }`)), [
    'models[0].detectors[3]: "adwin" watches the same subjects on psi already; give each its own subjects',
  ]);
  load(model(`${both}, { use: adwin, on: jensen-shannon, subjects: [c] }`));
});

test("a KPI of one's own may not be taken for the stream of errors or for the detector", () => {
  assert.deepEqual(said(model("adwin", 'kpis: [{ name: error, sql: "count()" }]')), [
    'models[0].detectors[0]: "error" could be the errors or the KPI of that name; give the KPI another name',
  ]);
  assert.deepEqual(said(model("cusum", 'kpis: [{ name: cusum, sql: "count()" }]')), [
    'models[0].detectors[0]: the KPI "cusum" has the name of this detector; give the KPI another one',
  ]);
});

test("rules may name an online detector that the model runs", () => {
  load(model("adwin", "kpis: [accuracy], alerts: { rules: [adwin breached] }"));
  assert.deepEqual(said(model("psi", "alerts: { rules: [adwin breached] }")), [
    'models[0].alerts.rules[0].metric: the detector "adwin" does not run for this model; add it to its detectors',
  ]);
});
