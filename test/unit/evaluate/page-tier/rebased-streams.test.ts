/** Accepted drift in the sequential tests, step by step: the new normal holds for that subject from its time until it ends, and for no other. */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { type AcceptedBaseline, acceptedAt, isEnough } from "../../../../src/evaluate/accepted/accepted-baseline.ts";
import { newUnit, takeStep, type UnitState } from "../../../../src/evaluate/page-tier/drift-tracker.ts";
import { createRebasing, type Rebased } from "../../../../src/evaluate/page-tier/rebased-streams.ts";
import type { TierPlan } from "../../../../src/evaluate/page-tier/tier-plan.ts";
import { rowOfState, stateOfRow } from "../../../../src/sequential/tilt-state-row.ts";
import { drawn, HOUR, loadedReference, planOf, SHARES } from "../../../support/page-tier.ts";

const plan = planOf();
const MOVED = [0.25, 0.3, 0.2, 0.25] as const;
const FURTHER = [0.05, 0.3, 0.2, 0.45] as const;
const series = { version: "1", variant: "" };
const [colour] = loadedReference().subjects;
const ROWS = 20_000;

function baselineOf(settings: Partial<AcceptedBaseline> = {}, from: number | null = 20 * HOUR): AcceptedBaseline {
  assert.ok(colour !== undefined);
  const bins = [...MOVED.map((share) => share * ROWS), 0, 0];
  return {
    decisionId: "d1",
    referenceId: "r1",
    baselineId: "a1",
    subjectKind: "feature",
    subject: "colour",
    segment: "",
    since: 10 * HOUR,
    through: 20 * HOUR,
    until: 60 * HOUR,
    needed: 200,
    bins: { subject: colour, tail: [] },
    series: [
      {
        ...series,
        rows: ROWS,
        baseline: from === null ? null : { from, counts: { bins, missing: ROWS / 100, invalid: 0, n: 1.01 * ROWS } },
      },
    ],
    ...settings,
  };
}

describe("what holds at a time", () => {
  const whole = { subjectKind: "feature", subject: "colour", segment: "" } as const;
  const at = (start: number, baselines = [baselineOf()], of = series) => acceptedAt(baselines, whole, of, start);

  test("the reference before the acceptance and from its end on, the new normal in between", () => {
    assert.equal(at(20 * HOUR - 1), null);
    assert.equal(at(20 * HOUR)?.reference?.bins[0], MOVED[0] * ROWS);
    assert.ok(at(60 * HOUR - 1)?.reference);
    assert.equal(at(60 * HOUR), null);
  });

  test("neither another subject nor a version that came later", () => {
    assert.equal(acceptedAt([baselineOf()], { ...whole, subject: "shape" }, series, 30 * HOUR), null);
    assert.equal(acceptedAt([baselineOf()], { ...whole, subjectKind: "score" }, series, 30 * HOUR), null);
    assert.equal(at(30 * HOUR, undefined, { version: "2", variant: "" }), null);
  });

  test("a segment for itself, and the whole without it", () => {
    const german = { ...whole, segment: "country=DE" };
    const ofSegment = [baselineOf({ segment: "country=DE" })];
    assert.ok(acceptedAt(ofSegment, german, series, 30 * HOUR)?.reference);
    assert.equal(acceptedAt(ofSegment, { ...whole, segment: "country=FR" }, series, 30 * HOUR), null);
    assert.equal(at(30 * HOUR, ofSegment), null);
    assert.equal(acceptedAt([baselineOf()], german, series, 30 * HOUR), null);
  });

  test("nothing to compare with while there are too few rows", () => {
    const waiting = at(30 * HOUR, [baselineOf({}, null)]);
    assert.ok(waiting !== null && waiting.reference === null);
    const later = [baselineOf({}, 25 * HOUR)];
    assert.equal(at(24 * HOUR, later)?.reference, null);
    assert.ok(at(25 * HOUR, later)?.reference);
  });

  test("the acceptance that began last, and the one before it where that has ended", () => {
    const both = [baselineOf(), baselineOf({ baselineId: "a2", through: 30 * HOUR, until: 40 * HOUR })];
    const holding = (hour: number) => at(hour * HOUR, both)?.baseline.baselineId;
    assert.deepEqual([29, 30, 39, 40].map(holding), ["a1", "a2", "a2", "a1"]);
  });

  test("a feature that has gone missing for good does not wait for values", () => {
    assert.ok(!isEnough(1_999, 0, 200));
    assert.ok(isEnough(2_000, 0, 200));
    assert.ok(isEnough(250, 200, 200));
  });
});

const rebasingOf = (baseline: AcceptedBaseline) => createRebasing(() => [baseline], { tolerance: plan.tolerance });

async function take(
  unit: UnitState,
  hour: number,
  shares: readonly number[],
  baseline: AcceptedBaseline | null,
  watched: TierPlan = plan,
) {
  const rebased = new Map<string, Rebased>();
  if (baseline !== null)
    for (const stream of watched.streams) {
      const found = rebasingOf(baseline).at(series, stream, hour * HOUR);
      if (found !== null) rebased.set(stream.subject, found);
    }
  const counts = [...drawn(shares, 2000, 2 * hour + 1), ...drawn(SHARES, 2000, 2 * hour + 2)];
  const step = { start: hour * HOUR, end: (hour + 1) * HOUR, counts, rebased };
  return await takeStep(watched, unit, step, () => Promise.resolve({ finding: "moved", began: null }));
}
const levelAt = (hour: number) => (hour < 10 ? SHARES : hour < 50 ? MOVED : FURTHER);

