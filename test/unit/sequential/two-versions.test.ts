/** Two versions on the same events, and intervals for their difference: laws by exact enumeration, and budgets on seeded streams. */
import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { seededRandom } from "../../../src/math/seeded-random.ts";
import { logEvidenceOfMean, type MeanTestState, stepBound } from "../../../src/sequential/bound-test.ts";
import { type CompareState, initialComparison, stepComparison } from "../../../src/sequential/compare-test.ts";
import { pairedDifferenceInterval, rateDifferenceInterval } from "../../../src/sequential/difference-interval.ts";
import { stepPaired } from "../../../src/sequential/paired-test.ts";
import { binomial, multinomial, type Random } from "../../support/draws.ts";

const grown = (before: readonly number[], after: readonly number[]) =>
  after.map((value, index) => value - (before[index] ?? 0));
const still = { challengerOnly: 0, championOnly: 0, alike: 0 };

test("without a tolerance the same events are tested as a bound of a half on those that exactly one has wrong", () => {
  let paired: MeanTestState = [];
  let halved: MeanTestState = [];
  for (const [challengerOnly, championOnly, alike] of [
    [3, 5, 92],
    [9, 2, 40],
    [0, 0, 7],
  ] as const) {
    paired = stepPaired(0, paired, { challengerOnly, championOnly, alike, weight: 1 });
    halved = stepBound(0.5, halved, { events: challengerOnly + championOnly, sum: challengerOnly, weight: 1 });
  }
  for (const [index, value] of paired.entries()) assert.ok(Math.abs(value - (halved[index] ?? 0)) < 1e-9);
});

test("the same events: the mean of the evidence is at most 1 for every law under the null, and 1 at its edge", () => {
  fc.assert(
    fc.property(
      fc.constantFrom(0, 0.01, 0.1, 0.5),
      fc.double({ min: 0, max: 1, noNaN: true }),
      fc.double({ min: 0, max: 1, noNaN: true }),
      (tolerance, part, rest) => {
        // The challenger alone errs as often as is allowed, or less.
        const championOnly = (rest * (1 - tolerance)) / 2;
        const challengerOnly = (championOnly + tolerance) * part;
        const alike = 1 - championOnly - challengerOnly;
        const start = stepPaired(tolerance, [], { ...still, weight: 1 });
        const gains = [
          [challengerOnly, { ...still, challengerOnly: 1 }],
          [championOnly, { ...still, championOnly: 1 }],
          [alike, { ...still, alike: 1 }],
        ] as const;
        const means = start.map(() => 0);
        for (const [probability, counts] of gains)
          for (const [index, gain] of grown(start, stepPaired(tolerance, start, { ...counts, weight: 0 })).entries())
            means[index] = (means[index] ?? 0) + probability * Math.exp(gain);
        for (const mean of means) assert.ok(mean <= 1 + 1e-12, `${mean}`);
        if (part === 1) for (const mean of means) assert.ok(Math.abs(mean - 1) < 1e-12, `${mean}`);
      },
    ),
  );
});

const STREAMS = 400;
const STEPS = 200;
const THRESHOLD = 5 * STEPS;
/** Three standard errors above a fifth. */
const MOST = STREAMS * (0.2 + 3 * Math.sqrt((0.2 * 0.8) / STREAMS));

/** Streams of which the evidence reaches the threshold. */
function alarmed<State>(
  initial: State,
  step: (state: State, random: Random) => State,
  evidence: (state: State) => number,
): number {
  let count = 0;
  for (let seed = 1; seed <= STREAMS; seed++) {
    const random = seededRandom(seed * 15_485_863);
    let state = initial;
    for (let at = 0; at < STEPS; at++) {
      state = step(state, random);
      if (evidence(state) < Math.log(THRESHOLD)) continue;
      count++;
      break;
    }
  }
  return count;
}

for (const tolerance of [0, 0.02]) {
  test(`shadow traffic, tolerance ${tolerance}: the budget holds at the edge of the null, and a worse challenger is told`, () => {
    const run = (more: number) =>
      alarmed<MeanTestState>(
        [],
        (state, random) => {
          const [challengerOnly = 0, championOnly = 0, alike = 0] = multinomial(random, 100, [
            0.05 + tolerance + more,
            0.05,
            0.9 - tolerance - more,
          ]);
          return stepPaired(tolerance, state, { challengerOnly, championOnly, alike, weight: 1 });
        },
        logEvidenceOfMean,
      );
    const falsely = run(0);
    assert.ok(falsely <= MOST, `${falsely} of ${STREAMS}`);
    const found = run(0.02);
    assert.ok(found >= 0.95 * STREAMS, `${found} of ${STREAMS}`);
  });

  test(`split traffic of nine to one, tolerance ${tolerance}: the budget holds at the edge of the null, and a worse challenger is told`, () => {
    const run = (more: number) =>
      alarmed<CompareState>(
        initialComparison,
        (state, random) => {
          const challengerEvents = binomial(random, 200, 0.1);
          const championEvents = 200 - challengerEvents;
          return stepComparison(tolerance, state, {
            championEvents,
            championSum: binomial(random, championEvents, 0.1),
            challengerEvents,
            challengerSum: binomial(random, challengerEvents, 0.1 + tolerance + more),
            weight: 1,
          });
        },
        ({ evidence }) => logEvidenceOfMean(evidence),
      );
    const falsely = run(0);
    assert.ok(falsely <= MOST, `${falsely} of ${STREAMS}`);
    const found = run(0.1);
    assert.ok(found >= 0.95 * STREAMS, `${found} of ${STREAMS}`);
  });
}

