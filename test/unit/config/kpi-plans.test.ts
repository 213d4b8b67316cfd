/** `on_failure`: what a plan may name, and what it changes of the actions that it names. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { planOf } from "../../../src/config/kpi-plans.ts";
import { monitorHash } from "../../../src/config/monitor-hash.ts";
import { load, problems } from "./load-text.ts";

const HOOK = "{ use: webhook, url: https://x.example }";
const KSERVE = "{ use: kserve, namespace: n, service: s }";
const text = (plan: string, actions: string, more = "") => `models:
  - name: m
    task: binary
    kpis: [{ use: accuracy, min: 0.8, on_failure: ${plan} }]
    alerts: { channels: [h] }
    actions: [${actions}]
${more}channels: { h: { use: webhook, url: "https://h.example" }, chat: { use: log } }
`;
const said = (plan: string, actions: string, more = "") => problems(text(plan, actions, more)).join("\n");

test("a plan finds the model's action that does what it asks for, and takes the trigger from it", () => {
  const [model] = load(text("[tell, retrain, roll_back, fall_back]", `${HOOK}, ${KSERVE}`)).models;
  assert.ok(model !== undefined);
  assert.deepEqual(planOf(model.kpis[0]?.on_failure ?? [], model), {
    tells: true,
    fallsBack: true,
    actions: ["webhook", "kserve"],
  });
  assert.deepEqual(
    model.actions.map(({ does, on }) => [does, on]),
    [
      ["retrain", "plan"],
      ["roll_back", "plan"],
    ],
  );
});

test("of several actions the plan names one; the others, and one that says `on` itself, keep their triggers", () => {
  const actions = `${HOOK}, { use: webhook, name: big, url: https://y.example }, ${HOOK.replace(" }", ", on: page, name: third }")}`;
  const [model] = load(text("[{ retrain: big }, { retrain: third }]", actions)).models;
  assert.ok(model !== undefined);
  assert.deepEqual(planOf(model.kpis[0]?.on_failure ?? [], model).actions, ["big", "third"]);
  assert.deepEqual(
    model.actions.map(({ on }) => on),
    ["ticket", "plan", "page"],
  );
});

test("what a plan asks for and nobody does is refused, with what there is", () => {
  assert.match(said("[retrain]", ""), /on_failure\[0\]: no action of this model retrains: add one/);
  assert.match(said("[roll_back]", HOOK), /no action of this model rolls back.*does: roll_back/);
  assert.match(
    said("[retrain]", `${HOOK}, ${HOOK}`),
    /which one\? webhook, webhook 2 do this: write for example \{ retrain: webhook \}/,
  );
  assert.match(said("[{ retrain: webhok }]", HOOK), /no action "webhok"; did you mean "webhook"/);
  assert.match(
    said("[{ retrain: kserve }]", `${HOOK}, ${KSERVE}`),
    /"kserve" is not one that retrains; those that do: webhook/,
  );
  assert.match(said("[tell, tell]", ""), /tell is listed twice/);
  assert.match(said("[{ retrain: webhook }, { retrain: webhook }]", HOOK), /retrain: webhook is listed twice/);
  assert.match(said("[]", ""), /on_failure/);
  assert.match(said("[reboot]", ""), /on_failure/);
  assert.match(
    said("[tell]", HOOK.replace(" }", ", on: plan }")),
    /actions\[0\]\.on: it would never be asked for: no KPI's on_failure names it/,
  );
  assert.match(
    said("[tell]", `${HOOK}, { use: http, name: webhook, url: https://z.example }`),
    /"webhook" is the name of another action/,
  );
});

test("a plan of a KPI that nothing judges, or with nobody to tell, is refused", () => {
  const kpi = (more: string) =>
    text("[tell]", "").replace("min: 0.8, ", "").replace("    alerts:", `${more}    alerts:`);
  assert.match(problems(kpi("    false_alarms: off\n")).join("\n"), /nothing says when accuracy fails/);
  load(kpi(""));
  assert.match(problems(text("[tell]", "").replace("channels: [h]", "channels: []")).join("\n"), /nobody to tell/);
});

test("states go to channels that machines read", () => {
  const to = (names: string) =>
    text("[tell]", "", "").replace("    actions:", `    on_state_change: [${names}]\n    actions:`);
  assert.deepEqual(load(to("h")).models[0]?.on_state_change, ["h"]);
  assert.match(
    problems(to("chat")).join("\n"),
    /"chat" \(log\) speaks to people; a state goes to cloudevents, kafka, webhook/,
  );
  assert.match(problems(to("hh")).join("\n"), /on_state_change\[0\]: there is no channel "hh"/);
  assert.match(problems(to("h, h")).join("\n"), /listed twice/);
});

test("a plan bears on no number", () => {
  const [one] = load(text("[tell]", "")).models;
  const [other] = load(text("[tell, fall_back]", "")).models;
  assert.ok(one !== undefined && other !== undefined);
  assert.equal(monitorHash(one, "r"), monitorHash(other, "r"));
});
