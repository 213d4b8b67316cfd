/** Laws of the tilt detector: its evidence is fair under the null, by exact enumeration, and its state is a function of the steps. */
import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { urnLogProbability } from "../../../src/math/dirichlet-multinomial.ts";
import { directionsOf } from "../../../src/sequential/directions.ts";
import { fitPagePlan } from "../../../src/sequential/fit-page-plan.ts";
import type { StreamReference } from "../../../src/sequential/stream-reference.ts";
import {
  advance,
  evidenceOf,
  initialState,
  leadingTilt,
  logEvidenceOf,
  onsetOf,
  rearm,
  type Step,
  step,
  type TiltState,
} from "../../../src/sequential/tilt-detector.ts";
import { noticePlan, pagePlan, type TiltPlan } from "../../../src/sequential/tilt-plan.ts";
import { rowOfState, stateOfRow } from "../../../src/sequential/tilt-state-row.ts";
import { wordsOf } from "../../../src/sequential/tilt-words.ts";
import { streamOfWeights } from "../../support/streams.ts";

const numeric = streamOfWeights("numeric", [1, 12, 30, 45, 20, 1]);
const categories = streamOfWeights("categorical", [60, 30, 9, 1]);
const rate = streamOfWeights("rate", [3, 97]);
const streams: Readonly<Record<string, StreamReference>> = { numeric, categories, rate };
const wanted = { ignoreBelow: 0.03 };
const plansOf = (stream: StreamReference): readonly TiltPlan[] => [
  noticePlan(stream, { fading: 2 }),
  noticePlan(stream, { designEffects: directionsOf(stream).map((_, index) => 1 + (index % 3)) }),
  fitPagePlan(stream, wanted),
];
const plans = Object.values(streams).flatMap(plansOf);

/** All counts of so many events over so many bins. */
function allCounts(events: number, bins: number): number[][] {
  if (bins === 1) return [[events]];
  return Array.from({ length: events + 1 }, (_, first) => first).flatMap((first) =>
    allCounts(events - first, bins - 1).map((rest) => [first, ...rest]),
  );
}

function sequences(counts: readonly number[]): number {
  let ways = 1;
  let events = 0;
  for (const count of counts) for (let i = 1; i <= count; i++) ways *= ++events / i;
  return ways;
}

const steps = (bins: number): fc.Arbitrary<Step[]> =>
  fc.array(
    fc.record({
      counts: fc.array(fc.oneof(fc.constant(0), fc.nat(300)), { minLength: bins, maxLength: bins }),
      weight: fc.constantFrom(0, 0.25, 1, 60),
    }),
    { minLength: 1, maxLength: 12 },
  );

/** By name, since a plan in full would be printed with every counterexample. */
const planNames = plans.map((plan, index) => `${plan.tier} tier, ${plan.stream.kind}, plan ${index}`);
const planOf = (name: string): TiltPlan => {
  const plan = plans[planNames.indexOf(name)];
  assert.ok(plan !== undefined);
  return plan;
};
const planWithSteps = fc
  .constantFrom(...planNames)
  .chain((name) => fc.tuple(fc.constant(name), steps(planOf(name).stream.weights.length)));

function run(plan: TiltPlan, taken: readonly Step[], from = initialState(plan)): TiltState {
  let state = from;
  for (const one of taken) state = step(plan, state, one);
  return state;
}

for (const [name, stream] of Object.entries(streams)) {
  test(`notice tier, ${name}: each tilt's evidence has the mean 1 under the urn, before and after learning`, () => {
    const plan = noticePlan(stream);
    const learned = run(plan, [{ counts: stream.weights.map((_, bin) => 3 * bin), weight: 1 }]);
    for (const state of [initialState(plan), learned]) {
      const means = plan.tilts.map(() => 0);
      for (const counts of allCounts(4, stream.weights.length)) {
        const probability = sequences(counts) * Math.exp(urnLogProbability(state.urn, counts));
        for (const [tilt, nats] of evidenceOf(plan, state, counts).entries()) {
          means[tilt] = (means[tilt] ?? 0) + probability * Math.exp(nats);
        }
      }
      for (const [tilt, mean] of means.entries())
        assert.ok(Math.abs(mean - 1) < 1e-12, `${wordsOf(plan, tilt)}: ${mean}`);
    }
  });

  test(`notice tier, ${name}: with a design effect the mean is below 1`, () => {
    const plan = noticePlan(stream, { designEffects: directionsOf(stream).map(() => 2.5) });
    const state = initialState(plan);
    const means = plan.tilts.map(() => 0);
    for (const counts of allCounts(4, stream.weights.length)) {
      const probability = sequences(counts) * Math.exp(urnLogProbability(state.urn, counts));
      for (const [tilt, nats] of evidenceOf(plan, state, counts).entries()) {
        means[tilt] = (means[tilt] ?? 0) + probability * Math.exp(nats);
      }
    }
    for (const mean of means) assert.ok(mean < 1 && mean > 0.2, `${mean}`);
  });

  test(`page tier, ${name}: the mean under the worst law within the tolerance is exactly 1`, () => {
    const directions = directionsOf(stream);
    const tolerances = directions.map(({ isSet }) => (isSet ? 0.004 : 0.03));
    const plan = pagePlan(stream, [{ weights: stream.weights, tolerances }]);
    const state = initialState(plan);
    assert.ok(plan.tilts.length > 0);
    const all = stream.weights.reduce((sum, weight) => sum + weight, 0);
    const shares = stream.weights.map((weight) => weight / all);
    const factors = stream.weights.map((_, bin) =>
      evidenceOf(
        plan,
        state,
        stream.weights.map((__, other) => (other === bin ? 1 : 0)),
      ).map(Math.exp),
    );
    for (const [tilt, { direction }] of plan.tilts.entries()) {
      const mean = worstMean(
        shares,
        factors.map((ofBin) => ofBin[tilt] ?? 0),
        tolerances[direction] ?? 0,
      );
      assert.ok(Math.abs(mean - 1) < 1e-12, `${wordsOf(plan, tilt)}: ${mean}`);
    }
  });
}

