/** The page tier of one version, step by step: alarms, what counts as changed, and how it goes back. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { forgetIdle, newUnit, takeStep, type UnitState } from "../../../../src/evaluate/page-tier/drift-tracker.ts";
import { rowOfState, stateOfRow } from "../../../../src/sequential/tilt-state-row.ts";
import { drawn, HOUR, planOf, SHARES } from "../../../support/page-tier.ts";

const plan = planOf();
const MOVED = [0.25, 0.3, 0.2, 0.25];
const began = { onset: 10 * HOUR, from: 9 * HOUR, to: 12 * HOUR };
const describe = () => Promise.resolve({ finding: "moved", began });

async function take(unit: UnitState, hour: number, colour: readonly number[], n = 2000) {
  const counts = [...drawn(colour, n, 2 * hour + 1), ...drawn(SHARES, n, 2 * hour + 2)];
  return await takeStep(plan, unit, { start: hour * HOUR, end: (hour + 1) * HOUR, counts }, describe);
}

test("without a change there is no alarm in a thousand steps, and the evidence stays far below it", async () => {
  const unit = newUnit(plan);
  let greatest = 0;
  for (let hour = 0; hour < 1000; hour++) {
    const { decision, isNew } = await take(unit, hour, SHARES, 500);
    assert.ok(!isNew, `hour ${hour}`);
    greatest = Math.max(greatest, decision.fraction);
  }
  assert.ok(greatest < 0.9, `${greatest}`);
});

test("a change is told once, with its onset, and goes on until the stream has gone back", async () => {
  const unit = newUnit(plan);
  const told: number[] = [];
  let over = -1;
  for (let hour = 0; hour < 40; hour++) {
    const outcome = await take(unit, hour, hour >= 10 && hour < 20 ? MOVED : SHARES);
    if (outcome.isNew) told.push(hour);
    if (outcome.over.size > 0) over = hour;
    if (hour === 15) {
      assert.deepEqual([...outcome.changed.keys()], ["feature/colour"]);
      assert.equal(outcome.changed.get("feature/colour")?.onset, 10 * HOUR);
      assert.equal(outcome.changed.get("feature/colour")?.onsetTo, 12 * HOUR);
      assert.equal(outcome.changed.get("feature/colour")?.finding, "moved");
    }
  }
  assert.equal(told.length, 1);
  assert.ok((told[0] ?? 0) >= 10 && (told[0] ?? 99) <= 12, told.join());
  assert.ok(over > 20 && over <= 26, `${over}`);
  assert.equal(unit.changed.size, 0);
  // A change that comes next can't have begun before.
  assert.equal(unit.restarted.get("feature/colour"), (over + 1) * HOUR);
});

test("while one subject has changed another one is still told of", async () => {
  const unit = newUnit(plan);
  const named: string[][] = [];
  for (let hour = 0; hour < 30; hour++) {
    const counts = [
      ...drawn(hour >= 5 ? MOVED : SHARES, 2000, 2 * hour + 1),
      ...drawn(hour >= 15 ? MOVED : SHARES, 2000, 2 * hour + 2),
    ];
    const { decision } = await takeStep(plan, unit, { start: hour * HOUR, end: (hour + 1) * HOUR, counts }, describe);
    if (decision.alarms) named.push([...decision.named]);
  }
  assert.deepEqual(named, [["feature/colour"], ["feature/shape"]]);
});

test("a small shift within ignore_below never alarms, however many the events", async () => {
  const unit = newUnit(plan);
  const nearly = [0.38, 0.3, 0.2, 0.12];
  for (let hour = 0; hour < 200; hour++) {
    const counts = [...drawn(nearly, 100, hour), ...drawn(SHARES, 100, hour)].map((stream) =>
      stream.map((count) => count * 10_000),
    );
    // Not multiplied noise: the shares themselves, of a million events.
    counts[0] = [...nearly.map((share) => share * 1e6), 0, 0];
    counts[1] = [1e4, 99e4];
    counts[3] = [...SHARES.map((share) => share * 1e6), 0, 0];
    counts[4] = [1e4, 99e4];
    counts[2] = [0, 1e6];
    counts[5] = [0, 1e6];
    const { isNew } = await takeStep(plan, unit, { start: hour * HOUR, end: (hour + 1) * HOUR, counts }, describe);
    assert.ok(!isNew, `hour ${hour}`);
  }
});

test("missing values are a stream of their own", async () => {
  const unit = newUnit(plan);
  for (let hour = 0; hour < 5; hour++) {
    const counts = [...drawn(SHARES, 2000, hour, 0.2), ...drawn(SHARES, 2000, hour + 50)];
    await takeStep(plan, unit, { start: hour * HOUR, end: (hour + 1) * HOUR, counts }, (finding) =>
      Promise.resolve({ finding: finding.stream.stream, began: null }),
    );
  }
  assert.equal(unit.changed.get("feature/colour")?.finding, "missing");
});

test("saved and read again after every step, the state and the outcome are the same bit for bit", async () => {
  const straight = newUnit(plan);
  let saved = newUnit(plan);
  for (let hour = 0; hour < 30; hour++) {
    const shares = hour >= 12 ? MOVED : SHARES;
    const one = await take(straight, hour, shares);
    const other = await take(saved, hour, shares);
    assert.deepEqual(other, one);
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

test("hours without events pass time as well: the evidence after a gap is that of empty steps", async () => {
  const gap = newUnit(plan);
  const empty = newUnit(plan);
  await take(gap, 0, SHARES);
  await take(empty, 0, SHARES);
  for (let hour = 1; hour < 10; hour++)
    await takeStep(plan, empty, { start: hour * HOUR, end: (hour + 1) * HOUR, counts: [] }, describe);
  const one = await take(gap, 10, SHARES);
  const other = await take(empty, 10, SHARES);
  assert.ok(Math.abs(one.decision.logEvidence - other.decision.logEvidence) < 1e-9);
});

test("what has changed ends where a version has no more events", async () => {
  const unit = newUnit(plan);
  for (let hour = 0; hour < 6; hour++) await take(unit, hour, MOVED);
  assert.equal(unit.changed.size, 1);
  assert.equal(forgetIdle(unit, 12 * HOUR).size, 0);
  assert.deepEqual([...forgetIdle(unit, 40 * HOUR).keys()], ["feature/colour"]);
  assert.equal(unit.changed.size, 0);
});
