/** The reading of the golden cases' rules. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { applyRule } from "../../golden/rule.ts";

test("a rule is read row by row, each assignment seeing those before it", () => {
  const { y, z } = applyRule("y = 2*x + 1; z = y >= 5 ? y : -x", { x: [1, 2, 3] });
  assert.deepEqual(y, [3, 5, 7]);
  assert.deepEqual(z, [-1, 5, 7]);
});

test("a rule keeps the order of operations: products before sums, sums before comparisons, left to right", () => {
  const of = (rule: string) => applyRule(`y = ${rule}`, { x: [0.35] })["y"]?.[0];
  assert.equal(of("8 - 4 - 2"), 2);
  assert.equal(of("2 + 3 * 4 / 6"), 4);
  assert.equal(of("(2 + 3) * 4"), 20);
  assert.equal(of("floor(x*10)/10"), 0.3);
  assert.equal(of("1 + 1 < 3"), 1);
  assert.equal(of("x*x*(3-2*x)"), 0.35 * 0.35 * (3 - 2 * 0.35));
});

test("a rule may name places of a list, and assign under a condition", () => {
  const group = [0, 1, 2, 2];
  const { y } = applyRule("y = v < [.5,.4,.3][group] ? 1 : 0; if group = 2 and v > 0.2: y = 5", {
    group,
    v: [0.45, 0.45, 0.25, 0.1],
  });
  assert.deepEqual(y, [1, 0, 5, 1]);
  assert.deepEqual(applyRule("y = [1,2][group]", { group })["y"], [1, 2, Number.NaN, Number.NaN]);
});

test("a rule that cannot be read is refused with the place", () => {
  assert.throws(() => applyRule("y = x +", { x: [1] }), /cannot be read/);
  assert.throws(() => applyRule("y = (x", { x: [1] }), /an end/);
  assert.throws(() => applyRule("y = w", { x: [1] }), /"w"/);
  assert.throws(() => applyRule("calibrated", { x: [1] }), /no assignment/);
  assert.throws(() => applyRule("y = [1, 2]", { x: [1] }), /an end/);
  assert.throws(() => applyRule("if x: 2", { x: [1] }), /no assignment/);
  assert.throws(() => applyRule("y = x 2", { x: [1] }), /from "2" on/);
});
