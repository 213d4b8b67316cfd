/** A model's state is a function of its open incidents and its plans; the same in what is asked for and what is pushed. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { createPlans } from "../../../src/alert/kpi-plans.ts";
import { partOf } from "../../../src/alert/model-part.ts";
import { stateOfModel } from "../../../src/alert/model-state.ts";
import type { Incident, IncidentMember } from "../../../src/core/incident.ts";
import { tagOf } from "../../../src/core/model-state.ts";
import { exampleMember } from "../../support/notification.ts";
import { load } from "../config/load-text.ts";

const kpi = (metric: string, settings: Partial<IncidentMember> = {}) => exampleMember({ metric, ...settings });
const incident = (
  incident_id: string,
  members: readonly IncidentMember[],
  settings: Partial<Incident> = {},
): Incident => ({
  incident_id,
  model: "m",
  window: "1h",
  state: "firing",
  severity: "page",
  onset: 0,
  opened_at: Math.min(...members.map(({ fired_at }) => fired_at)),
  resolved_at: null,
  members,
  title: `incident ${incident_id}`,
  ...settings,
});

function stateOf(open: readonly Incident[], kpis = "[]", name = "m") {
  const { models } = load(
    `models:\n  - name: ${name}\n    task: binary\n    kpis: ${kpis}\n    alerts: { channels: [l] }\nchannels: { l: { use: log } }\n`,
  );
  const [model] = models;
  assert.ok(model !== undefined);
  return stateOfModel(model, open, createPlans(models));
}

const at = (fired_at: number) => ({ fired_at });
const ticket = incident("t", [kpi("f1", { severity: "ticket", ...at(2000) })], { severity: "ticket" });
const page = incident("p", [kpi("accuracy", at(3000))]);
const recovering = incident("r", [kpi("accuracy", at(1000))], { state: "recovering" });

test("a page makes a model fail, a ticket or a recovering page degrades it, information does neither", () => {
  const info = incident("i", [kpi("f1", { severity: "info" })], { severity: "info" });
  const none = { model: "m", state: "healthy", reason: "no incident is open", since: null, incidents: [] };
  assert.deepEqual(stateOf([info]), none);
  assert.deepEqual(stateOf([{ ...page, state: "pending", members: [] }]), none);
  assert.deepEqual(stateOf([ticket, page]), {
    model: "m",
    state: "failing",
    reason: "incident p",
    since: "1970-01-01T00:00:03.000Z",
    incidents: ["p", "t"],
  });
  assert.deepEqual(stateOf([ticket, recovering]), {
    model: "m",
    state: "degraded",
    reason: "incident r (and 1 more)",
    since: "1970-01-01T00:00:01.000Z",
    incidents: ["r", "t"],
  });
});

test("where a plan falls back, its KPI alone makes the model fail, and only while it fires", () => {
  const kpis = "[{ use: accuracy, min: 0.8, on_failure: [tell, fall_back] }, { use: f1, min: 0.8, severity: page }]";
  const state = (...open: Incident[]) => stateOf(open, kpis).state;
  const low = kpi("accuracy", { severity: "ticket", ...at(5000) });
  assert.equal(state(incident("a", [low], { severity: "ticket" })), "failing");
  assert.equal(state(incident("a", [kpi("f1")])), "degraded");
  assert.equal(state(incident("a", [{ ...low, segment: "country=de" }])), "degraded", "the plan is for the whole");
  // The page tier, and the estimate, speak of the same KPI.
  const found = kpi("kpi-evidence", { subject: "accuracy" });
  assert.equal(state(incident("a", [found])), "failing");
  assert.equal(state(incident("a", [kpi("estimated_accuracy")])), "failing");
  assert.equal(state(incident("a", [{ ...low, firing: false, cleared_at: 9000 }, kpi("f1", at(1000))])), "degraded");
  // Since the KPI fails, not since the incident is open.
  assert.equal(stateOf([incident("a", [low, kpi("f1", at(1000))])], kpis).since, "1970-01-01T00:00:05.000Z");
});

test("a plan that does not fall back leaves the model degraded, however urgent it is", () => {
  const kpis =
    "[{ use: accuracy, min: 0.8, severity: page, on_failure: [tell] }, { use: f1, min: 0.8, severity: page }]";
  assert.equal(stateOf([page], kpis).state, "degraded");
  assert.equal(stateOf([incident("a", [kpi("f1")])], kpis).state, "failing");
});

test("of an incident that several models share each has its own part", () => {
  const shared = incident(
    "s",
    [
      kpi("accuracy", at(3000)),
      kpi("psi", { subject_kind: "feature", subject: "x", model: "b", severity: "ticket", ...at(4000) }),
      kpi("accuracy", { model: "c", firing: false, cleared_at: 6000, ...at(2000) }),
    ],
    { models: ["m", "b", "c"] },
  );
  assert.deepEqual(
    ["m", "b", "c", "d"].map((name) => stateOf([shared], "[]", name).state),
    ["failing", "degraded", "healthy", "healthy"],
  );
  const part = partOf(shared, "b");
  assert.deepEqual(
    [part?.severity, part?.opened_at, part?.model, part?.members.map(({ model }) => model), part?.models],
    ["ticket", 4000, "b", [undefined], undefined],
  );
  assert.equal(partOf(page, "m"), page);
  assert.equal(partOf(shared, "d"), null);
});

test("the tag changes with what is said alone", () => {
  const one = stateOf([ticket]);
  assert.equal(tagOf(one), tagOf({ ...one }));
  assert.equal(tagOf(one), tagOf(stateOf([ticket], "[{ use: accuracy, min: 0.8 }]")));
  assert.notEqual(tagOf(one), tagOf(stateOf([])));
  assert.notEqual(tagOf(one), tagOf(stateOf([page])));
});
