/** From streams to a decision: shares, the worked example of the documentation, naming, exclusion, the reference against itself. */
import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { byFrequency, categoricalBins } from "../../../src/math/categorical-bins.ts";
import { seededRandom } from "../../../src/math/seeded-random.ts";
import { evidenceShares, type SharedSubject } from "../../../src/sequential/evidence-shares.ts";
import { fitPagePlan } from "../../../src/sequential/fit-page-plan.ts";
import { decide, evidenceFraction, type StreamEvidence } from "../../../src/sequential/model-decision.ts";
import { referenceStability } from "../../../src/sequential/reference-stability.ts";
import { evidenceOfStreams, type ModelStep, type PlannedStream, replay } from "../../../src/sequential/replay.ts";
import { categoricalStream, type StreamReference } from "../../../src/sequential/stream-reference.ts";
import { advance, initialState, logEvidenceOf } from "../../../src/sequential/tilt-detector.ts";
import { wordsOf } from "../../../src/sequential/tilt-words.ts";
import { multinomial } from "../../support/draws.ts";
import { categoricalSubject, rateStreamOf, streamOfWeights } from "../../support/streams.ts";

const wanted = { ignoreBelow: 0.03 };
const MINUTE = 1 / 1440;

const categories = (counts: Readonly<Record<string, number>>) =>
  categoricalStream(categoricalSubject(categoricalBins(byFrequency(new Map(Object.entries(counts))), 500)));

/** Two features of 10,000 reference rows, each with its rate of missing values. */
function exampleStreams(): PlannedStream[] {
  const references: Readonly<Record<string, StreamReference>> = {
    "plan/values": categories({ basic: 6000, pro: 3000, team: 1000 }),
    "plan/missing": rateStreamOf("missing", 0, 10_000),
    "paid/values": categories({ true: 7000, false: 3000 }),
    "paid/missing": rateStreamOf("missing", 10, 10_000),
  };
  const features = ["plan", "paid"].map((subject) => ({ subject, streams: ["values", "missing"] }));
  return evidenceShares({ features }).map(({ subject, stream, share }) => {
    const reference = references[`${subject}/${stream}`];
    assert.ok(reference !== undefined);
    return { subject, stream, share, plan: fitPagePlan(reference, wanted) };
  });
}

const exampleSteps: readonly ModelStep[] = [
  [
    [59, 31, 10, 0],
    [0, 100],
    [70, 30, 0],
    [0, 100],
  ],
  [
    [35, 30, 35, 0],
    [0, 100],
    [66, 33, 0],
    [1, 99],
  ],
  [
    [0, 0, 0, 0],
    [0, 0],
    [0, 0, 0],
    [0, 0],
  ],
  [
    [20, 28, 32, 0],
    [20, 80],
    [69, 31, 0],
    [0, 100],
  ],
].map((counts) => ({ counts, weight: MINUTE }));

/** ln R per stream, then of the weighted mean. */
const exampleTable = [
  [-8.707671, -7.978161, -8.664212, -8.031124, -8.288047],
  [2.126513, -7.402585, -8.130245, -7.069896, 0.740427],
  [2.126595, -6.642227, -6.918876, -6.472883, 0.740759],
  [14.573655, 46.111511, -7.562401, -6.678342, 44.725216],
];

test("worked example: four minutes of two features, and what each says", () => {
  const streams = exampleStreams();
  const states = streams.map(({ plan }) => initialState(plan));
  for (const [pane, { counts, weight }] of exampleSteps.entries()) {
    for (const [at, { plan }] of streams.entries()) {
      const state = states[at];
      assert.ok(state !== undefined);
      advance(plan, state, { counts: counts[at] ?? [], weight });
    }
    const decision = decide(evidenceOfStreams(streams, states), { threshold: 30, weight: MINUTE });
    const row = [...states.map(logEvidenceOf), decision.logEvidence].map((value) => Number(value.toFixed(6)));
    assert.deepEqual(row, exampleTable[pane]);
    assert.equal(decision.alarms, pane === 3);
  }
});

