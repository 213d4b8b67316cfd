/**
 * That the budget of false alarms holds: seeded simulations of streams that have not changed, each with a reference of its own. The promise
 * is an average, at most time / threshold alarms a stream, so it is the sum over many streams that is compared.
 *
 * Panes are drawn as multinomial counts of 1,000 events, larger than the 100 that the published tables use, so that this takes seconds;
 * smaller panes use up more of the budget (about 3 of 10 per million events in the notice tier).
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import { countIntoEdges, numericEdges } from "../../../src/math/numeric-edges.ts";
import { seededRandom } from "../../../src/math/seeded-random.ts";
import { directionsOf } from "../../../src/sequential/directions.ts";
import { fitPagePlan } from "../../../src/sequential/fit-page-plan.ts";
import { numericStream, rateStream, type StreamReference } from "../../../src/sequential/stream-reference.ts";
import { advance, initialState, rearm } from "../../../src/sequential/tilt-detector.ts";
import { noticePlan, pagePlan, type TiltPlan } from "../../../src/sequential/tilt-plan.ts";
import { DEFAULT_IGNORE_BELOW, tolerancesOf } from "../../../src/sequential/tolerance.ts";
import { multinomial, normals, type Random } from "../../support/draws.ts";
import {
  ages,
  capitalGains,
  continuous,
  type Drawn,
  drawCategories,
  drawNumeric,
  zeroInflated,
  zipf,
} from "../../support/laws.ts";

const REFERENCE_ROWS = 10_000;
const MILLION = 1_000_000;
const PANE = 1000;
/** In events: at most ten false alarms in a million. */
const THRESHOLD = 100_000;
const wanted = { ignoreBelow: DEFAULT_IGNORE_BELOW };

const notice = (stream: StreamReference) => noticePlan(stream, { fading: THRESHOLD / 4 });
const page = (stream: StreamReference) => fitPagePlan(stream, wanted);
/** The reference taken as the truth: no tolerance, and nothing learned. */
const plugIn = (stream: StreamReference) =>
  pagePlan(stream, [{ weights: stream.weights, tolerances: directionsOf(stream).map(() => 0) }]);

/** Alarms over a number of panes drawn from the shares; the detector is rearmed after each. */
function alarms(plan: TiltPlan, shares: readonly number[], events: number, random: Random): number {
  const limit = Math.log(THRESHOLD);
  let state = initialState(plan);
  let count = 0;
  for (let taken = 0; taken < events; taken += PANE) {
    const counts = multinomial(random, PANE, shares);
    if (advance(plan, state, { counts, weight: PANE }) < limit) continue;
    count++;
    state = rearm(state);
  }
  return count;
}

/** Alarms of all streams, each with a reference and a seed of its own. */
function alarmsOf(
  streams: number,
  events: number,
  draw: (random: Random) => Drawn,
  tier: (of: StreamReference) => TiltPlan,
) {
  let sum = 0;
  for (let seed = 1; seed <= streams; seed++) {
    const random = seededRandom(seed * 7919);
    const { stream, shares } = draw(random);
    sum += alarms(tier(stream), shares, events, random);
  }
  return sum;
}

const laws: Readonly<Record<string, (random: Random) => Drawn>> = {
  "integers with ties": (random) => drawNumeric(ages, REFERENCE_ROWS, random),
  "30 % zeros": (random) => drawNumeric(zeroInflated, REFERENCE_ROWS, random),
  "92 % zeros": (random) => drawNumeric(capitalGains, REFERENCE_ROWS, random),
  "50 Zipf categories": (random) => drawCategories(zipf(50, 1.1), REFERENCE_ROWS, random),
  "3,000 Zipf categories": (random) => drawCategories(zipf(3000, 1.1), REFERENCE_ROWS, random),
};
const numbers = (random: Random) => drawNumeric(continuous, REFERENCE_ROWS, random);

test("100 numeric features of a million events each stay within the budget, and the page tier far within", () => {
  const budget = (100 * MILLION) / THRESHOLD;
  const noticed = alarmsOf(100, MILLION, numbers, notice);
  assert.ok(noticed <= budget, `${noticed} alarms of the notice tier, ${budget} promised at most`);
  const paged = alarmsOf(100, MILLION, numbers, page);
  assert.ok(paged <= budget / 100, `${paged} alarms of the page tier`);
});

