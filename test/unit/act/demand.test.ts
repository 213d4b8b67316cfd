/** Which incident an action is for: by the plan of the KPI that fails, else by severity and `only_for`. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { demandOf } from "../../../src/act/demand.ts";
import { namedActions } from "../../../src/act/named-actions.ts";
import { createPlans } from "../../../src/alert/kpi-plans.ts";
import type { IncidentMember, Severity } from "../../../src/core/incident.ts";
import { exampleMember, exampleNotification } from "../../support/notification.ts";
import { load } from "../config/load-text.ts";

const CONFIG = `models:
  - name: fraud
    task: binary
    kpis:
      - { use: accuracy, min: 0.8, on_failure: [tell, retrain] }
      - { use: recall, min: 0.8, severity: page, on_failure: [tell] }
      - { use: f1, min: 0.8, severity: page }
    alerts: { channels: [l] }
    actions:
      - { use: webhook, url: https://x.example }
      - { use: kserve, namespace: n, service: s, on: page, only_for: { windows: [1h] } }
channels: { l: { use: log } }
`;
const { models } = load(CONFIG);
const [retrain, rollBack] = models.flatMap(namedActions);

function reasons(members: readonly IncidentMember[], severity: Severity) {
  const { incident } = exampleNotification({}, members);
  return [retrain, rollBack].map((action) => {
    assert.ok(action !== undefined);
    const { isWanted, reason } = demandOf(action, { ...incident, severity }, createPlans(models));
    return `${isWanted ? "yes" : "no"}: ${reason}`;
  });
}
const kpi = (metric: string, settings: Partial<IncidentMember> = {}) => exampleMember({ metric, ...settings });
const drift = exampleMember({ metric: "psi", subject_kind: "feature", subject: "x", severity: "ticket" });

test("a plan asks for what it names, whatever the severity, and for nothing else", () => {
  assert.deepEqual(reasons([kpi("accuracy", { severity: "ticket" })], "ticket"), [
    "yes: asked by the plan of accuracy",
    "no: the plan of what fires (on_failure) does not ask for it",
  ]);
  assert.deepEqual(reasons([kpi("recall")], "page"), [
    "no: no KPI that fires has a plan that asks for it",
    "no: the plan of what fires (on_failure) does not ask for it",
  ]);
});

test("the page tier and the estimate speak of the same KPI; what has cleared asks for nothing", () => {
  assert.match(reasons([kpi("kpi-evidence", { subject: "accuracy" })], "page")[0] ?? "", /^yes/);
  assert.match(reasons([kpi("estimated_accuracy")], "page")[0] ?? "", /^yes/);
  assert.match(reasons([kpi("accuracy", { firing: false, cleared_at: 1 }), drift], "page")[0] ?? "", /^no/);
});

test("what has no plan goes by the action's own trigger, beside KPIs that have one", () => {
  assert.deepEqual(reasons([kpi("f1")], "page"), [
    "no: no KPI that fires has a plan that asks for it",
    "yes: asked at severity page",
  ]);
  // The page is recall's, whose plan does not ask for a rollback; the drift is a ticket.
  assert.equal(reasons([kpi("recall"), drift], "page")[1], "no: severity ticket is below page");
  assert.equal(
    reasons([kpi("f1", { window: "1d" })], "page")[1],
    "no: no member that fires is one that it is for (only_for)",
  );
});