test("worked example: the replay pages in the fourth minute, names one feature and says what it is", () => {
  const { alarms, greatestFraction } = replay({ streams: exampleStreams(), threshold: 30 }, exampleSteps);
  assert.equal(alarms.length, 1);
  const [alarm] = alarms;
  assert.equal(alarm?.step, 3);
  assert.deepEqual(alarm.decision.named, ["plan"]);
  const [finding] = alarm.findings;
  assert.ok(finding !== undefined);
  assert.equal(finding.onset, 4);
  assert.equal(wordsOf(finding.stream.plan, finding.tilt), "missing up");
  assert.equal(greatestFraction, 1);
});

const subjects = (prefix: string) =>
  fc.array(fc.integer({ min: 1, max: 4 }), { maxLength: 6 }).map((sizes) =>
    sizes.map((size, index): SharedSubject => {
      return { subject: `${prefix}${index}`, streams: Array.from({ length: size }, (_, stream) => `s${stream}`) };
    }),
  );

test("shares are positive and sum to 1, whatever is watched", () => {
  fc.assert(
    fc.property(subjects("f"), subjects("p"), subjects("k"), subjects("s"), (features, predictions, kpis, segments) => {
      const shares = evidenceShares({ features, predictions, kpis, segments });
      fc.pre(shares.length > 0);
      assert.ok(shares.every(({ share }) => share > 0));
      assert.ok(Math.abs(shares.reduce((sum, { share }) => sum + share, 0) - 1) < 1e-12);
    }),
  );
});

test("shares: a half for features, an eighth each for predictions and segments, a quarter for KPIs; what is not watched goes to the features", () => {
  const one = (subject: string, ...streams: string[]) => [{ subject, streams }];
  const shareOf = (given: Parameters<typeof evidenceShares>[0]) =>
    Object.fromEntries(evidenceShares(given).map(({ subject, stream, share }) => [`${subject}/${stream}`, share]));
  const features = [...one("a", "values", "missing", "invalid"), ...one("b", "values")];
  const predictions = one("score", "values");
  const all = { features, predictions, kpis: one("accuracy", "bound"), segments: one("region=eu", "values") };
  assert.deepEqual(shareOf(all), {
    "a/values": 1 / 8,
    "a/missing": 1 / 16,
    "a/invalid": 1 / 16,
    "b/values": 1 / 4,
    "score/values": 1 / 8,
    "accuracy/bound": 1 / 4,
    "region=eu/values": 1 / 8,
  });
  assert.deepEqual(shareOf({ features: one("a", "values"), predictions }), {
    "a/values": 7 / 8,
    "score/values": 1 / 8,
  });
  assert.deepEqual(shareOf({ features: one("a", "values") }), { "a/values": 1 });
  assert.deepEqual(shareOf({ features: [], predictions, kpis: one("accuracy", "bound") }), {
    "score/values": 1 / 3,
    "accuracy/bound": 2 / 3,
  });
});

const evidence = (values: Readonly<Record<string, number>>): StreamEvidence[] => {
  const names = Object.keys(values);
  return names.map((subject) => ({
    subject,
    stream: "values",
    share: 1 / names.length,
    logEvidence: Math.log(values[subject] ?? 0),
  }));
};

test("an alarm needs the mean at the threshold, and names the features by e-BH", () => {
  const decision = decide(evidence({ a: 400, b: 150, c: 1, d: 2 }), { threshold: 60 });
  assert.ok(decision.alarms && decision.isLocalised);
  // 1 · 100 and 2 · 37.5 reach 60; 3 · 0.5 does not.
  assert.deepEqual(decision.named, ["a", "b"]);
  assert.equal(decide(evidence({ a: 400, b: 150, c: 1, d: 2 }), { threshold: 140 }).alarms, false);
});

test("many small changes that alarm together name the greatest and are not localised", () => {
  const decision = decide(evidence({ a: 130, b: 110, c: 40 }), { threshold: 90 });
  assert.ok(decision.alarms && !decision.isLocalised);
  assert.deepEqual(decision.named, ["a"]);
});

