/** Faults that other monitors had, on the level of the detectors. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { detectors } from "../../../detectors/index.ts";
import { type DetectorResult, hasBreached, limitOf } from "../../../src/core/detector.ts";
import type { ReferenceSubject, WindowSummary } from "../../../src/core/summary.ts";
import { numericReference, numericWindow, referenceOf, windowOf } from "../../support/summaries.ts";

function run(name: string, reference: ReferenceSubject, window: WindowSummary, options: Record<string, unknown> = {}) {
  const detector = detectors.find((one) => one.name === name);
  assert.ok(detector !== undefined, `no detector ${name}`);
  const result: DetectorResult = detector.bind(options)(reference, window);
  assert.ok(result.status === "ok", JSON.stringify(result));
  return { ...result, breached: hasBreached(result), limit: limitOf(result) };
}

function close(actual: number | string | null | undefined, expected: number, tolerance = 1e-9): void {
  assert.ok(typeof actual === "number" && Math.abs(actual - expected) <= tolerance, `${actual} instead of ${expected}`);
}

// Features are rounded to 32 bits on both sides before they are binned.
const rates = [0.1, 0.2, 0.3].map(Math.fround);
const cycle = (values: readonly number[], rows: number) =>
  Array.from({ length: rows }, (_, i) => values[i % values.length] ?? 0);
const rateReference = numericReference(cycle(rates, 3000));

test("float32-serving-float64-reference, part A: the same rates in 32 bits are no drift for any detector", () => {
  const window = numericWindow(cycle(rates, 1500), rateReference);
  for (const { name, subjectKinds, featureKinds } of detectors) {
    if (!subjectKinds.includes("feature") || !featureKinds.includes("numeric")) continue;
    const { value, breached } = run(name, rateReference, window);
    assert.ok(!breached && value < 0.01, `${name}: ${value}`);
  }
  close(run("wasserstein", rateReference, window).value, 0, 1e-3);
});

test("float32-serving-float64-reference, part B: a real change of a third is seen", () => {
  const window = numericWindow(cycle([0.18, 0.2, 0.3].map(Math.fround), 1500), rateReference);
  const moved = run("total-variation", rateReference, window);
  // 0.18 lies in the bin that ends at 0.2: a third has left the bin of 0.1.
  close(moved.value, 1 / 3, 0.005);
  close(run("kolmogorov-smirnov", rateReference, window).value, 1 / 3, 0.005);
  const distance = run("wasserstein", rateReference, window);
  const bound = distance.detail?.["error_bound"];
  assert.ok(typeof bound === "number" && Math.abs(distance.value - 0.3265986324) <= bound);
  assert.ok(distance.value > 0.1);
  for (const name of ["total-variation", "kolmogorov-smirnov", "wasserstein", "jensen-shannon", "psi", "chi-squared"]) {
    assert.ok(run(name, rateReference, window).breached, `${name} sees nothing`);
  }
});

const flag = referenceOf({ categories: ["0"], bins: [50, 0, 0] });
const country = referenceOf({ categories: ["DE", "FR"], bins: [30, 20, 0, 0] });
const few = { min_rows: 10 };

test("constant-category-on-both-sides: a constant that stays is 0 with p 1, never NaN", () => {
  const window = windowOf({ bins: [10, 0, 0] });
  const chiSquared = run("chi-squared", flag, window, few);
  close(chiSquared.value, 0);
  close(chiSquared.detail?.["p_value"], 1);
  for (const name of ["jensen-shannon", "total-variation", "psi"]) {
    const { value, breached } = run(name, flag, window, few);
    assert.ok(!breached, name);
    close(value, 0);
  }
  const same = windowOf({ bins: [6, 4, 0, 0] });
  close(run("total-variation", country, same, few).value, 0);
  close(run("chi-squared", country, same, few).detail?.["p_value"], 1);
});

test("constant-category-on-both-sides: a category never seen has the textbook distances", () => {
  const window = windowOf({ bins: [8, 0, 2] });
  close(run("total-variation", flag, window, few).value, 0.2);
  close(run("jensen-shannon", flag, window, few).value, 0.3286815269);
  const chiSquared = run("chi-squared", flag, window, few);
  close(chiSquared.value, 10.3448275862);
  close(chiSquared.detail?.["p_value"], 0.0012983799);
  close(run("new-category-rate", flag, window, few).value, 0.2);
});

test("constant-category-on-both-sides: a reference that is missing in every row differs wholly from a window that is not", () => {
  const missing = referenceOf({ categories: [], bins: [0, 0], missing: 50 });
  close(run("total-variation", missing, windowOf({ bins: [0, 10] }), few).value, 1);
});
