/** Performance without labels, calibration and ranking: their properties. Other libraries' values are among the golden cases. */
import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { calibrationError, calibrationPValue } from "../../../src/math/calibration-error.ts";
import {
  type EstimatedRate,
  estimatedRate,
  estimatedRocAuc,
  expectedConfusion,
} from "../../../src/math/confidence-based-estimates.ts";
import { pooledAdjacentViolators } from "../../../src/math/isotonic-regression.ts";
import { normalisedDiscountedGain } from "../../../src/math/normalised-discounted-gain.ts";
import { rateDeviation } from "../../../src/math/rate-deviation.ts";
import { splitCounts } from "../../../src/math/split-counts.ts";
import { assertClose, uniform } from "../../support/golden.ts";
import { probabilityCells } from "../../support/probability-cells.ts";
import { reliabilityBins } from "../../support/reliability-bins.ts";

const RATES: readonly EstimatedRate[] = ["accuracy", "precision", "recall", "specificity", "f1"];

test("items of equal score share the mean of their gains", () => {
  // By hand: DCG = 1.5 (1 + 1 / log2 3), the best is 3 + 0.
  assertClose(normalisedDiscountedGain([3, 0], [1, 1]), (1.5 * (1 + 1 / Math.log2(3))) / 3, 1e-12, "ndcg");
  assert.equal(normalisedDiscountedGain([0, 0], [1, 2]), 0);
});

test("a histogram of a thousand bins is exact for what is linear, and its ROC-AUC within the bound that it states", () => {
  const draw = uniform(7);
  const scores = Array.from({ length: 20_000 }, () => draw() ** 2);
  const decided = scores.map((score) => score >= 0.5);
  const rows = probabilityCells(scores, scores, decided);
  const histogram = probabilityCells(scores, scores, decided, 1000);
  for (const rate of RATES) {
    const [exact, binned] = [rows, histogram].map((cells) => estimatedRate(rate, expectedConfusion(cells)));
    assertClose(binned?.value ?? Number.NaN, exact?.value, 1e-12, rate);
    assertClose(binned?.deviation ?? Number.NaN, exact?.deviation, 1e-6, `${rate} deviation`);
  }
  const [exact, binned] = [rows, histogram].map((cells) => estimatedRocAuc(cells));
  assert.ok(exact && binned && binned.bound < 0.001 && binned.bound > 0);
  assert.ok(Math.abs(exact.value - binned.value) <= binned.bound + 1e-9);
  const coarse = estimatedRocAuc(probabilityCells(scores, scores, decided, 10));
  assert.ok(coarse && coarse.bound > 0.01 && Math.abs(exact.value - coarse.value) <= coarse.bound);
});

test("labels drawn with the calibrated probabilities fall into three deviations of the estimate, and spread as it says", () => {
  const draw = uniform(11);
  const scores = Array.from({ length: 2000 }, () => draw());
  const decided = scores.map((score) => score >= 0.3);
  const confusion = expectedConfusion(probabilityCells(scores, scores, decided));
  const distances: Record<EstimatedRate, number[]> = {
    accuracy: [],
    precision: [],
    recall: [],
    specificity: [],
    f1: [],
  };
  for (let round = 0; round < 400; round++) {
    const counts = { tp: 0, fp: 0, fn: 0, tn: 0 };
    for (const [index, score] of scores.entries()) {
      const label = draw() < score;
      if (decided[index] === true) counts[label ? "tp" : "fp"]++;
      else counts[label ? "fn" : "tn"]++;
    }
    for (const rate of RATES) {
      const estimate = estimatedRate(rate, confusion);
      assert.ok(estimate);
      distances[rate].push(((rateDeviation(rate, counts)?.value ?? Number.NaN) - estimate.value) / estimate.deviation);
    }
  }
  for (const rate of RATES) {
    const mean = distances[rate].reduce((sum, z) => sum + z, 0) / 400;
    const deviation = Math.sqrt(distances[rate].reduce((sum, z) => sum + z * z, 0) / 400);
    assert.ok(Math.abs(mean) < 0.2, `${rate}: mean ${mean}`);
    assert.ok(deviation > 0.85 && deviation < 1.15, `${rate}: deviation ${deviation}`);
  }
});

test("F1 varies over samples as its deviation says", () => {
  const draw = uniform(5);
  const n = 1000;
  const law = { tp: 0.3, fp: 0.1, fn: 0.15, tn: 0.45 };
  const known = rateDeviation("f1", { tp: 300, fp: 100, fn: 150, tn: 450 });
  assert.ok(known);
  const values = Array.from({ length: 1000 }, () => {
    const counts = { tp: 0, fp: 0, fn: 0, tn: 0 };
    for (let row = 0; row < n; row++) {
      const u = draw();
      counts[u < law.tp ? "tp" : u < 0.4 ? "fp" : u < 0.55 ? "fn" : "tn"]++;
    }
    return rateDeviation("f1", counts)?.value ?? Number.NaN;
  });
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
  const spread = Math.sqrt(values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / values.length);
  const expected = known.deviation / Math.sqrt(n * known.share);
  assert.ok(Math.abs(spread / expected - 1) < 0.1, `${spread} instead of ${expected}`);
});