/** Hours at which people are told, and those at which something is over. */
async function run(baseline: AcceptedBaseline | null, hours: number, level = levelAt, watched: TierPlan = plan) {
  const unit = newUnit(watched);
  const told: number[] = [];
  const over: number[] = [];
  const shape: unknown[] = [];
  for (let hour = 0; hour < hours; hour++) {
    const outcome = await take(unit, hour, level(hour), baseline, watched);
    if (outcome.isNew) told.push(hour);
    if (outcome.over.size > 0) over.push(hour);
    shape.push(unit.states.slice(3).map(rowOfState));
  }
  return { told, over, shape, unit };
}

test("accepted drift is over at once, quiet at the new level, and what moves on is told", async () => {
  const { told, over, unit } = await run(baselineOf(), 58);
  assert.equal(told.length, 2, told.join());
  assert.ok((told[0] ?? 0) <= 12 && (told[1] ?? 0) >= 50 && (told[1] ?? 99) <= 52, told.join());
  assert.deepEqual(over, [20]);
  assert.deepEqual([...unit.phases], [["feature/colour", "a1 holds"]]);
});

test("when it ends the reference holds again, with fresh evidence, and drift that is still there is told again", async () => {
  const { told, unit } = await run(baselineOf({ until: 40 * HOUR }), 50, (hour) => (hour < 10 ? SHARES : MOVED));
  assert.equal(told.length, 2, told.join());
  assert.ok((told[1] ?? 0) >= 40 && (told[1] ?? 99) <= 42, told.join());
  assert.equal(unit.phases.size, 0);
});

test("while it waits for rows nothing is told of it, and no time passes for it", async () => {
  const { told, unit } = await run(baselineOf({}, null), 58);
  assert.equal(told.length, 1);
  for (const state of unit.states.slice(0, 3))
    assert.ok(state.logEvidence.every((value) => value === Number.NEGATIVE_INFINITY));
});

test("the other subject's states are the same bit for bit, accepted or not", async () => {
  const accepted = await run(baselineOf(), 58);
  const never = await run(null, 58);
  assert.deepEqual(accepted.shape, never.shape);
});

test("without drift the new normal raises no alarm in a thousand steps: a stream that begins anew keeps to its share", async () => {
  const { told } = await run(baselineOf({ through: 0, since: 0, until: 2000 * HOUR }, 0), 1000, () => MOVED);
  assert.deepEqual(told, []);
});

test("saved and read again, a state under the new normal goes on bit for bit", async () => {
  const baseline = baselineOf();
  const straight = await run(baseline, 30);
  const [stream] = plan.streams;
  assert.ok(stream !== undefined);
  const again = rebasingOf(baseline).ofPhase(series, "a1 holds")?.streamOf(stream);
  const state = straight.unit.states[0];
  assert.ok(again !== undefined && again !== null && state !== undefined);
  assert.deepEqual(stateOfRow(again.plan, rowOfState(state)), state);
  assert.equal(rebasingOf(baseline).ofPhase(series, "a2 holds"), null);
});

/** The same streams, the first subject in one segment and the second in another. */
const bySegment: TierPlan = {
  ...plan,
  streams: plan.streams.map((stream) => {
    const segment = stream.name === "colour" ? "country=DE" : "country=FR";
    return { ...stream, segment, subject: `${segment} ${stream.subject}` };
  }),
};

test("an accepted segment is quiet at its level, tells what moves on, and leaves the other segment as it is bit for bit", async () => {
  const accepted = await run(baselineOf({ segment: "country=DE" }), 58, levelAt, bySegment);
  assert.equal(accepted.told.length, 2, accepted.told.join());
  assert.ok((accepted.told[1] ?? 0) >= 50 && (accepted.told[1] ?? 99) <= 52, accepted.told.join());
  assert.deepEqual(accepted.over, [20]);
  assert.deepEqual([...accepted.unit.phases], [["country=DE feature/colour", "a1 holds"]]);
  const never = await run(null, 58, levelAt, bySegment);
  assert.deepEqual(accepted.shape, never.shape);
  const elsewhere = await run(baselineOf({ segment: "country=FR" }), 58, levelAt, bySegment);
  assert.deepEqual(
    [elsewhere.told, elsewhere.unit.states.map(rowOfState)],
    [never.told, never.unit.states.map(rowOfState)],
  );
});

test("a segment without rows enough waits, and no time passes for it; when its acceptance ends the reference is back", async () => {
  const waiting = await run(baselineOf({ segment: "country=DE" }, null), 58, levelAt, bySegment);
  assert.equal(waiting.told.length, 1);
  const ended = baselineOf({ segment: "country=DE", until: 40 * HOUR });
  const { told, unit } = await run(ended, 50, (hour) => (hour < 10 ? SHARES : MOVED), bySegment);
  assert.ok(told.length === 2 && (told[1] ?? 0) >= 40 && (told[1] ?? 99) <= 42, told.join());
  assert.equal(unit.phases.size, 0);
});
