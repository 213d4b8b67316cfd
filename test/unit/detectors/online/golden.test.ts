/** The online detectors find the changes that River 0.26.1 finds, at the same values; CUSUM and EWMA are the textbook's recursions. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { z } from "zod";
import { adwin } from "../../../../detectors/online/adwin.ts";
import { cusum } from "../../../../detectors/online/cusum.ts";
import { ddm } from "../../../../detectors/online/ddm.ts";
import { ewma } from "../../../../detectors/online/ewma.ts";
import { pageHinkley } from "../../../../detectors/online/page-hinkley.ts";
import type { SequentialDetector, SequentialVerdict } from "../../../../src/core/sequential-detector.ts";
import { assertClose } from "../../../support/golden.ts";
import { type GoldenStream, goldenStreams } from "../../../support/golden-online.ts";

/** River's names of the options. */
const names: Readonly<Record<string, string>> = {
  clock: "check_every",
  min_window_length: "min_part",
  min_instances: "min_values",
  alpha: "fading",
  mode: "direction",
  drift_threshold: "threshold",
};

/** River starts to judge after `grace_period` and `warm_start` values, here `min_values` is the first that is judged. */
function optionsOf({ kind, parameters }: GoldenStream): Record<string, unknown> {
  const options: Record<string, unknown> = {};
  for (const [name, value] of Object.entries(parameters)) {
    if (name === "grace_period" || name === "warm_start") options["min_values"] = z.number().parse(value) + 1;
    else if (name === "delta" && kind === "PageHinkley") options["slack"] = value;
    else options[names[name] ?? name] = value;
  }
  return options;
}

function run<Own>(detector: SequentialDetector<Own>, options: Record<string, unknown>, values: readonly number[]) {
  const rules = detector.bind(options);
  let state = rules.start();
  const verdicts: SequentialVerdict[] = [];
  for (const value of values) {
    const next = rules.step(state, value);
    state = next.state;
    verdicts.push(next.verdict);
  }
  const changes = verdicts.flatMap(({ drifted }, index) => (drifted ? [index] : []));
  const warnings = verdicts.flatMap((verdict, index) => (verdict.status === "ok" && verdict.warning ? [index] : []));
  return { own: state.own, changes, warnings };
}

for (const golden of goldenStreams("ADWIN")) {
  test(`golden ${golden.id}: change points and the window at the end`, () => {
    const { changes, own } = run(adwin, optionsOf(golden), golden.values);
    assert.deepEqual(changes, golden.expected["change_points"]);
    assert.equal(own.width, golden.expected["width"]);
    assertClose(own.total, golden.expected["total"], golden.tolerance, "total");
    assertClose(own.total / own.width, golden.expected["estimation"], golden.tolerance, "mean");
  });
}

for (const golden of goldenStreams("PageHinkley")) {
  test(`golden ${golden.id}: change points`, () => {
    const { changes } = run(pageHinkley, optionsOf(golden), golden.values);
    assert.deepEqual(changes, golden.expected["change_points"]);
  });
}

for (const golden of goldenStreams("DDM")) {
  test(`golden ${golden.id}: change points and warnings`, () => {
    const { changes, warnings } = run(ddm, optionsOf(golden), golden.values);
    assert.deepEqual(changes, golden.expected["change_points"]);
    assert.deepEqual(warnings.slice(0, 10), golden.expected["warnings_first10"]);
    assert.equal(warnings.length, golden.expected["warnings_count"]);
  });
}

for (const golden of goldenStreams("cusum_ewma")) {
  test(`golden ${golden.id}: first alarm and sums of CUSUM, mean of EWMA`, () => {
    const { k, h, lambda_ } = z.object({ k: z.number(), h: z.number(), lambda_: z.number() }).parse(golden.parameters);
    const scale = { target: 0, standard_deviation: 1 };
    const [first] = run(cusum, { ...scale, slack: k, threshold: h }, golden.values).changes;
    assert.equal(first, golden.expected["first_alarm"]);
    // The golden sums run on past the alarm.
    const { own } = run(cusum, { ...scale, slack: k, threshold: 1e9 }, golden.values);
    assertClose(own.upper, golden.expected["upper"], golden.tolerance, "upper");
    assertClose(own.lower, golden.expected["lower"], golden.tolerance, "lower");
    const { own: chart } = run(ewma, { ...scale, weight: lambda_, threshold: 1e9 }, golden.values);
    assertClose(chart.mean, golden.expected["ewma"], golden.tolerance, "ewma");
  });
}
