/** The limits of the control charts, by hand: the golden streams hold their sums only. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { cusum } from "../../../../detectors/online/cusum.ts";
import { ewma } from "../../../../detectors/online/ewma.ts";
import type { SequentialDetector, SequentialVerdict } from "../../../../src/core/sequential-detector.ts";

function verdicts(detector: SequentialDetector, options: object, values: readonly number[]): SequentialVerdict[] {
  const rules = detector.bind(options);
  let state = rules.start();
  return values.map((value) => {
    const next = rules.step(state, value);
    state = next.state;
    return next.verdict;
  });
}

function judged(verdict: SequentialVerdict | undefined): { score: number; limit: number; drifted: boolean } {
  assert.ok(verdict?.status === "ok");
  return verdict;
}

test("the limits of EWMA are its own standard deviation: w after one value, w sqrt(1 + (1 - w)²) after two", () => {
  const scale = { target: 10, standard_deviation: 2 };
  const [first, second] = verdicts(ewma, { ...scale, weight: 0.2, threshold: 3 }, [12, 10]);
  assert.deepEqual([judged(first).score, judged(second).score], [0.2, 0.2 * 0.8]);
  assert.ok(Math.abs(judged(first).limit - 3 * 0.2) < 1e-15);
  assert.ok(Math.abs(judged(second).limit - 3 * 0.2 * Math.sqrt(1 + 0.8 ** 2)) < 1e-15);
});

test("charts learn their scale from the first values and judge from the next one on", () => {
  for (const detector of [cusum, ewma]) {
    const found = verdicts(detector, { min_values: 4, threshold: 4 }, [1, 3, 1, 3, 2, 2, 8]);
    assert.deepEqual(
      found.map(({ status }) => status),
      ["insufficient", "insufficient", "insufficient", "insufficient", "ok", "ok", "ok"],
    );
    assert.equal(judged(found[5]).score, 0);
  }
  // (8 - 2) / sqrt(4/3) - 1/2
  const [last] = verdicts(cusum, { min_values: 4, threshold: 4 }, [1, 3, 1, 3, 8]).slice(-1);
  assert.ok(Math.abs(judged(last).score - (6 / Math.sqrt(4 / 3) - 0.5)) < 1e-12);
  assert.ok(judged(last).drifted);
});

test("CUSUM looks for the changes that it was told to look for", () => {
  const scale = { target: 0, standard_deviation: 1, threshold: 5 };
  const down = [-3, -3, -3];
  assert.ok(judged(verdicts(cusum, { ...scale, direction: "both" }, down)[2]).drifted);
  assert.ok(judged(verdicts(cusum, { ...scale, direction: "down" }, down)[2]).drifted);
  assert.ok(!judged(verdicts(cusum, { ...scale, direction: "up" }, down)[2]).drifted);
  assert.ok(!judged(verdicts(cusum, { ...scale, direction: "down" }, [3, 3, 3])[2]).drifted);
});
