/** Rates and volume: on which side a breach lies, what chance explains, and what a missing count of singletons does. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { missingRate } from "../../../detectors/missing-rate.ts";
import { newCategoryRate } from "../../../detectors/new-category-rate.ts";
import { volume } from "../../../detectors/volume.ts";
import { type Detector, hasBreached, limitOf } from "../../../src/core/detector.ts";
import { referenceOf, windowOf } from "../../support/summaries.ts";

function judge(
  detector: Detector,
  reference: Parameters<typeof referenceOf>[0],
  window: Parameters<typeof windowOf>[0],
) {
  const result = detector.bind({})(referenceOf(reference), windowOf(window));
  assert.ok(result.status === "ok", JSON.stringify(result));
  return { ...result, breached: hasBreached(result), limit: limitOf(result) };
}

test("a missing rate breaches half a point above the reference's, if chance does not explain it", () => {
  const reference = { bins: [99_000], missing: 1000 };
  assert.equal(judge(missingRate, reference, { bins: [9800], missing: 200 }).breached, true);
  assert.equal(judge(missingRate, reference, { bins: [9860], missing: 140 }).breached, false);
  // 2 % of 200 rows are 4 missing ones, where 2 are expected.
  assert.equal(judge(missingRate, reference, { bins: [196], missing: 4 }).breached, false);
  assert.equal(judge(missingRate, reference, { bins: [10_000], missing: 0 }).breached, false);
});

test("a rate that the reference never had needs more than one stray row", () => {
  const reference = { bins: [10_000], missing: 0 };
  assert.equal(judge(missingRate, reference, { bins: [199], missing: 1 }).breached, false);
  assert.equal(judge(missingRate, reference, { bins: [190], missing: 10 }).breached, true);
});

test("new categories are expected where the reference has many of one row, listed or counted", () => {
  const listed = { kind: "categorical", bins: [...Array.from({ length: 300 }, () => 1), 700, 0, 0] } as const;
  const window = { bins: [...Array.from({ length: 300 }, () => 0), 280, 0, 120] };
  assert.equal(judge(newCategoryRate, listed, window).breached, false);
  const tail = { kind: "categorical", bins: [700, 300, 0] } as const;
  assert.equal(judge(newCategoryRate, { ...tail, singletons: 300 }, { bins: [280, 0, 120] }).breached, false);
  assert.equal(judge(newCategoryRate, tail, { bins: [280, 0, 120] }).breached, true);
});

test("volume breaches above twice and below half of the time before, not at them", () => {
  const before = { bins: [], n: 1000 };
  const at = (n: number) => judge(volume, before, { bins: [], n });
  assert.deepEqual(
    [0, 499, 500, 1000, 2000, 2001].map((n) => at(n).breached),
    [true, true, false, false, false, true],
  );
  assert.equal(at(499).limit, 0.5);
  assert.equal(at(1500).limit, 2);
});

test("volume says nothing of a time before with few events", () => {
  const result = volume.bind({})(referenceOf({ bins: [], n: 20 }), windowOf({ bins: [], n: 0 }));
  assert.equal(result.status, "insufficient");
});