test("the reference taken as the truth breaks the budget: the simulation can fail", () => {
  const budget = (20 * MILLION) / THRESHOLD;
  const alarmed = alarmsOf(20, MILLION, numbers, plugIn);
  assert.ok(alarmed > 2 * budget, `only ${alarmed} alarms`);
});

for (const [name, draw] of Object.entries(laws)) {
  test(`the budget holds for ${name}`, () => {
    const streams = 5;
    const budget = (streams * MILLION) / THRESHOLD;
    const noticed = alarmsOf(streams, MILLION, draw, notice);
    const paged = alarmsOf(streams, MILLION, draw, page);
    assert.ok(noticed <= budget, `${noticed} alarms of the notice tier, ${budget} promised at most`);
    assert.ok(paged === 0, `${paged} alarms of the page tier`);
  });
}

/** How far shares lie from the reference's, in parts of the tolerance of the direction in which that is the most. */
function partOfTolerance(plan: TiltPlan, shares: readonly number[]): number {
  const { stream, directions } = plan;
  const all = stream.weights.reduce((sum, weight) => sum + weight, 0);
  const shifts = shares.map((share, bin) => share - (stream.weights[bin] ?? 0) / all);
  const apart = shifts.reduce((sum, shift) => sum + Math.abs(shift), 0) / 2;
  const parts = tolerancesOf(stream, directions, wanted).map(({ value }, index) => {
    const { isSet = false, score = [] } = directions[index] ?? {};
    const shift = isSet ? Math.abs(shifts.reduce((sum, one, bin) => sum + one * (score[bin] ?? 0), 0)) : apart;
    return shift / value;
  });
  return Math.max(...parts);
}

/** The reference's shares moved along a direction, as far as that part of the tolerances. */
function moved(plan: TiltPlan, score: readonly number[], part: number): readonly number[] {
  const tilted = (strength: number) => {
    const raised = plan.stream.weights.map((weight, bin) => weight * Math.exp(strength * (score[bin] ?? 0)));
    const sum = raised.reduce((total, share) => total + share, 0);
    return raised.map((share) => share / sum);
  };
  let low = 0;
  let high = 10;
  for (let halving = 0; halving < 60; halving++) {
    const middle = (low + high) / 2;
    if (partOfTolerance(plan, tilted(middle)) < part) low = middle;
    else high = middle;
  }
  return tilted(low);
}

/** Parts of the tolerance that a law is moved by, and the alarms that this may raise in so many events. */
const EVENTS_UNDER = 2 * MILLION;
const parts: readonly (readonly [number, (alarmed: number) => boolean])[] = [
  [0.75, (alarmed) => alarmed === 0],
  // At its very edge the null is still the null: the budget holds, and some of it is used.
  [0.99, (alarmed) => alarmed <= EVENTS_UNDER / THRESHOLD / 2],
  [2, (alarmed) => alarmed >= EVENTS_UNDER / THRESHOLD],
];

test("a shift under the tolerance stays within the budget, and one of twice the tolerance pages again and again", () => {
  const random = seededRandom(11);
  const { stream } = drawNumeric(continuous, REFERENCE_ROWS, random);
  const plan = page(stream);
  for (const [name, direction] of [...plan.directions.entries()].filter(([index]) => index < 9 || index === 22)) {
    for (const [part, holds] of parts) {
      const law = moved(plan, direction.score, part);
      const alarmed = alarms(plan, law, EVENTS_UNDER, random);
      assert.ok(holds(alarmed), `${direction.aspect} (${name}): ${alarmed} alarms at ${part} of the tolerance`);
    }
  }
});

test("new categories and missing values have a tolerance of 0.5 % that holds alike", () => {
  const random = seededRandom(12);
  const missing = rateStream("missing", 0, REFERENCE_ROWS);
  assert.ok("weights" in missing);
  const rate = page(missing);
  const plan = page(drawCategories(zipf(10, 1.2), REFERENCE_ROWS, random).stream);
  const fresh = plan.directions.find(({ aspect }) => aspect === "new categories")?.score ?? [];
  for (const [part, holds] of parts) {
    const ofMissing = alarms(rate, moved(rate, [1, 0], part), EVENTS_UNDER, random);
    assert.ok(holds(ofMissing), `${ofMissing} alarms at ${part} of the tolerance of missing values`);
    const ofNew = alarms(plan, moved(plan, fresh, part), EVENTS_UNDER, random);
    assert.ok(holds(ofNew), `${ofNew} alarms at ${part} of the tolerance of new categories`);
  }
});

