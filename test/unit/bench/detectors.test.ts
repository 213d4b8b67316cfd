/** The simulation itself: what it measures is only as good as its random numbers, its thresholds and the rules written anew for it. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { adwinRule, adwinThreshold } from "../../../bench/detectors/adwin-rule.ts";
import { falseAlarms, Laboratory, matchedThreshold, medianDelays, quick } from "../../../bench/detectors/measure.ts";
import { seededRandom } from "../../../bench/detectors/random.ts";
import type { Rule } from "../../../bench/detectors/rule.ts";
import { referenceFor, scenes } from "../../../bench/detectors/scenes.ts";
import { cramerVonMisesRule } from "../../../bench/detectors/stream-rules.ts";
import { adwin } from "../../../detectors/online/adwin.ts";

test("normal numbers have mean 0, standard deviation 1 and the tails of a normal law; a stream repeats, another differs", () => {
  const { normal } = seededRandom(1, "test", 0);
  const drawn = Array.from({ length: 100_000 }, normal);
  const mean = drawn.reduce((sum, value) => sum + value, 0) / drawn.length;
  const variance = drawn.reduce((sum, value) => sum + value ** 2, 0) / drawn.length;
  const far = drawn.filter((value) => Math.abs(value) > 3).length / drawn.length;
  assert.ok(Math.abs(mean) < 0.015 && Math.abs(variance - 1) < 0.02 && Math.abs(far - 0.0027) < 0.0007);
  assert.equal(seededRandom(1, "test", 0).normal(), drawn[0]);
  assert.notEqual(seededRandom(1, "test", 1).normal(), drawn[0]);
});

test("shapes that shift without mean and spread have mean 0 and standard deviation 1", () => {
  for (const name of ["Laplace", "bimodal"]) {
    const shift = scenes.numeric.shifts.find((one) => one.name === name);
    assert.ok(shift !== undefined);
    const random = seededRandom(2, name, 0);
    const drawn = Array.from({ length: 100_000 }, () => shift.draw(random));
    const mean = drawn.reduce((sum, value) => sum + value, 0) / drawn.length;
    const variance = drawn.reduce((sum, value) => sum + value ** 2, 0) / drawn.length;
    assert.ok(Math.abs(mean) < 0.015 && Math.abs(variance - 1) < 0.04, `${name}: ${mean}, ${variance}`);
  }
});

test("the sliding Cramér-von Mises distance is the one of its definition", () => {
  const window = 20;
  const reference = referenceFor("numeric", 3, 0);
  const random = seededRandom(3, "values", 0);
  const watch = cramerVonMisesRule(window).start(reference, random);
  const values = Array.from({ length: 70 }, random.normal);
  const scores = values.map((value) => watch.push(value));
  const ranks = values
    .slice(-window)
    .map((value) => (reference.values.filter((known) => known < value).length + 0.5) / (reference.values.length + 1))
    .sort((a, b) => a - b);
  // w times the integral of (F - u)² is 1 / 12w + sum of ((2i - 1) / 2w - u_i)².
  const direct = ranks.reduce(
    (sum, rank, index) => sum + ((2 * index + 1) / (2 * window) - rank) ** 2,
    1 / (12 * window),
  );
  assert.ok(Math.abs((scores.at(-1) ?? 0) - direct) < 1e-9, `${scores.at(-1)} instead of ${direct}`);
  assert.equal(scores[window - 2], Number.NEGATIVE_INFINITY);
});

test("the score of ADWIN is above the threshold of a delta where the detector with that delta finds a change", () => {
  for (const delta of [0.002, 0.3]) {
    const random = seededRandom(4, "values", 0);
    const watch = adwinRule.start(referenceFor("numeric", 4, 0), random);
    const run = adwin.bind({ delta });
    let state = run.start();
    const expected: number[] = [];
    const found: number[] = [];
    for (let event = 0; event < 30_000; event++) {
      const value = random.normal() + (Math.floor(event / 3000) % 2) / 3;
      const next = run.step(state, value);
      state = next.state;
      if (next.verdict.drifted) expected.push(event);
      if (watch.push(value) <= adwinThreshold(delta)) continue;
      found.push(event);
      watch.restart();
    }
    assert.ok(expected.length >= 8, `${expected.length}`);
    assert.deepEqual(found, expected);
  }
});

/** Scores are uniform, so that every answer is known. */
const uniformRule: Rule = { name: "uniform", start: (_, { uniform }) => ({ push: uniform, restart: () => undefined }) };

test("a threshold is matched to one false alarm in 100,000 events, and alarms and delays are counted at it", () => {
  const laboratory = new Laboratory({ ...quick, seed: 5, tuningStreams: 40, tuningEvents: 200_000 });
  const threshold = matchedThreshold(laboratory, "missing", uniformRule);
  assert.ok(1 - threshold > 0.6e-5 && 1 - threshold < 1.6e-5, `${1 - threshold}`);
  const lax = { rule: uniformRule, threshold: 0.99, chosen: "" };
  const { perMillion } = falseAlarms(laboratory, "missing", lax);
  assert.ok(Math.abs(perMillion - 10_000) < 1500, `${perMillion}`);
  const often = new Laboratory({ ...quick, seed: 5, delayStreams: 400 });
  const unshifted = [scenes.missing.inControl];
  const [delay = 0] = medianDelays(often, "missing", unshifted, lax);
  assert.ok(Math.abs(delay - 100 * Math.LN2) < 15, `${delay}`);
  assert.deepEqual(medianDelays(laboratory, "missing", unshifted, { ...lax, threshold: 1 }), [
    Number.POSITIVE_INFINITY,
  ]);
});
