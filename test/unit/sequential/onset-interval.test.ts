/** When a change began: the interval holds it as often as it says, and it is as narrow as the change is plain. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { type Kind, scenes } from "../../../bench/detectors/scenes.ts";
import { onsetCoverage } from "../../../bench/onset/coverage.ts";
import { onsetOfRate } from "../../../src/sequential/onset-interval.ts";

const STREAMS = 60;
const setting = { seed: 7, streams: STREAMS, paneEvents: 100, before: 100, after: 400 };

const covered: readonly (readonly [Kind, string])[] = [
  ["numeric", "mean +0.2"],
  ["numeric", "sd ×1.3"],
  ["numeric", "bimodal"],
  ["category", "10 points moved"],
  ["missing", "1 % to 5 %"],
];

test("the interval holds the onset about 95 times in 100", () => {
  let held = 0;
  let found = 0;
  for (const [kind, name] of covered) {
    const shift = scenes[kind].shifts.find((one) => one.name === name);
    assert.ok(shift !== undefined, name);
    const result = onsetCoverage(kind, shift, setting);
    assert.equal(result.found, STREAMS, name);
    assert.ok(result.coverage >= 0.9, `${name}: ${result.coverage}`);
    // Not by being wide: the interval is shorter than what the alarm took, or as good as one pane.
    assert.ok(result.width <= Math.max(3, result.delay), `${name}: ${result.width} panes`);
    held += result.coverage * result.found;
    found += result.found;
  }
  assert.ok(held / found >= 0.94, `${held / found}`);
});

test("the onset is nearer than where the evidence began to rise", () => {
  const shift = scenes.numeric.shifts.find((one) => one.name === "sd ×1.1");
  assert.ok(shift !== undefined);
  const { error, riseError } = onsetCoverage("numeric", shift, setting);
  assert.ok(error[1] - error[0] < riseError[1] - riseError[0], `${error.join()} and ${riseError.join()}`);
});

/** `n` of 100 wrong in each window. */
const windows = (...wrong: readonly number[]) => wrong.map((sum) => ({ events: 100, sum }));
const none = { events: 0, sum: 0 };

test("a share that jumps is told to the window, one that creeps is not", () => {
  assert.deepEqual(onsetOfRate(windows(10, 9, 11, 10, 40, 42, 39), none), { best: 4, first: 4, last: 4 });
  const { first, last } = onsetOfRate(windows(10, 9, 11, 10, 14, 18, 22, 26), none);
  assert.ok(first < last, `${first} to ${last}`);
});

test("what was bad from the start is told by the reference, however large that is", () => {
  for (const rows of [500, 1e6]) {
    const reference = { events: rows, sum: 0.1 * rows };
    assert.equal(onsetOfRate(windows(40, 42, 39, 41), reference).best, 0);
    // And a reference that is a harmless bit off does not count against what came before.
    assert.equal(onsetOfRate(windows(12, 11, 13, 12, 12, 40, 42, 39), reference).best, 5);
  }
});

test("one window is its own interval, and windows without events exclude nothing", () => {
  assert.deepEqual(onsetOfRate(windows(40), none), { best: 0, first: 0, last: 0 });
  assert.deepEqual(onsetOfRate([none, none], none), { best: 0, first: 0, last: 1 });
});