test("a feature with an open incident is left out, and its share is handed to nobody", () => {
  const given = evidence({ a: 1e6, b: 100 });
  const decision = decide(given, { threshold: 60, excluded: new Set(["a"]) });
  assert.ok(Math.abs(decision.logEvidence - Math.log(50)) < 1e-12);
  assert.equal(decision.alarms, false);
  assert.deepEqual(decision.named, []);
});

test("a decision does not depend on the order of the streams", () => {
  const given = evidence({ a: 30, b: 30, c: 30, d: 500 });
  const options = { threshold: 100 };
  assert.deepEqual(decide([...given].reverse(), options).named, decide(given, options).named);
});

test("the fraction runs from one quiet step to the threshold", () => {
  assert.equal(evidenceFraction(Math.log(MINUTE), 30, MINUTE), 0);
  assert.equal(evidenceFraction(Number.NEGATIVE_INFINITY, 30, MINUTE), 0);
  assert.equal(evidenceFraction(Math.log(30), 30, MINUTE), 1);
  assert.equal(evidenceFraction(99, 30, MINUTE), 1);
  assert.ok(Math.abs(evidenceFraction(Math.log(Math.sqrt(30 * MINUTE)), 30, MINUTE) - 0.5) < 1e-12);
});

test("after an alarm the named features start again, or all of them where none is named by itself", () => {
  const plan = fitPagePlan(streamOfWeights("categorical", [5000, 5000, 1]), wanted);
  const streams = ["a", "b", "c"].map((subject) => ({ subject, stream: "values", share: 1 / 3, plan }));
  const started = (counts: readonly (readonly number[])[], threshold: number) => {
    const { alarms, states } = replay({ streams, threshold }, [{ counts, weight: 1 }]);
    const [alarm] = alarms;
    assert.ok(alarm !== undefined);
    const anew = states.map((state) => logEvidenceOf(state) === Number.NEGATIVE_INFINITY);
    return { anew, decision: alarm.decision, findings: alarm.findings.length };
  };
  const [quiet, loud, strange] = [
    [50, 50, 0],
    [10, 90, 0],
    [38, 62, 0],
  ] as const;
  const alone = started([loud, quiet, quiet], 100);
  assert.ok(alone.decision.isLocalised);
  assert.deepEqual(alone.anew, [true, false, false]);

  // Two equal and a lesser one: between what e-BH finds and what they come to together lies a threshold that only all of them reach.
  const sum = Math.exp(started([strange, strange, quiet], 1e-9).decision.logEvidence);
  const pair = started([strange, strange, quiet], 1e-9).decision.subjects.slice(0, 2);
  const twice = pair.reduce((total, { logEvidence }) => total + Math.exp(logEvidence), 0);
  const together = started([strange, strange, quiet], (sum + twice) / 2);
  assert.ok(!together.decision.isLocalised);
  assert.deepEqual(together.anew, [true, true, true]);
  assert.equal(together.findings, 1);
});

test("a reference that changes half-way is told apart from one that does not", () => {
  const random = seededRandom(5);
  const reference = streamOfWeights("categorical", [6000, 3000, 1000, 1]);
  const panesOf = (later: readonly number[]) =>
    Array.from({ length: 200 }, (_, pane) => multinomial(random, 200, pane < 100 ? [0.6, 0.3, 0.1, 0] : later));
  const check = (later: readonly number[]) => {
    const series = { subject: "plan", stream: "values", share: 1, reference, tolerance: wanted, panes: panesOf(later) };
    return referenceStability([series], 30, MINUTE);
  };
  const stable = check([0.6, 0.3, 0.1, 0]);
  assert.ok(stable.isStable && stable.greatestFraction < 1);
  const changed = check([0.4, 0.3, 0.3, 0]);
  assert.ok(!changed.isStable);
  assert.equal(changed.from, 100);
  const finding = changed.alarms[0]?.findings[0];
  assert.equal(finding?.onset, 100);
  assert.equal(finding?.subject, "plan");
});
