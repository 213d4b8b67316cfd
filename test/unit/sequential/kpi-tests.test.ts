/** Laws of the tests for KPIs in [0, 1]: fair under the null by exact enumeration, sensitive outside of it. */
import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { logEvidenceOfMean, stepBound } from "../../../src/sequential/bound-test.ts";
import { type CompareState, initialComparison, stepComparison } from "../../../src/sequential/compare-test.ts";
import { rateInterval } from "../../../src/sequential/rate-interval.ts";

function binomialProbability(n: number, k: number, p: number): number {
  let probability = 1;
  for (let i = 1; i <= k; i++) probability *= (n - k + i) / i;
  return probability * p ** k * (1 - p) ** (n - k);
}

const counts = (n: number) => Array.from({ length: n + 1 }, (_, k) => k);

/** Per alternative: by how much the evidence grew in a step that took no time. */
const grown = (before: readonly number[], after: readonly number[]) =>
  after.map((value, index) => value - (before[index] ?? 0));

test("a mean against a bound: the mean of the evidence is 1 at the bound and below 1 under it", () => {
  const start = stepBound(0.1, [], { events: 0, sum: 0, weight: 1 });
  for (const rate of [0.02, 0.08, 0.1]) {
    const means = start.map(() => 0);
    for (const sum of counts(12)) {
      const gains = grown(start, stepBound(0.1, start, { events: 12, sum, weight: 0 }));
      for (const [index, gain] of gains.entries()) {
        means[index] = (means[index] ?? 0) + binomialProbability(12, sum, rate) * Math.exp(gain);
      }
    }
    for (const mean of means) {
      if (rate === 0.1) assert.ok(Math.abs(mean - 1) < 1e-12, `${mean}`);
      else assert.ok(mean < 1, `${mean} at ${rate}`);
    }
  }
});

test("a mean against a bound: values between 0 and 1 gain no more than the betting e-value", () => {
  fc.assert(
    fc.property(
      fc.double({ min: 0, max: 1, noNaN: true }),
      fc.double({ min: 0.01, max: 0.9, noNaN: true }),
      (x, bound) => {
        const start = stepBound(bound, [], { events: 0, sum: 0, weight: 1 });
        const gains = grown(start, stepBound(bound, start, { events: 1, sum: x, weight: 0 }));
        for (const [index, multiplier] of [1.1, 1.25, 1.5, 2, 4, 8, 32].entries()) {
          const odds = (multiplier * bound) / (1 - bound);
          const mean = odds / (1 + odds);
          const bet = 1 + ((mean - bound) * (x - bound)) / (bound * (1 - bound));
          assert.ok(Math.exp(gains[index] ?? 0) <= bet + 1e-12);
        }
      },
    ),
  );
});

test("a mean against a bound: alarms soon above it and never under it", () => {
  let above: readonly number[] = [];
  let under: readonly number[] = [];
  for (let pane = 0; pane < 50; pane++) {
    above = stepBound(0.1, above, { events: 100, sum: 15, weight: 1 });
    under = stepBound(0.1, under, { events: 100, sum: 9, weight: 1 });
  }
  assert.ok(logEvidenceOfMean(above) > Math.log(1e6));
  assert.ok(logEvidenceOfMean(under) < Math.log(50));
  assert.equal(logEvidenceOfMean([]), Number.NEGATIVE_INFINITY);
});

for (const tolerance of [0, 0.05]) {
  test(`two versions, tolerance ${tolerance}: the mean of the evidence is at most 1 for every pair of rates under the null`, () => {
    const past: CompareState = { ...initialComparison, events: 60, sum: 9, challengerEvents: 20 };
    const start = stepComparison(tolerance, past, still(1));
    let greatest = 0;
    for (const champion of [0.01, 0.05, 0.1, 0.15, 0.3, 0.6, 0.9]) {
      for (const challenger of [champion + tolerance, Math.max(0, champion - 0.05)]) {
        const means = start.evidence.map(() => 0);
        for (const championSum of counts(7)) {
          for (const challengerSum of counts(3)) {
            const taken = { championEvents: 7, championSum, challengerEvents: 3, challengerSum, weight: 0 };
            const probability =
              binomialProbability(7, championSum, champion) * binomialProbability(3, challengerSum, challenger);
            for (const [index, gain] of grown(
              start.evidence,
              stepComparison(tolerance, start, taken).evidence,
            ).entries()) {
              means[index] = (means[index] ?? 0) + probability * Math.exp(gain);
            }
          }
        }
        greatest = Math.max(greatest, ...means);
      }
    }
    assert.ok(greatest <= 1 + 1e-12 && greatest > 0.9, `${greatest}`);
  });
}

const still = (weight: number) => ({
  championEvents: 0,
  championSum: 0,
  challengerEvents: 0,
  challengerSum: 0,
  weight,
});

test("two versions: a pane of one version alone is no evidence, but is remembered", () => {
  const start = stepComparison(0, initialComparison, still(1));
  const taken = { championEvents: 0, championSum: 0, challengerEvents: 50, challengerSum: 40, weight: 0 };
  const after = stepComparison(0, start, taken);
  assert.deepEqual(after.evidence, start.evidence);
  assert.deepEqual([after.events, after.sum, after.challengerEvents], [50, 40, 50]);
});

test("the interval of a rate holds the observed rate, narrows with events and widens with certainty", () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 5000 }), fc.double({ min: 0, max: 1, noNaN: true }), (trials, share) => {
      const events = Math.round(trials * share);
      const { lower, upper } = rateInterval(events, trials, 0.05);
      assert.ok(lower >= 0 && upper <= 1 && lower <= events / trials && events / trials <= upper);
      const surer = rateInterval(events, trials, 0.01);
      assert.ok(surer.lower <= lower && upper <= surer.upper);
      const more = rateInterval(events * 10, trials * 10, 0.05);
      assert.ok(more.upper - more.lower < upper - lower);
      const mirrored = rateInterval(trials - events, trials, 0.05);
      assert.ok(Math.abs(mirrored.lower - (1 - upper)) < 1e-9);
    }),
  );
  assert.deepEqual(rateInterval(0, 0, 0.05), { lower: 0, upper: 1 });
});

test("the interval of a rate covers the truth at all times at once, with the probability that it states", () => {
  // All paths of 12 events, so that the probability is exact.
  const rate = 0.3;
  let outside = 0;
  for (let path = 0; path < 2 ** 12; path++) {
    let events = 0;
    let left = false;
    for (let trial = 1; trial <= 12; trial++) {
      events += (path >> (trial - 1)) & 1;
      const { lower, upper } = rateInterval(events, trial, 0.2);
      left ||= rate < lower || rate > upper;
    }
    if (left) outside += rate ** events * (1 - rate) ** (12 - events);
  }
  assert.ok(outside > 0 && outside <= 0.2, `${outside}`);
});
