/** Brier score and log-loss: by hand, at the ends, and least where the probabilities are true. scikit-learn's values are among the golden cases. */
import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { brierScore, logLoss } from "../../../src/math/proper-scores.ts";
import { assertClose } from "../../support/golden.ts";

test("both by hand: the mean of (p - y)², and of -ln of the probability of what happened", () => {
  const [probabilities, isPositive] = [
    [0.9, 0.2, 0.5],
    [true, false, true],
  ];
  assertClose(brierScore(probabilities, isPositive), (0.01 + 0.04 + 0.25) / 3, 1e-15, "Brier");
  assertClose(logLoss(probabilities, isPositive), -(Math.log(0.9) + Math.log(0.8) + Math.log(0.5)) / 3, 1e-15, "log");
});

test("certainty costs nothing where it is right; where it is wrong Brier is 1, and log-loss -ln of what it is clipped to", () => {
  assert.equal(brierScore([1, 0], [true, false]), 0);
  assertClose(logLoss([1, 0], [true, false]), 1e-15, 1e-17, "right");
  assert.equal(brierScore([1, 0], [false, true]), 1);
  assertClose(logLoss([0], [true]), -Math.log(1e-15), 1e-12, "wrongly 0");
  // 1 - 1e-15 is no double: what is left of 1 is 9 units in its last place.
  assertClose(logLoss([1], [false]), -Math.log(9 * 2 ** -53), 1e-12, "wrongly 1");
  assertClose(logLoss([0, 1], [true, false], 0.01), -Math.log(0.01), 1e-12, "clipped at 0.01");
});

test("a tiny probability of what did not happen is not lost in 1 - p", () => {
  assertClose(logLoss([1e-17], [false], 1e-20) / 1e-17, 1, 1e-12, "ln(1 - 1e-17)");
});

test("without rows there is no score", () => {
  assert.ok(Number.isNaN(brierScore([], [])) && Number.isNaN(logLoss([], [])));
});

test("of all constant probabilities the true share scores least, by both", () => {
  fc.assert(
    fc.property(
      fc.array(fc.boolean(), { minLength: 2, maxLength: 50 }),
      fc.double({ min: 0.001, max: 0.999, noNaN: true }),
      (isPositive, other) => {
        const share = isPositive.filter(Boolean).length / isPositive.length;
        for (const score of [brierScore, logLoss]) {
          const ofConstant = (probability: number) =>
            score(
              isPositive.map(() => probability),
              isPositive,
            );
          assert.ok(ofConstant(share) <= ofConstant(other) + 1e-12);
          if (Math.abs(share - other) > 0.01) assert.ok(ofConstant(share) < ofConstant(other));
        }
      },
    ),
    { seed: 7, numRuns: 200 },
  );
});