test("shadow traffic tested as if it were split breaks nothing but finds less: pairs are worth having", () => {
  // Hard events are hard for both: 20 % of them, and the challenger errs on one in a hundred more.
  const draw = (random: Random) => multinomial(random, 100, [0.02, 0.01, 0.2, 0.77]);
  const paired = alarmed<MeanTestState>(
    [],
    (state, random) => {
      const [challengerOnly = 0, championOnly = 0, both = 0, neither = 0] = draw(random);
      return stepPaired(0, state, { challengerOnly, championOnly, alike: both + neither, weight: 1 });
    },
    logEvidenceOfMean,
  );
  const split = alarmed<CompareState>(
    initialComparison,
    (state, random) => {
      const [challengerOnly = 0, championOnly = 0, both = 0] = draw(random);
      return stepComparison(0, state, {
        championEvents: 100,
        championSum: championOnly + both,
        challengerEvents: 100,
        challengerSum: challengerOnly + both,
        weight: 1,
      });
    },
    ({ evidence }) => logEvidenceOfMean(evidence),
  );
  assert.ok(paired >= 0.9 * STREAMS && split <= 0.5 * STREAMS, `${paired} and ${split} of ${STREAMS}`);
});

test("intervals of a difference hold what was seen, narrow with events, turn with the sides, and are whole without any", () => {
  const whole = { lower: -1, upper: 1 };
  assert.deepEqual(rateDifferenceInterval({ sum: 0, events: 0 }, { sum: 1, events: 5 }, 0.05), whole);
  assert.deepEqual(pairedDifferenceInterval({ challengerOnly: 0, championOnly: 0, alike: 0 }, 0.05), whole);
  const count = fc.integer({ min: 0, max: 500 });
  fc.assert(
    fc.property(count, count, count, count, (a, b, c, d) => {
      fc.pre(a + b > 0 && c + d > 0);
      const [first, second] = [
        { sum: a, events: a + b },
        { sum: c, events: c + d },
      ];
      const { lower, upper } = rateDifferenceInterval(first, second, 0.05);
      const seen = c / (c + d) - a / (a + b);
      assert.ok(-1 <= lower && lower <= seen + 1e-12 && seen <= upper + 1e-12 && upper <= 1);
      const turned = rateDifferenceInterval(second, first, 0.05);
      assert.ok(Math.abs(turned.lower + upper) < 1e-6 && Math.abs(turned.upper + lower) < 1e-6);
      const surer = rateDifferenceInterval(first, second, 0.01);
      assert.ok(surer.lower <= lower + 1e-12 && upper <= surer.upper + 1e-12);
      const tenfold = ({ sum, events }: typeof first) => ({ sum: 10 * sum, events: 10 * events });
      const more = rateDifferenceInterval(tenfold(first), tenfold(second), 0.05);
      assert.ok(more.upper - more.lower <= upper - lower + 1e-9);
      const pairs = pairedDifferenceInterval({ challengerOnly: a, championOnly: b, alike: c }, 0.05);
      const difference = (a - b) / (a + b + c);
      assert.ok(pairs.lower <= difference + 1e-12 && difference <= pairs.upper + 1e-12);
    }),
    { numRuns: 60 },
  );
});

test("intervals of a difference cover the truth at all times at once, and are of use", () => {
  const alpha = 0.1;
  let [outside, outsidePaired] = [0, 0];
  const streams = 120;
  for (let seed = 1; seed <= streams; seed++) {
    const random = seededRandom(seed * 32_452_843);
    const [first, second] = [
      { sum: 0, events: 0 },
      { sum: 0, events: 0 },
    ];
    const counts = { challengerOnly: 0, championOnly: 0, alike: 0 };
    let [left, leftPaired] = [false, false];
    for (let step = 0; step < 14; step++) {
      const size = 5 * 1.7 ** step;
      for (const [side, rate] of [
        [first, 0.1],
        [second, 0.15],
      ] as const) {
        side.sum += binomial(random, Math.round(size), rate);
        side.events += Math.round(size);
      }
      const { lower, upper } = rateDifferenceInterval(first, second, alpha);
      left ||= lower > 0.05 || upper < 0.05;
      const [one = 0, other = 0, alike = 0] = multinomial(random, Math.round(size), [0.08, 0.03, 0.89]);
      counts.challengerOnly += one;
      counts.championOnly += other;
      counts.alike += alike;
      const pairs = pairedDifferenceInterval(counts, alpha);
      leftPaired ||= pairs.lower > 0.05 || pairs.upper < 0.05;
    }
    outside += Number(left);
    outsidePaired += Number(leftPaired);
  }
  const most = streams * (alpha + 3 * Math.sqrt((alpha * (1 - alpha)) / streams));
  assert.ok(outside <= most && outsidePaired <= most, `${outside} and ${outsidePaired} of ${streams}`);
  const wide = rateDifferenceInterval({ sum: 1000, events: 10_000 }, { sum: 1500, events: 10_000 }, 0.05);
  assert.ok(wide.lower > 0.025 && wide.upper < 0.075, `${wide.lower} to ${wide.upper}`);
  const narrow = pairedDifferenceInterval({ challengerOnly: 600, championOnly: 100, alike: 9300 }, 0.05);
  assert.ok(narrow.lower > 0.035 && narrow.upper < 0.065, `${narrow.lower} to ${narrow.upper}`);
});