test("what has no denominator has no estimate", () => {
  const none = expectedConfusion(probabilityCells([0.1, 0.2], [0, 0], [false, false]));
  assert.equal(estimatedRate("precision", none), null);
  assert.equal(estimatedRate("recall", none), null);
  assert.equal(estimatedRate("f1", none), null);
  assert.equal(estimatedRate("accuracy", none)?.value, 1);
  assert.equal(estimatedRocAuc(probabilityCells([0.1, 0.2], [0, 0], [false, false])), null);
  assert.equal(rateDeviation("precision", { tp: 0, fp: 0, fn: 3, tn: 2 }), null);
});

test("isotonic: ascending, the mean kept, fitted values that are already ascending left alone, and the least squares among steps", () => {
  fc.assert(
    fc.property(
      fc.array(
        fc.record({ value: fc.double({ min: 0, max: 1, noNaN: true }), weight: fc.integer({ min: 0, max: 9 }) }),
        {
          minLength: 1,
          maxLength: 40,
        },
      ),
      (points) => {
        const values = points.map(({ value }) => value);
        const weights = points.map(({ weight }) => weight);
        const fitted = pooledAdjacentViolators(values, weights);
        const massed = [...fitted].filter((_, index) => (weights[index] ?? 0) > 0);
        for (let i = 1; i < massed.length; i++) assert.ok((massed[i] ?? 0) >= (massed[i - 1] ?? 0) - 1e-12);
        const sum = (of: ArrayLike<number>) => weights.reduce((all, weight, i) => all + weight * (of[i] ?? 0), 0);
        assert.ok(Math.abs(sum(values) - sum(fitted)) < 1e-9);
        const again = pooledAdjacentViolators(fitted, weights);
        for (let i = 0; i < fitted.length; i++)
          if ((weights[i] ?? 0) > 0) assert.ok(Math.abs((again[i] ?? 0) - (fitted[i] ?? 0)) < 1e-12);
        const loss = (of: ArrayLike<number>) =>
          weights.reduce((all, weight, i) => all + weight * ((values[i] ?? 0) - (of[i] ?? 0)) ** 2, 0);
        const sorted = [...values].sort((a, b) => a - b);
        assert.ok(loss(fitted) <= loss(sorted) + 1e-9);
        const mean =
          sum(values) /
          Math.max(
            1,
            weights.reduce((all, weight) => all + weight, 0),
          );
        assert.ok(loss(fitted) <= loss(values.map(() => mean)) + 1e-9);
      },
    ),
    { seed: 42, numRuns: 300 },
  );
});

test("the debiased calibration error of exact probabilities is near zero where the plain one is not, and a bias of 0.1 stays", () => {
  const draw = uniform(3);
  let plain = 0;
  let debiased = 0;
  for (let round = 0; round < 50; round++) {
    const scores = Array.from({ length: 400 }, () => draw());
    const labels = scores.map((score) => draw() < score);
    const error = calibrationError(reliabilityBins(scores, labels));
    plain += error.plain / 50;
    debiased += (error.plain - error.noise) / 50;
    assert.equal(error.debiased, Math.max(0, error.plain - error.noise));
  }
  assert.ok(plain > 0.04, `${plain}`);
  assert.ok(Math.abs(debiased) < 0.005, `${debiased}`);
  const scores = Array.from({ length: 20_000 }, () => 0.1 + 0.8 * draw());
  const labels = scores.map((score) => draw() < score - 0.1);
  const error = calibrationError(reliabilityBins(scores, labels));
  assert.ok(error.debiased > 0.08 && error.debiased < 0.11, `${error.debiased}`);
  assert.ok(error.deviation > 0.001 && error.deviation < 0.01);
  assert.deepEqual(calibrationError([]), { plain: 0, noise: 0, debiased: 0, deviation: 0, greatest: 0 });
});

test("scores that are probabilities pass the calibration test at its rate, and others do not", () => {
  const draw = uniform(23);
  const sample = (chance: (score: number) => number) => {
    const scores = Array.from({ length: 1000 }, () => draw());
    return calibrationPValue(
      reliabilityBins(
        scores,
        scores.map((score) => draw() < chance(score)),
      ),
    );
  };
  const rejected = Array.from({ length: 400 }, () => sample((score) => score)).filter((p) => p < 0.05).length;
  assert.ok(rejected >= 8 && rejected <= 36, `${rejected} of 400 at 5 %`);
  assert.ok(sample((score) => score * score) < 1e-6);
  assert.equal(calibrationPValue([]), 1);
});

test("counts are split by fair coins, the same ones each time", () => {
  const counts = [0, 1, 10, 4096, 5000, 1_000_000];
  const halves = splitCounts(counts, 7);
  assert.deepEqual(splitCounts(counts, 7), halves);
  assert.notDeepEqual(splitCounts(counts, 8), halves);
  for (const [index, count] of counts.entries()) {
    const half = halves[index] ?? -1;
    assert.ok(Number.isInteger(half) && half >= 0 && half <= count);
    assert.ok(Math.abs(half - count / 2) <= 4 * Math.sqrt(count / 4) + 0.5, `${half} of ${count}`);
  }
  const many = splitCounts(new Float64Array(4000).fill(8), 3);
  const mean = many.reduce((sum, half) => sum + half, 0) / 4000;
  const variance = many.reduce((sum, half) => sum + (half - mean) ** 2, 0) / 4000;
  assert.ok(Math.abs(mean - 4) < 0.1 && Math.abs(variance - 2) < 0.2, `${mean}, ${variance}`);
});