/** The greatest mean of the factors over all laws within a total-variation distance: mass moves from the least to the greatest factor. */
function worstMean(shares: readonly number[], factors: readonly number[], distance: number): number {
  let mean = shares.reduce((sum, share, bin) => sum + share * (factors[bin] ?? 0), 0);
  const greatest = Math.max(...factors);
  let left = distance;
  for (const bin of [...shares.keys()].sort((a, b) => (factors[a] ?? 0) - (factors[b] ?? 0))) {
    const taken = Math.min(left, shares[bin] ?? 0);
    mean += taken * (greatest - (factors[bin] ?? 0));
    left -= taken;
  }
  return mean;
}

test("replaying the same steps gives the same state bit for bit, and a step leaves the state before it alone", () => {
  fc.assert(
    fc.property(planWithSteps, ([name, taken]) => {
      const plan = planOf(name);
      const before = initialState(plan);
      const row = rowOfState(before);
      const first = run(plan, taken, before);
      assert.deepEqual(rowOfState(before), row);
      const second = initialState(plan);
      for (const one of taken) advance(plan, second, one);
      assert.deepEqual(rowOfState(second), rowOfState(first));
    }),
  );
});

test("a state survives JSON at every step", () => {
  fc.assert(
    fc.property(planWithSteps, fc.nat(12), ([name, taken], at) => {
      const plan = planOf(name);
      const kept = run(plan, taken.slice(0, at));
      const row: unknown = JSON.parse(JSON.stringify(rowOfState(kept)));
      assert.ok(Array.isArray(row));
      const restored = stateOfRow(plan, row.map(Number));
      assert.deepEqual(restored, kept);
      assert.deepEqual(run(plan, taken.slice(at), restored), run(plan, taken.slice(at), kept));
    }),
  );
});

test("a state of another plan is refused", () => {
  const row = rowOfState(initialState(fitPagePlan(numeric, wanted)));
  assert.throws(() => stateOfRow(noticePlan(numeric), row), RangeError);
  assert.throws(() => stateOfRow(fitPagePlan(numeric, wanted), [...row.slice(1), Number.NaN]), RangeError);
});

test("evidence is finite for every count, however large", () => {
  fc.assert(
    fc.property(
      fc.constantFrom(...planNames),
      fc.array(fc.nat(1e9), { minLength: 6, maxLength: 6 }),
      (name, counts) => {
        const plan = planOf(name);
        const cut = counts.slice(0, plan.stream.weights.length);
        const state = run(plan, [{ counts: cut, weight: 1 }]);
        assert.ok(rowOfState(state).every(Number.isFinite));
      },
    ),
  );
});

test("page tier: a pane is the sum of its partitions", () => {
  const pane = fc.array(fc.nat(200), { minLength: 6, maxLength: 6 });
  fc.assert(
    fc.property(pane, pane, (one, other) => {
      const plan = fitPagePlan(numeric, wanted);
      const state = initialState(plan);
      const both = evidenceOf(
        plan,
        state,
        one.map((count, bin) => count + (other[bin] ?? 0)),
      );
      const [first, second] = [evidenceOf(plan, state, one), evidenceOf(plan, state, other)];
      for (const [tilt, nats] of both.entries()) {
        const sum = (first[tilt] ?? 0) + (second[tilt] ?? 0);
        assert.ok(Math.abs(nats - sum) <= 1e-10 * Math.max(1, Math.abs(sum)));
      }
    }),
  );
});

test("quiet time counts the same in one piece or in many", () => {
  for (const plan of plans.filter(({ fading }) => fading === Number.POSITIVE_INFINITY)) {
    const counts = plan.stream.weights.map((_, bin) => 10 * bin);
    const empty = plan.stream.weights.map(() => 0);
    const whole = run(plan, [
      { counts, weight: 1 },
      { counts: empty, weight: 4 },
    ]);
    const pieces = run(plan, [
      { counts, weight: 1 },
      ...Array.from({ length: 16 }, () => ({ counts: empty, weight: 0.25 })),
    ]);
    assert.ok(Math.abs(logEvidenceOf(whole) - logEvidenceOf(pieces)) < 1e-12);
  }
});