/** Dependent streams of standard deviation 1: the value at an event's number. */
const dependent: Readonly<Record<string, (normal: Random, random: Random) => (at: number) => number>> = {
  "independent events": (normal) => () => normal(),
  "autocorrelation 0.5": (normal) => autoregression(0.5, normal),
  "autocorrelation 0.9": (normal) => autoregression(0.9, normal),
  "an effect of 0.1 common to each 1,000 events": (normal) => {
    let effect = 0;
    return (at) => {
      if (at % 1000 === 0) effect = 0.1 * normal();
      return (normal() + effect) / Math.sqrt(1.01);
    };
  },
  "a season of 0.15 over 5,000 events": (normal, random) => {
    const phase = 2 * Math.PI * random();
    return (at) => normal() + 0.15 * Math.sin((2 * Math.PI * at) / 5000 + phase);
  },
};

function autoregression(correlation: number, normal: Random): (at: number) => number {
  let last = normal();
  return () => {
    last = correlation * last + Math.sqrt(1 - correlation ** 2) * normal();
    return last;
  };
}

interface Series {
  readonly plan: TiltPlan;
  /** The notice tier, which knows nothing of dependence. */
  readonly plain: TiltPlan;
  /** Counts of the next 100 events, all values raised. */
  readonly next: (raised: number) => Float64Array;
}

const DEPENDENT_REFERENCE = 20_000;
const DEPENDENT_PANE = 100;

function seriesOf(make: (normal: Random, random: Random) => (at: number) => number, seed: number): Series {
  const random = seededRandom(seed);
  const normal = normals(random);
  const valueAt = make(normal, random);
  let at = 0;
  const reference = Float64Array.from({ length: DEPENDENT_REFERENCE }, () => valueAt(at++));
  const edges = numericEdges(
    Array.from(reference).sort((a, b) => a - b),
    20,
  );
  const stream = numericStream(edges, countIntoEdges([...reference], edges));
  const panes: number[][] = [];
  for (let from = 0; from < DEPENDENT_REFERENCE; from += DEPENDENT_PANE) {
    panes.push(countIntoEdges([...reference.subarray(from, from + DEPENDENT_PANE)], edges));
  }
  const next = (raised: number) => {
    const values = Array.from({ length: DEPENDENT_PANE }, () => valueAt(at++) + raised);
    return Float64Array.from(countIntoEdges(values, edges));
  };
  return { plan: fitPagePlan(stream, wanted, panes), plain: noticePlan(stream), next };
}

/** Events until the alarm at a threshold of a million events; `most` where there is none. */
function eventsToAlarm(plan: TiltPlan, next: () => Float64Array, most: number): number {
  const state = initialState(plan);
  for (let events = DEPENDENT_PANE; events <= most; events += DEPENDENT_PANE) {
    if (advance(plan, state, { counts: next(), weight: DEPENDENT_PANE }) >= Math.log(MILLION)) return events;
  }
  return most + DEPENDENT_PANE;
}

const DEPENDENT_EVENTS = 100_000;
for (const [name, make] of Object.entries(dependent)) {
  test(`no page with ${name}, and a shift of half a standard deviation is found`, () => {
    let falseAlarms = 0;
    const delays: number[] = [];
    for (let seed = 1; seed <= 8; seed++) {
      const { plan, next } = seriesOf(make, 1000 + seed);
      if (eventsToAlarm(plan, () => next(0), DEPENDENT_EVENTS) <= DEPENDENT_EVENTS) falseAlarms++;
      delays.push(eventsToAlarm(plan, () => next(0.5), DEPENDENT_EVENTS));
    }
    assert.equal(falseAlarms, 0);
    assert.ok(
      delays.every((delay) => delay <= DEPENDENT_EVENTS),
      `delays ${delays.join(", ")}`,
    );
  });
}

test("without tolerance and design effect every autocorrelated stream alarms: the simulation can fail", () => {
  for (let seed = 1; seed <= 3; seed++) {
    const { plain, next } = seriesOf((normal) => autoregression(0.9, normal), 2000 + seed);
    assert.ok(eventsToAlarm(plain, () => next(0), DEPENDENT_EVENTS) <= DEPENDENT_EVENTS);
  }
});
