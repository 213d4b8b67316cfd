import assert from "node:assert/strict";
import { test } from "node:test";
import { channelsFor } from "../../../src/config/routes.ts";
import type { Severity } from "../../../src/core/incident.ts";
import { load, problems } from "./load-text.ts";

const CHANNELS = "channels: { own: { use: log }, risk: { use: log }, night: { use: log }, all: { use: log } }\n";

test("a model's own channels are told, and those of the first route that fits", () => {
  const { models, routes } = load(`${CHANNELS}models:
  - { name: a, task: binary, labels: { team: risk }, alerts: { channels: [own] } }
  - { name: b, task: binary, owner: night@example.com, labels: { team: growth } }
  - { name: c-eu, task: binary }
routes:
  - { match: { team: [risk, fraud], severity: page }, channels: [risk], continue: true }
  - { match: { severity: page }, channels: [night] }
  - { match: { owner: "*@example.com" }, channels: [night, all] }
  - { match: { model: "c-*" }, channels: [risk] }
  - { channels: [all] }
`);
  const told = (index: number, severity: Severity) => {
    const model = models[index];
    return model === undefined ? [] : channelsFor(model, severity, routes);
  };
  assert.deepEqual(told(0, "page"), ["own", "risk", "night"]);
  assert.deepEqual(told(0, "ticket"), ["own", "all"]);
  assert.deepEqual(told(1, "page"), ["night"]);
  assert.deepEqual(told(1, "info"), ["night", "all"]);
  assert.deepEqual(told(2, "ticket"), ["risk"]);
});

test("a route that can match nothing, or leads nowhere, is refused", () => {
  assert.deepEqual(
    problems(`${CHANNELS}models: [{ name: a, task: binary, labels: { team: risk } }]
routes:
  - { match: { taem: risk, severity: pgae }, channels: [rsk] }
`),
    [
      '4:16  routes[0].match.taem: no model has the label "taem", so this can\'t match; did you mean "team"? Possible: model, owner, severity, team',
      '4:38  routes[0].match.severity: "pgae" is no severity; did you mean "page"? Severities: info, ticket, page',
      '4:57  routes[0].channels[0]: there is no channel "rsk"; did you mean "risk"? Channels: own, risk, night, all',
    ],
  );
});

test("labels have names that Prometheus takes, and none that an incident has already", () => {
  assert.deepEqual(problems("models:\n  - name: a\n    task: binary\n    labels: { a-b: x, severity: y, tier: 1 }\n"), [
    "4:20  models[0].labels.a-b: this name can't be used as a key: a label's name has letters, digits and _, and begins with no digit",
    "4:33  models[0].labels.severity: this name can't be used as a key: is taken: every incident has one of its own",
    '4:42  models[0].labels.tier: expected text, found the number 1; put it in quotes: "1"',
  ]);
});
