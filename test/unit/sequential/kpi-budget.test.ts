/**
 * The budget of each kind of KPI that the page tier tests, on seeded streams that lie exactly at their bound, where the null is hardest to keep: of
 * streams watched for a fifth of the time per false alarm, at most a fifth may alarm.
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { badAndGood } from "../../../src/math/confusion-rates.ts";
import { logSumExp } from "../../../src/math/log-sum-exp.ts";
import { seededRandom } from "../../../src/math/seeded-random.ts";
import { logEvidenceOfMean, type MeanTestState, stepBound } from "../../../src/sequential/bound-test.ts";
import { binomial, multinomial, normals, type Random } from "../../support/draws.ts";

type Sums = readonly [bad: number, good: number];
/** The sums of a stream's next window of about so many events. */
type Window = (random: Random) => Sums;

const STREAMS = 400;
const STEPS = 200;
const THRESHOLD = 5 * STEPS;
/** Three standard errors above a fifth. */
const MOST = STREAMS * (0.2 + 3 * Math.sqrt((0.2 * 0.8) / STREAMS));

function alarms(bounds: readonly number[], window: Window): number {
  let alarmed = 0;
  for (let seed = 1; seed <= STREAMS; seed++) {
    const random = seededRandom(seed * 104_729);
    let states: readonly MeanTestState[] = bounds.map(() => []);
    for (let step = 0; step < STEPS; step++) {
      const [bad, good] = window(random);
      states = states.map((state, side) =>
        stepBound(bounds[side] ?? 0, state, { events: bad + good, sum: side === 0 ? bad : good, weight: 1 }),
      );
      const evidence = logSumExp(states.map(logEvidenceOfMean)) - Math.log(states.length);
      if (evidence < Math.log(THRESHOLD)) continue;
      alarmed++;
      break;
    }
  }
  return alarmed;
}

interface Kind {
  /** One, or two of a mean and its complement. */
  readonly bounds: readonly number[];
  readonly atBound: Window;
  readonly beyond: Window;
}

const sumOver = (n: number, event: () => Sums): Sums => {
  let [bad, good] = [0, 0];
  for (let index = 0; index < n; index++) {
    const [more, less] = event();
    bad += more;
    good += less;
  }
  return [bad, good];
};

/** Confusion counts with these shares (tp, fp, fn, tn). */
const ofCounts =
  (rate: "precision" | "f1" | "recall", shares: readonly number[]): Window =>
  (random) => {
    const [tp = 0, fp = 0, fn = 0, tn = 0] = multinomial(random, 60, shares);
    const { bad, good } = badAndGood(rate, { tp, fp, fn, tn });
    return [bad, good];
  };

/** Errors of mean 1 above a power law, each counting 4 at most. */
const heavyErrors =
  (mean: number): Window =>
  (random) =>
    sumOver(60, () => {
      const loss = mean * 0.6 * (1 - random()) ** (-1 / 2.5);
      const bad = Math.min(loss, 4) / 4;
      return [bad, 1 - bad];
    });

/** Estimated recall: scores are probabilities, and a row is decided to be positive above a half. Of U^2 half of the weight lies above 0.5. */
const MISSED_WEIGHT = 0.5 ** 1.5;
const estimatedRecall =
  (more: number): Window =>
  (random) =>
    sumOver(60, () => {
      const score = random() ** 2;
      const isDecided = score > 0.5 && random() > more;
      return isDecided ? [0, score] : [score, 0];
    });

/** Labels that are positive by so much more often than the scores say. */
const miscalibrated =
  (by: number): Window =>
  (random) =>
    sumOver(60, () => {
      const score = 0.1 + 0.8 * random();
      const z = (1 + Number(random() < score + by) - score) / 2;
      return [z, 1 - z];
    });

