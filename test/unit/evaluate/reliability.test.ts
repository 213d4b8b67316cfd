/** Verdicts on estimates from the windows whose labels have come. */
import assert from "node:assert/strict";
import { test } from "node:test";
import type { MetricRow } from "../../../src/core/metric.ts";
import { reliabilityOf, settled, withReliability } from "../../../src/evaluate/estimates/reliability.ts";

const met = { error: 0.004, missed: false };
const missed = { error: -0.06, missed: true };

function estimate(
  index: number,
  more: Readonly<Record<string, unknown>> = {},
  settings: Partial<MetricRow> = {},
): MetricRow {
  return {
    ...blank,
    window_start: index * 1000,
    window_end: (index + 1) * 1000,
    value: 0.7,
    breached: true,
    status: "ok",
    detail: JSON.stringify({ reference: 0.8, ...more }),
    ...settings,
  };
}
const blank: MetricRow = {
  model: "m",
  version: "1",
  variant: "",
  segment: "",
  window: "1h",
  window_start: 0,
  window_end: 1000,
  subject_kind: "kpi",
  subject: "kpi",
  metric: "estimated_f1",
  value: null,
  lower: null,
  upper: null,
  threshold: 0.75,
  breached: false,
  n: 500,
  coverage: 1,
  status: "insufficient",
  detail: "{}",
  reference_id: "r",
  monitor_hash: "h",
  revision: 1,
  computed_at: 0,
};
const verdicts = (rows: readonly MetricRow[]) => rows.map((row) => JSON.parse(row.detail).reliability?.verdict);

test("without labels nothing is tested; one miss among the newest three makes an estimate unreliable, four windows on it is forgotten", () => {
  assert.deepEqual(reliabilityOf([]), { verdict: "untested", windows: 0, missed: 0, worst: 0 });
  assert.deepEqual(reliabilityOf([met]), { verdict: "reliable", windows: 1, missed: 0, worst: 0.004 });
  assert.deepEqual(reliabilityOf([met, missed, met]), { verdict: "unreliable", windows: 3, missed: 1, worst: 0.06 });
  assert.equal(reliabilityOf([missed, met, met, met]).verdict, "reliable");
});

test("a held-back breach is one again when the verdict is lifted", () => {
  const held = withReliability(estimate(0), reliabilityOf([missed]));
  assert.equal(held.breached, false);
  assert.equal(JSON.parse(held.detail).held_back, true);
  assert.equal(held.value, 0.7);
  const lifted = withReliability(held, reliabilityOf([met]));
  assert.equal(lifted.breached, true);
  assert.equal("held_back" in JSON.parse(lifted.detail), false);
  const none = withReliability(estimate(0, {}, { breached: false }), reliabilityOf([missed]));
  assert.equal("held_back" in JSON.parse(none.detail), false);
});

test("each window has the verdict of the windows up to it, each series and metric for itself, and settling again changes nothing", () => {
  const rows = [
    estimate(1, met),
    estimate(2, missed),
    estimate(3),
    estimate(4, met),
    estimate(5, met),
    estimate(6, met),
  ];
  const other = rows.map((row) => ({
    ...row,
    metric: "estimated_accuracy",
    detail: JSON.stringify({ reference: 0.8 }),
  }));
  const found = settled([...rows, ...other], [estimate(0, met)]);
  const f1 = found.filter((row) => row.metric === "estimated_f1");
  assert.deepEqual(verdicts(f1), ["reliable", "unreliable", "unreliable", "unreliable", "unreliable", "reliable"]);
  assert.deepEqual(
    verdicts(found.filter((row) => row.metric !== "estimated_f1")),
    rows.map(() => undefined),
  );
  assert.deepEqual(settled(found, [estimate(0, met)]), found);
});

test("windows without a value keep what they say", () => {
  const insufficient = estimate(3, {}, { status: "insufficient", value: null, breached: false });
  assert.deepEqual(settled([insufficient], [estimate(2, missed)]), [insufficient]);
});