test("before any time has passed there is no evidence, and after one quiet step there is its weight", () => {
  for (const plan of plans) {
    const state = initialState(plan);
    const counts = plan.stream.weights.map(() => 0);
    assert.equal(logEvidenceOf(state), Number.NEGATIVE_INFINITY);
    assert.ok(Math.abs(advance(plan, state, { counts, weight: 0.5 }) - Math.log(0.5)) < 1e-12);
  }
});

test("evidence fades by the plan's time", () => {
  const plan = noticePlan(rate, { fading: 2 });
  const shifted = run(plan, [{ counts: [60, 40], weight: 1 }]);
  const before = logEvidenceOf(shifted);
  const after = logEvidenceOf(step(plan, shifted, { counts: [0, 0], weight: 1 }));
  // Half a time constant later, with the start of one more step.
  assert.ok(Math.abs(after - Math.log(Math.exp(before - 0.5) + 1)) < 1e-12, `${before} to ${after}`);
});

test("the onset is the mark of the step in which the change began, and it is named in words", () => {
  const plan = fitPagePlan(streamOfWeights("categorical", [5000, 3000, 2000, 1]), wanted);
  const state = initialState(plan);
  for (let pane = 0; pane < 30; pane++) {
    const counts = pane < 20 ? [50, 30, 20, 0] : [35, 30, 35, 0];
    advance(plan, state, { counts, weight: 1, mark: 1000 + pane });
  }
  assert.equal(onsetOf(state), 1020);
  assert.equal(wordsOf(plan, leadingTilt(state)), "category bin 2 up");
});

test("words: tails, ranges, moments, rates and new categories", () => {
  const words = (stream: StreamReference) => {
    const plan = noticePlan(stream);
    return new Set(plan.tilts.map((_, tilt) => wordsOf(plan, tilt)));
  };
  const ofNumbers = words(streamOfWeights("numeric", [1, 50, 500, 500, 50, 1]));
  for (const expected of ["mean up", "scale down", "more values above the reference's maximum", "more values bin 2"]) {
    assert.ok(ofNumbers.has(expected), `${expected}: ${[...ofNumbers].join(", ")}`);
  }
  assert.ok(words(categories).has("new categories up"));
  assert.ok(words(rate).has("bin 0 down"));
  assert.equal(wordsOf(noticePlan(rate), -1), "");
});

test("rearming forgets the evidence and keeps what was learned", () => {
  const plan = noticePlan(numeric);
  const state = run(plan, [{ counts: [0, 5, 9, 30, 60, 9], weight: 1 }]);
  const armed = rearm(state);
  assert.equal(logEvidenceOf(armed), Number.NEGATIVE_INFINITY);
  assert.deepEqual(armed.urn, state.urn);
  assert.notDeepEqual(armed.urn, initialState(plan).urn);
});

test("while an incident is open the notice tier learns nothing", () => {
  const plan = noticePlan(numeric);
  const counts = [0, 5, 9, 30, 60, 9];
  const state = run(plan, [{ counts, weight: 1, learns: false }]);
  assert.deepEqual(state.urn, initialState(plan).urn);
  assert.deepEqual(state.logEvidence, run(plan, [{ counts, weight: 1 }]).logEvidence);
});

test("slots of a season have urns of their own and one evidence", () => {
  const day = [1, 240, 600, 900, 400, 20];
  const night = [1, 900, 600, 240, 400, 20];
  const stream = streamOfWeights(
    "numeric",
    day.map((weight, bin) => weight + (night[bin] ?? 0)),
  );
  const plan = noticePlan(stream, {}, [day, night]);
  const counts = night.map((weight) => Math.floor(weight / 10));
  const asNight = run(plan, [{ counts, weight: 1, slot: 1 }]);
  const asDay = run(plan, [{ counts, weight: 1, slot: 0 }]);
  assert.ok(logEvidenceOf(asNight) < 2, `what the night is like is no news at night: ${logEvidenceOf(asNight)}`);
  assert.ok(logEvidenceOf(asDay) > 5, `but it is by day: ${logEvidenceOf(asDay)}`);
  assert.deepEqual(Array.from(asNight.urn.subarray(0, 6)), day);
  assert.deepEqual(
    Array.from(asNight.urn.subarray(6)),
    night.map((weight) => weight + Math.floor(weight / 10)),
  );
  const tolerances = directionsOf(stream).map(() => 0.05);
  const paging = pagePlan(
    stream,
    [day, night].map((weights) => ({ weights, tolerances })),
  );
  const evidence = (slot: number) => logEvidenceOf(run(paging, [{ counts, weight: 1, slot }]));
  assert.ok(evidence(1) < 1 && evidence(0) > 5, `${evidence(0)}, ${evidence(1)}`);
  assert.throws(() => evidence(2), RangeError);
});