const kinds: Readonly<Record<string, Kind>> = {
  // 0.3 / 0.4 are right, and 0.25 / 0.4 beyond.
  precision: {
    bounds: [0.25],
    atBound: ofCounts("precision", [0.3, 0.1, 0.2, 0.4]),
    beyond: ofCounts("precision", [0.25, 0.15, 0.2, 0.4]),
  },
  f1: {
    bounds: [1 - 0.6 / 0.9],
    atBound: ofCounts("f1", [0.3, 0.1, 0.2, 0.4]),
    beyond: ofCounts("f1", [0.25, 0.15, 0.25, 0.35]),
  },
  "recall of a rare class": {
    bounds: [0.5],
    atBound: ofCounts("recall", [0.02, 0.1, 0.02, 0.86]),
    beyond: ofCounts("recall", [0.01, 0.1, 0.04, 0.85]),
  },
  "the estimate of recall": { bounds: [MISSED_WEIGHT], atBound: estimatedRecall(0), beyond: estimatedRecall(0.2) },
  "a mean error with a heavy tail": { bounds: [0.25], atBound: heavyErrors(1), beyond: heavyErrors(1.3) },
  "a mean squared error": {
    bounds: [1 / 6],
    atBound: (random) => squaredErrors(random, 1),
    beyond: (random) => squaredErrors(random, 1.2),
  },
  "calibration, scores too low": {
    bounds: [0.515, 0.515],
    atBound: miscalibrated(0.03),
    beyond: miscalibrated(0.1),
  },
  "calibration, scores too high": {
    bounds: [0.515, 0.515],
    atBound: miscalibrated(-0.03),
    beyond: miscalibrated(-0.1),
  },
};

function squaredErrors(random: Random, deviation: number): Sums {
  const normal = normals(random);
  return sumOver(60, () => {
    const bad = Math.min((deviation * normal()) ** 2, 6) / 6;
    return [bad, 1 - bad];
  });
}

for (const [name, { bounds, atBound, beyond }] of Object.entries(kinds)) {
  test(`${name}: the budget holds at the bound, and what is beyond is told`, () => {
    const atMost = alarms(bounds, atBound);
    assert.ok(atMost <= MOST, `${atMost} of ${STREAMS} alarm, ${MOST} are the most`);
    const found = alarms(bounds, beyond);
    assert.ok(found >= 0.95 * STREAMS, `${found} of ${STREAMS} are found`);
  });
}

test("windows whose size hangs on what went wrong before keep the budget", () => {
  let last = 0;
  const found = alarms([0.25], (random) => {
    const n = last > 0.25 ? 20 : 200;
    const bad = binomial(random, n, 0.25);
    last = bad / n;
    return [bad, n - bad];
  });
  assert.ok(found <= MOST, `${found} of ${STREAMS}`);
});

test("precision counted over the whole window instead of its set breaks the budget: the simulation can fail", () => {
  const ofSet = ofCounts("precision", [0.03, 0.01, 0.2, 0.76]);
  const found = alarms([0.25], (random) => {
    const [bad, good] = ofSet(random);
    const share = bad / Math.max(1, bad + good);
    return [60 * share, 60 * (1 - share)];
  });
  assert.ok(found > MOST, `only ${found} of ${STREAMS}`);
});

test("an event that counts in part, for good and for bad, adds evidence of mean at most 1 under the null", () => {
  const part = fc.double({ min: 0, max: 1, noNaN: true });
  fc.assert(
    fc.property(
      fc.array(fc.tuple(part, part, part), { minLength: 1, maxLength: 6 }),
      fc.double({ min: 0.01, max: 0.99, noNaN: true }),
      (drawn, share) => {
        // Each event is equally likely to be one of these; its bad and good part are at most 1 together.
        const events = drawn.map(([weight, bad]) => [weight * bad, weight * (1 - bad)] as const);
        const bad = events.reduce((sum, [one]) => sum + one, 0);
        const all = events.reduce((sum, [one, other]) => sum + one + other, 0);
        fc.pre(all > 1e-6);
        const bound = Math.max(bad / all, share);
        fc.pre(bound > 1e-3 && bound < 0.999);
        const start = stepBound(bound, [], { events: 0, sum: 0, weight: 1 });
        const means = start.map(() => 0);
        for (const [one, other] of events) {
          const after = stepBound(bound, start, { events: one + other, sum: one, weight: 0 });
          for (const [index, value] of after.entries())
            means[index] = (means[index] ?? 0) + Math.exp(value - (start[index] ?? 0)) / events.length;
        }
        assert.ok(Math.max(...means) <= 1 + 1e-9, `${Math.max(...means)}`);
      },
    ),
  );
});
