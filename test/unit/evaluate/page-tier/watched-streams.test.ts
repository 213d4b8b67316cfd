/** What the page tier watches, with what share of the budget, and what it says of a reference that is too small. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { planPageTier } from "../../../../src/evaluate/page-tier/watched-streams.ts";
import { modelConfig } from "../../../support/event-writer.ts";
import { loadedReference, planOf } from "../../../support/page-tier.ts";
import { referenceOf } from "../../../support/summaries.ts";

const sum = (values: readonly number[]) => values.reduce((all, value) => all + value, 0);

test("the shares of all streams and KPIs sum to one, with any number of features", () => {
  for (const more of [0, 1, 50]) {
    const subjects = Array.from({ length: more }, (_, index) =>
      referenceOf({ kind: "categorical", subject: `f${index}`, bins: [900, 100, 0, 0], categories: ["x", "y"] }),
    );
    const reference = loadedReference();
    const plan = planOf(
      { kpis: [{ use: "accuracy", min: 0.8 }] },
      { ...reference, subjects: [...reference.subjects, ...subjects] },
    );
    assert.ok(Math.abs(sum([...plan.streams, ...plan.kpis].map(({ share }) => share)) - 1) < 1e-12);
    assert.equal(plan.streams.length, 3 * (2 + more));
  }
});

test("the threshold is days per false alarm", () => {
  assert.equal(planOf().threshold, 30);
  assert.equal(planOf({ false_alarms: "2 per 7d" }).threshold, 3.5);
});

test("off, and a model with nothing to watch, have no plan", () => {
  const config = (more: object) => modelConfig({ name: "m", task: "binary", ...more });
  assert.equal(planPageTier(config({ false_alarms: "off" }), loadedReference(), []), null);
  assert.equal(planPageTier(config({}), null, []), null);
});

test("a small reference raises what can be told, and says which size would do", () => {
  const numeric = referenceOf({ kind: "numeric", subject: "amount", edges: [0, 1, 2], bins: [500, 500, 500, 500] });
  const plan = planOf({}, { ...loadedReference(), subjects: [numeric] });
  assert.equal(plan.limits.length, 1);
  assert.match(
    plan.limits[0] ?? "",
    /changes of amount below 6\.4 % .*ignore_below asks for 3\.0 %; that needs 8962 rows/,
  );
  assert.deepEqual(planOf().limits, []);
});

test("a subject whose reference has too few rows is left out, by name", () => {
  const few = referenceOf({ kind: "categorical", subject: "rare", bins: [20, 10, 0, 0], categories: ["x", "y"] });
  const plan = planOf({}, { ...loadedReference(), subjects: [few, ...loadedReference().subjects] });
  assert.match(plan.limits[0] ?? "", /^rare is not watched: its reference has 30 rows, 50 are needed$/);
  assert.equal(plan.streams.length, 6);
});

test("design effects make the same plan in whatever order they come: those just measured, and those stored", () => {
  const config = modelConfig({ name: "m", task: "binary" });
  const effects: [string, number[]][] = [
    ["feature/colour values", [2, 1]],
    ["feature/colour missing", [1]],
  ];
  const ids = [effects, [...effects].reverse()].map(
    (order) => planPageTier(config, loadedReference(), [], new Map(order))?.planId,
  );
  assert.equal(ids[0], ids[1]);
  assert.notEqual(ids[0], planPageTier(config, loadedReference(), [])?.planId);
});

test("another budget, tolerance, reference or feature is another plan; the order of nothing else is", () => {
  const ids = [
    planOf(),
    planOf({ false_alarms: "1 per 60d" }),
    planOf({ ignore_below: 0.05 }),
    planOf({}, { ...loadedReference(), referenceId: "r2" }),
    planOf({}, { ...loadedReference(), subjects: loadedReference().subjects.slice(0, 1) }),
  ].map(({ planId }) => planId);
  assert.equal(new Set(ids).size, ids.length);
  assert.equal(planOf({ min_rows: 7 }).planId, planOf().planId);
});
