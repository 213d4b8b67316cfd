/** Logarithms of sums and of rising factorials, where the plain forms lose their digits or overflow. */
import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { urnExcess, urnLogProbability } from "../../../src/math/dirichlet-multinomial.ts";
import { logAddExp, logSumExp } from "../../../src/math/log-sum-exp.ts";
import { risingFactorialExcess } from "../../../src/math/rising-factorial.ts";

const finite = fc.double({ min: -600, max: 600, noNaN: true });

test("the logarithm of a sum equals the plain form where that does not overflow", () => {
  fc.assert(
    fc.property(fc.array(finite, { minLength: 1, maxLength: 8 }), (values) => {
      const plain = Math.log(values.reduce((sum, value) => sum + Math.exp(value), 0));
      assert.ok(Math.abs(logSumExp(values) - plain) <= 1e-12 * Math.max(1, Math.abs(plain)));
      const added = values.reduce((sum, value) => logAddExp(sum, value), Number.NEGATIVE_INFINITY);
      assert.ok(Math.abs(added - plain) <= 1e-12 * Math.max(1, Math.abs(plain)));
    }),
  );
});

test("sums of huge and of no evidence", () => {
  assert.equal(logSumExp([]), Number.NEGATIVE_INFINITY);
  assert.equal(logSumExp([Number.NEGATIVE_INFINITY, Number.NEGATIVE_INFINITY]), Number.NEGATIVE_INFINITY);
  assert.equal(logAddExp(Number.NEGATIVE_INFINITY, Number.NEGATIVE_INFINITY), Number.NEGATIVE_INFINITY);
  assert.equal(logAddExp(5000, Number.NEGATIVE_INFINITY), 5000);
  assert.equal(logAddExp(5000, 5000), 5000 + Math.LN2);
  assert.equal(logSumExp([5000, 5000, -5000]), 5000 + Math.LN2);
});

/** The sum of ln(1 + i/a) over i < c, with what rounding takes carried along (Neumaier). */
function summed(a: number, c: number): number {
  let sum = 0;
  let carried = 0;
  for (let i = 1; i < c; i++) {
    const term = Math.log1p(i / a);
    const next = sum + term;
    carried += Math.abs(sum) >= term ? sum - next + term : term - next + sum;
    sum = next;
  }
  return sum + carried;
}

test("the rising factorial over the power equals its sum of logarithms, for small and for huge weights", () => {
  for (const a of [1, 1.5, 7.25, 15.9, 16, 100, 9999, 1e8, 1e12]) {
    for (const c of [0, 1, 2, 3, 14, 15, 16, 17, 59, 60, 61, 1000, 100_000]) {
      const expected = summed(a, c);
      const error = Math.abs(risingFactorialExcess(a, c) - expected);
      assert.ok(error <= 4e-15 * Math.max(c, expected), `a ${a}, c ${c}: off by ${error}`);
    }
  }
});

test("a sequence's probabilities over all sequences sum to 1, and a batch in two parts is the product", () => {
  const weights = [3, 1, 7.5];
  let sum = 0;
  for (let first = 0; first <= 5; first++) {
    for (let second = 0; first + second <= 5; second++) {
      const third = 5 - first - second;
      const ways = factorial(5) / (factorial(first) * factorial(second) * factorial(third));
      sum += ways * Math.exp(urnLogProbability(weights, [first, second, third]));
    }
  }
  assert.ok(Math.abs(sum - 1) < 1e-13, `${sum}`);
  const whole = urnLogProbability(weights, [4, 70, 9]);
  const parts = urnLogProbability(weights, [1, 20, 9]) + urnLogProbability([4, 21, 16.5], [3, 50, 0]);
  assert.ok(Math.abs(whole - parts) < 1e-12 * Math.abs(whole));
});

test("one event tells nothing beyond the fixed shares", () => {
  assert.equal(urnExcess([3, 1, 7.5], 0, [0, 1, 0], 11.5), 0);
});

const factorial = (n: number): number => (n < 2 ? 1 : n * factorial(n - 1));
