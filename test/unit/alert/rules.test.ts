/** The rules that come with a model's configuration by themselves: those of the page tier. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { effectiveRules, type JudgedRow, limitOf, ruleApplies } from "../../../src/alert/rules.ts";
import { modelConfig } from "../../support/event-writer.ts";

const rulesOf = (more: Readonly<Record<string, unknown>>) =>
  effectiveRules(modelConfig({ name: "m", task: "binary", ...more }));

const row: JudgedRow = {
  version: "",
  variant: "",
  subject_kind: "feature",
  subject: "x",
  metric: "evidence",
  window_start: 0,
  window_end: 60_000,
  value: 5,
  threshold: 6.6,
  breached: true,
  n: 100,
  coverage: 1,
  status: "ok",
};

test("the page tier's rules have the severities of the configuration, and are gone where the budget is off", () => {
  const severities = (more: Readonly<Record<string, unknown>>) =>
    rulesOf(more).map(({ metric, severity }) => [metric, severity]);
  assert.deepEqual(severities({}), [
    ["evidence", "ticket"],
    ["kpi-evidence", "page"],
  ]);
  assert.deepEqual(severities({ alerts: { page_tier: { drift: "info", kpi: "ticket" } } }), [
    ["evidence", "info"],
    ["kpi-evidence", "ticket"],
  ]);
  assert.deepEqual(severities({ false_alarms: "off" }), []);
});

test("a rule looks at the whole alone unless it names segments: one value, or each of a dimension", () => {
  const rules = [
    "accuracy < 0.8",
    { metric: "accuracy", below: 0.8, segments: ["country"] },
    { metric: "accuracy", below: 0.8, segments: ["plan=gold"] },
  ];
  const found = rulesOf({ kpis: ["accuracy"], segments: ["country", "plan"], alerts: { rules }, false_alarms: "off" });
  assert.deepEqual(
    found.map(({ name }) => name),
    ["accuracy below 0.8", "accuracy in country below 0.8", "accuracy in plan=gold below 0.8"],
  );
  const applied = (segment: string) =>
    found.map((rule) => ruleApplies(rule, "1h", { metric: "accuracy", subject: "kpi", segment }));
  assert.deepEqual(applied(""), [true, false, false]);
  assert.deepEqual(applied("country=de"), [false, true, false]);
  assert.deepEqual(applied("country="), [false, true, false]);
  assert.deepEqual(applied("plan=gold"), [false, false, true]);
  assert.deepEqual(applied("country2=gold"), [false, false, false]);
  const [pageTier] = rulesOf({});
  assert.ok(pageTier !== undefined && ruleApplies(pageTier, "page tier", { ...row, segment: "country=de" }));
});

test("evidence is always told as above its limit, also of a subject that is named for what it adds to the whole", () => {
  const [rule] = rulesOf({});
  assert.ok(rule !== undefined);
  assert.deepEqual(limitOf(rule, row), { threshold: 6.6, direction: "above" });
  assert.deepEqual(limitOf({ ...rule, metric: "volume" }, row), { threshold: 6.6, direction: "below" });
});
