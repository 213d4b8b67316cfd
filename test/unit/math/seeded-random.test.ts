/** The one seeded generator of simulations and tests. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { seededRandom } from "../../../src/math/seeded-random.ts";

const drawn = (seed: number, n: number) => Array.from({ length: n }, seededRandom(seed));

test("the same seed gives the same numbers, another seed others", () => {
  assert.deepEqual(drawn(5, 20), drawn(5, 20));
  assert.notDeepEqual(drawn(5, 20), drawn(6, 20));
});

test("the numbers are uniform over [0, 1), and so are those that follow a small one", () => {
  for (const seed of [0, 1, 20_260_302]) {
    const numbers = drawn(seed, 100_000);
    assert.ok(numbers.every((value) => value >= 0 && value < 1));
    const followers = numbers.filter((_, index) => (numbers[index - 1] ?? 1) < 0.1);
    for (const sample of [numbers, followers]) {
      const counts = Array.from({ length: 16 }, () => 0);
      for (const value of sample) counts[Math.floor(value * 16)] = (counts[Math.floor(value * 16)] ?? 0) + 1;
      const expected = sample.length / 16;
      const chiSquared = counts.reduce((sum, count) => sum + (count - expected) ** 2 / expected, 0);
      // The 0.01 % and 99.99 % points of 15 degrees of freedom.
      assert.ok(chiSquared > 1.8 && chiSquared < 44.3, `${seed}: ${chiSquared}`);
    }
  }
});
