/** Dependence and stability of a reference, from its slices in the order of time. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { measure } from "../../../../src/evaluate/page-tier/reference-dependence.ts";
import type { SubjectSlice } from "../../../../src/evaluate/page-tier/reference-panes.ts";
import { drawn, HOUR, planOf, SHARES } from "../../../support/page-tier.ts";

const plan = planOf();
const MOVED = [0.25, 0.3, 0.2, 0.25];

function slices(sharesAt: (hour: number) => readonly number[], seed: number): SubjectSlice[] {
  return Array.from({ length: 200 }, (_, hour) => {
    const [bins = [], [missing = 0] = []] = drawn(sharesAt(hour), 500, seed + hour);
    return { bins, missing, invalid: 0 };
  });
}

function panes(colour: (hour: number) => readonly number[]) {
  return {
    sliceMs: HOUR,
    first: 0,
    subjects: new Map([
      ["feature/colour", slices(colour, 1)],
      ["feature/shape", slices(() => SHARES, 1000)],
    ]),
  };
}

test("independent events have no design effect, and such a reference is stable", () => {
  const { effects, notes } = measure(
    plan,
    panes(() => SHARES),
  );
  assert.deepEqual(notes, []);
  assert.ok([...effects.values()].flat().every((effect) => effect < 1.6));
});

test("events in bursts count for less", () => {
  // Every third hour is of one colour mostly.
  const { effects } = measure(
    plan,
    panes((hour) => (hour % 3 === 0 ? [0.9, 0.05, 0.03, 0.02] : [0.15, 0.425, 0.285, 0.14])),
  );
  assert.ok((effects.get("feature/colour values") ?? []).some((effect) => effect > 50));
  assert.ok((effects.get("feature/shape values") ?? []).every((effect) => effect < 1.6));
});

test("a reference that changes within itself is told of, with the feature and the day", () => {
  const { notes } = measure(
    plan,
    panes((hour) => (hour >= 150 ? MOVED : SHARES)),
  );
  assert.equal(notes.length, 1);
  assert.match(
    notes[0] ?? "",
    /^the reference is not stable: colour changes within it, about 1970-01-07 \(the share of [ad] /,
  );
});

test("a reference without times says what can't be told", () => {
  assert.match(measure(plan, null).notes[0] ?? "", /no column of event times/);
});
