/** The notice tier of one version: what it watches, what it learns and when not, and that it goes on after a restart bit for bit. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { newUnit, takeStep, type UnitState } from "../../../../src/evaluate/page-tier/drift-tracker.ts";
import type { NoticePlan } from "../../../../src/evaluate/page-tier/notice-plan.ts";
import type { PageTierPlan } from "../../../../src/evaluate/page-tier/watched-streams.ts";
import { rowOfState, stateOfRow } from "../../../../src/sequential/tilt-state-row.ts";
import { drawn, HOUR, loadedReference, planOf, SHARES } from "../../../support/page-tier.ts";
import { referenceOf } from "../../../support/summaries.ts";

/** A few points only: within `ignore_below`. */
const NEARLY = [0.385, 0.3, 0.2, 0.115];
const describe = () => Promise.resolve({ finding: "moved", began: null });

function noticesOf(plan: PageTierPlan): NoticePlan {
  assert.ok(plan.notices !== null);
  return plan.notices;
}

const page = planOf();
const plan = noticesOf(page);

async function take(unit: UnitState, hour: number, colour: readonly number[], frozen?: ReadonlySet<string>) {
  const counts = [...drawn(colour, 1000, 2 * hour + 1), ...drawn(SHARES, 1000, 2 * hour + 2)];
  return await takeStep(plan, unit, { start: hour * HOUR, end: (hour + 1) * HOUR, counts }, describe, frozen);
}

test("it watches the page tier's streams with seven days a false notice, and evidence that fades within a quarter of that", () => {
  assert.equal(plan.threshold, 7);
  assert.equal(plan.fading, 7 / 4);
  assert.deepEqual(
    plan.streams.map(({ subject, stream }) => `${subject} ${stream}`),
    page.streams.map(({ subject, stream }) => `${subject} ${stream}`),
  );
  assert.ok(plan.streams.every((stream) => stream.plan.tier === "notice" && stream.plan.fading === 7 / 4));
  assert.ok(Math.abs(plan.streams.reduce((sum, { share }) => sum + share, 0) - 1) < 1e-12);
  assert.equal(noticesOf(planOf({ notices: "2 per 4d" })).threshold, 2);
});

test("another budget of notices is another plan of theirs and leaves the page tier's as it is; off is none", () => {
  const other = planOf({ notices: "1 per 14d" });
  assert.equal(other.planId, page.planId);
  assert.notEqual(noticesOf(other).planId, plan.planId);
  assert.notEqual(noticesOf(planOf({ false_alarms: "1 per 60d" })).planId, plan.planId);
  const off = planOf({ notices: "off" });
  assert.equal(off.notices, null);
  assert.equal(off.planId, page.planId);
});

test("a change that the page tier ignores is noticed, once, with its onset", async () => {
  const unit = newUnit(plan);
  const pages = newUnit(page);
  const told: number[] = [];
  for (let hour = 0; hour < 120; hour++) {
    const colour = hour >= 24 ? NEARLY : SHARES;
    if ((await take(unit, hour, colour)).isNew) told.push(hour);
    const counts = [...drawn(colour, 1000, 2 * hour + 1), ...drawn(SHARES, 1000, 2 * hour + 2)];
    const step = { start: hour * HOUR, end: (hour + 1) * HOUR, counts };
    assert.ok(!(await takeStep(page, pages, step, describe)).isNew, `page at hour ${hour}`);
    if (told.length > 0) assert.ok(Math.abs((unit.changed.get("feature/colour")?.onset ?? 0) / HOUR - 24) <= 8);
  }
  assert.ok(told.length === 1 && (told[0] ?? 0) > 24, told.join());
});

test("the urn learns from every step but those of a subject that counts as changed in the page tier", async () => {
  const learning = newUnit(plan);
  const frozen = newUnit(plan);
  for (let hour = 0; hour < 5; hour++) {
    await take(learning, hour, NEARLY);
    await take(frozen, hour, NEARLY, new Set(["feature/colour"]));
  }
  const rows = (unit: UnitState, stream: number) =>
    [...(unit.states[stream]?.urn ?? [])].reduce((sum, one) => sum + one, 0);
  const weights = plan.streams.map((stream) => stream.plan.stream.weights.reduce((sum, one) => sum + one, 0));
  assert.ok(rows(learning, 0) > (weights[0] ?? 0) + 4900);
  assert.equal(rows(frozen, 0), weights[0]);
  assert.equal(rows(frozen, 1), weights[1]);
  assert.equal(rows(frozen, 3), rows(learning, 3));
});

test("what was learned stays when the evidence begins anew", async () => {
  const unit = newUnit(plan);
  const moved = [0.25, 0.3, 0.2, 0.25];
  const outcome = await take(unit, 0, moved);
  assert.ok(outcome.isNew);
  assert.equal(unit.states[0]?.logEvidence[0], Number.NEGATIVE_INFINITY);
  assert.ok((unit.states[0]?.urn[0] ?? 0) > 40_000);
});

test("saved and read again after every step, the state is the same bit for bit", async () => {
  const straight = newUnit(plan);
  let saved = newUnit(plan);
  for (let hour = 0; hour < 30; hour++) {
    const shares = hour >= 12 ? [0.35, 0.3, 0.2, 0.15] : SHARES;
    const frozen = new Set(hour > 20 ? ["feature/colour"] : []);
    assert.deepEqual(await take(saved, hour, shares, frozen), await take(straight, hour, shares, frozen));
    const rows: number[][] = JSON.parse(JSON.stringify(saved.states.map(rowOfState)));
    saved = {
      through: saved.through,
      states: plan.streams.map((stream, index) => stateOfRow(stream.plan, rows[index] ?? [])),
      changed: new Map(saved.changed),
      restarted: new Map(saved.restarted),
      phases: new Map(saved.phases),
    };
    assert.deepEqual(saved.states, straight.states);
  }
});

test("a reference of 50 to 199 rows has notices only, and says so; without notices it is not watched", () => {
  const small = referenceOf({ kind: "categorical", subject: "rare", bins: [80, 40, 0, 0], categories: ["x", "y"] });
  const reference = { ...loadedReference(), subjects: [small, ...loadedReference().subjects] };
  const both = planOf({}, reference);
  assert.ok(both.streams.every(({ name }) => name !== "rare"));
  assert.equal(noticesOf(both).streams.filter(({ name }) => name === "rare").length, 3);
  assert.equal(
    both.limits[0],
    "rare has notices only and can raise no alarm: its reference has 120 rows, the page tier needs 200",
  );
  const without = planOf({ notices: "off" }, reference);
  assert.equal(without.limits[0], "rare is not watched: its reference has 120 rows, 200 are needed");
  const alone = planOf({}, { ...reference, subjects: [small] });
  assert.equal(alone.streams.length, 0);
  assert.equal(noticesOf(alone).streams.length, 3);
});
