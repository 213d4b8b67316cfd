/** What is usual of labels' delays: odd weeks, few weeks, chance. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { labelDelay } from "../../../detectors/label-delay.ts";
import { hasBreached } from "../../../src/core/detector.ts";
import type { LabelledShare } from "../../../src/core/summary.ts";
import { modelSubject } from "../../../src/evaluate/drift-rows.ts";
import { uniform } from "../../support/golden.ts";

const EMPTY = {
  n: 0,
  missing: 0,
  invalid: 0,
  bins: [],
  mean: null,
  standardDeviation: null,
  minimum: null,
  maximum: null,
};

function judge(weeks: readonly LabelledShare[], now: LabelledShare, options: Readonly<Record<string, unknown>> = {}) {
  const labels = { ...now, horizon: 86_400, delay: null, usualDelay: 3_600 };
  return labelDelay.bind(options)(modelSubject(0, { labels: weeks }), { ...EMPTY, labels });
}

const share = (labelled: number, n = 1000): LabelledShare => ({ n, labelled });
const breached = (result: ReturnType<typeof judge>) => result.status === "ok" && hasBreached(result);

test("one odd week of four is no matter, weeks that vary are, and of two weeks the nearest is taken", () => {
  assert.ok(breached(judge([share(900), share(100), share(910), share(890)], share(500))));
  assert.ok(!breached(judge([share(900), share(100), share(910), share(890)], share(880))));
  assert.ok(!breached(judge([share(900), share(300), share(700), share(450)], share(300))));
  assert.ok(!breached(judge([share(900), share(400)], share(410))));
  assert.ok(breached(judge([share(900), share(800)], share(410))));
});

test("the finding says how many labels are there, how many usually are, and how long they take", () => {
  const result = judge([share(900), share(890), share(910), share(900)], share(160));
  assert.ok(result.status === "ok");
  assert.equal(
    result.detail?.["finding"],
    "16 % of the predictions that are 24 hours old have a label, usually 90 %; half of the usual labels came within 1 hour, now longer",
  );
});

test("too few labels that are due, or no week to compare with, are no number", () => {
  const few = judge([share(20)], share(0));
  assert.deepEqual(few, {
    status: "insufficient",
    rows: 20,
    needed: 200,
    reason: "20 labels are due; 200 are needed.",
  });
  assert.equal(judge([], share(0)).status, "insufficient");
  assert.equal(judge([share(0)], share(0), { min_rows: 1 }).status, "insufficient");
  assert.equal(judge([share(500)], share(0, 0)).status, "insufficient");
  assert.equal(breached(judge([share(500)], share(0))), true);
});

test("where nothing has changed at most one window in a hundred is beyond chance, whatever the share of labels", () => {
  const draw = uniform(11);
  const drawn = (n: number, chance: number): LabelledShare => {
    let labelled = 0;
    for (let row = 0; row < n; row++) if (draw() < chance) labelled++;
    return { n, labelled };
  };
  for (const chance of [0.1, 0.5, 0.98])
    for (const weeks of [1, 2, 4]) {
      let beyond = 0;
      for (let window = 0; window < 1000; window++) {
        const before = Array.from({ length: weeks }, () => drawn(400, chance));
        if (breached(judge(before, drawn(400, chance), { threshold: 0, min_rows: 1 }))) beyond++;
      }
      assert.ok(beyond <= 18, `${chance}, ${weeks} weeks: ${beyond} of 1000`);
    }
});
