/** What is told of causes: parts that sum to what they explain, against golden values, worked examples and other ways to the same number. */
import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { z } from "zod";
import { massDistance } from "../../../src/math/binned-wasserstein.ts";
import { conditionalShift } from "../../../src/math/conditional-shift.ts";
import { contingencyTest } from "../../../src/math/contingency-test.ts";
import {
  chiSquaredParts,
  energyParts,
  greatestDifferenceParts,
  hellingerParts,
  jensenShannonParts,
  kolmogorovParts,
  kullbackLeiblerParts,
  stabilityParts,
  totalVariationParts,
  transportParts,
} from "../../../src/math/distance-contributions.ts";
import {
  greatestDifference,
  hellingerDistance,
  jensenShannonDivergence,
  kullbackLeibler,
  plainShares,
  smoothedShares,
  totalVariationDistance,
} from "../../../src/math/divergences.ts";
import { holmAdjusted } from "../../../src/math/holm.ts";
import { addToRatio, emptyRatioSums, mixAndRate, type RatioSums } from "../../../src/math/mix-and-rate.ts";
import { momentQuantile } from "../../../src/math/moment-law.ts";
import { predictedLossChange } from "../../../src/math/predicted-loss-change.ts";
import { rankingNoise } from "../../../src/math/ranking-noise.ts";
import { total } from "../../../src/math/total.ts";
import { assertClose, goldenCases, uniform } from "../../support/golden.ts";

const counts = z.array(z.number());
const near = (found: number, expected: number, tolerance = 1e-12) =>
  assert.ok(Math.abs(found - expected) <= tolerance * Math.max(1, Math.abs(expected)), `${found} is not ${expected}`);

for (const { id, inputs, expected, tolerance } of goldenCases("psi_terms")) {
  test(`golden ${id}: each bin's term of the stability index`, () => {
    const parts = stabilityParts(counts.parse(inputs["counts_a"]), counts.parse(inputs["counts_b"]));
    for (const [bin, term] of counts.parse(expected["terms"]).entries())
      assertClose(parts[bin] ?? Number.NaN, term, tolerance, `${id}, bin ${bin}`);
    assertClose(total([...parts]), z.number().parse(expected["psi"]), tolerance, id);
  });
}

const twoSamples = fc
  .integer({ min: 2, max: 30 })
  .chain((bins) =>
    fc.tuple(
      fc.array(fc.integer({ min: 0, max: 500 }), { minLength: bins, maxLength: bins }),
      fc.array(fc.integer({ min: 0, max: 500 }), { minLength: bins, maxLength: bins }),
    ),
  )
  .filter(([a, b]) => total(a) > 0 && total(b) > 0);

test("the bins' parts sum to the distance that is computed another way", () => {
  fc.assert(
    fc.property(twoSamples, ([a, b]) => {
      const [p, q] = [plainShares(a), plainShares(b)];
      const sum = (parts: readonly number[]) => total([...parts]);
      near(sum(totalVariationParts(a, b)), totalVariationDistance(p, q));
      near(sum(greatestDifferenceParts(a, b)), greatestDifference(p, q));
      near(sum(jensenShannonParts(a, b)), jensenShannonDivergence(p, q) / Math.LN2, 1e-10);
      near(sum(hellingerParts(a, b)), hellingerDistance(p, q) ** 2, 1e-10);
      near(sum(chiSquaredParts(a, b)), contingencyTest(a, b).chiSquared, 1e-9);
      const filled = a.map((x, bin) => x + (b[bin] ?? 0) > 0);
      const [sa, sb] = [
        smoothedShares(a.filter((_, bin) => filled[bin])),
        smoothedShares(b.filter((_, bin) => filled[bin])),
      ];
      near(sum(kullbackLeiblerParts(a, b)), kullbackLeibler(sb, sa), 1e-10);
      assert.ok(
        [
          totalVariationParts,
          jensenShannonParts,
          hellingerParts,
          stabilityParts,
          kullbackLeiblerParts,
          chiSquaredParts,
        ].every((parts) => parts(a, b).every((part) => part >= 0)),
      );
    }),
  );
});

test("for values in order the parts sum to Kolmogorov-Smirnov's, Wasserstein's and the energy distance", () => {
  fc.assert(
    fc.property(
      twoSamples,
      fc.array(fc.integer({ min: 1, max: 50 }), { minLength: 30, maxLength: 30 }),
      ([a, b], steps) => {
        let at = 0;
        const places = a.map((_, bin) => (at += steps[bin] ?? 1));
        const [n, m] = [total(a), total(b)];
        let [x, y, greatest, energy] = [0, 0, 0, 0];
        for (const [bin, count] of a.entries()) {
          x += count;
          y += b[bin] ?? 0;
          greatest = Math.max(greatest, Math.abs(x / n - y / m));
          if (bin + 1 < a.length) energy += 2 * ((places[bin + 1] ?? 0) - (places[bin] ?? 0)) * (x / n - y / m) ** 2;
        }
        near(total([...kolmogorovParts(a, b)]), greatest, 1e-10);
        const masses = a.map((reference, bin) => ({ at: places[bin] ?? 0, reference, window: b[bin] ?? 0 }));
        near(total([...transportParts(a, b, places)]), massDistance(masses), 1e-10);
        near(total([...energyParts(a, b, places)]), energy, 1e-10);
      },
    ),
  );
});

test("rows that moved from one value to another share its transport, and what stays has none", () => {
  // Ten of a hundred rows moved from 0 to 9: the distance is 0.9.
  assert.deepEqual(
    transportParts([50, 0, 50], [40, 0, 60], [0, 5, 9]).map((part) => Number(part.toFixed(12))),
    [0.495, 0, 0.405],
  );
});

/** Segments 0..2 with a rows and errors each. */
function ratio(rows: readonly (readonly [number, number])[]): RatioSums {
  const sums = emptyRatioSums(rows.length);
  for (const [segment, [count, errors]] of rows.entries())
    for (let row = 0; row < count; row++) addToRatio(sums, segment, row < errors ? 1 : 0, 1);
  return sums;
}
const totals = ({ rows, a, b }: RatioSums) => ({ rows: total([...rows]), a: total([...a]), b: total([...b]) });
const split = (before: RatioSums, after: RatioSums) => {
  const found = mixAndRate(before, after, totals(before), totals(after));
  assert.ok(found);
  return found;
};

test("a worked example: shares alone, and a rate alone", () => {
  // Error rates 10 % and 50 % stay; the second goes from 20 % to 40 % of the rows: 18 % to 26 %.
  const mix = split(
    ratio([
      [800, 80],
      [200, 100],
    ]),
    ratio([
      [600, 60],
      [400, 200],
    ]),
  );
  near(mix.change, 0.08);
  assert.deepEqual(
    mix.parts.map(({ rate }) => rate),
    [0, 0],
  );
  near(mix.parts[0]?.mix ?? 0, -0.2 * (0.1 - 0.22));
  near(mix.parts[1]?.mix ?? 0, 0.2 * (0.5 - 0.22));
  // Shares stay; the second's rate goes from 50 % to 90 %.
  const rate = split(
    ratio([
      [800, 80],
      [200, 100],
    ]),
    ratio([
      [800, 80],
      [200, 180],
    ]),
  );
  near(rate.parts[0]?.part ?? 1, 0);
  near(rate.parts[1]?.rate ?? 0, 0.08);
  near(rate.parts[1]?.mix ?? 1, 0);
  assert.ok((rate.parts[1]?.pValue ?? 1) < 1e-6);
});

const segments = fc.array(fc.tuple(fc.integer({ min: 0, max: 60 }), fc.double({ min: 0, max: 1, noNaN: true })), {
  minLength: 1,
  maxLength: 8,
});

test("mix and rate sum to the change of the whole, exactly, whatever segments come or go", () => {
  fc.assert(
    fc.property(segments, segments, (one, other) => {
      const size = Math.max(one.length, other.length);
      const fill = (list: typeof one) =>
        ratio(
          Array.from({ length: size }, (_, index) => {
            const [rows, share] = list[index] ?? [0, 0];
            return [rows, Math.round(rows * share)] as const;
          }),
        );
      const [before, after] = [fill(one), fill(other)];
      const found = mixAndRate(before, after, totals(before), totals(after));
      if (totals(before).b === 0 || totals(after).b === 0) return assert.equal(found, null);
      assert.ok(found);
      near(total(found.parts.map(({ part }) => part)), found.change, 1e-12);
      for (const { mix, rate, part } of found.parts) near(mix + rate, part);
    }),
  );
});

test("a ratio of sums splits as exactly as a share does: F1 as 2 tp over 2 tp + fp + fn", () => {
  const draw = uniform(7);
  const sample = (shift: number) => {
    const sums = emptyRatioSums(4);
    for (let row = 0; row < 4000; row++) {
      const segment = Math.floor(draw() * 4);
      const label = draw() < 0.4;
      const decided = draw() < (segment === 2 ? shift : 0.2) ? !label : label;
      addToRatio(sums, segment, label && decided ? 2 : 0, label && decided ? 2 : label || decided ? 1 : 0);
    }
    return sums;
  };
  const found = split(sample(0.2), sample(0.6));
  near(total(found.parts.map(({ part }) => part)), found.change, 1e-12);
  const [worst] = [...found.parts.entries()].sort(([, x], [, y]) => x.part - y.part);
  assert.equal(worst?.[0], 2);
});

test("under no change a segment's p-value is below 5 % about 5 % of the time", () => {
  const draw = uniform(11);
  let low = 0;
  for (let trial = 0; trial < 600; trial++) {
    const sample = () => {
      const sums = emptyRatioSums(3);
      for (let row = 0; row < 400; row++) {
        const segment = draw() < 0.3 ? 0 : draw() < 0.5 ? 1 : 2;
        addToRatio(sums, segment, draw() < 0.1 + 0.2 * segment ? 1 : 0, 1);
      }
      return sums;
    };
    if ((split(sample(), sample()).parts[2]?.pValue ?? 1) < 0.05) low++;
  }
  assert.ok(low > 14 && low < 50, `${low} of 600`);
});

test("Holm's correction, as in R's p.adjust, also where most tests are not given", () => {
  const adjusted = holmAdjusted([0.01, 0.02, 0.03, 0.005]);
  for (const [index, expected] of [0.03, 0.04, 0.04, 0.02].entries()) near(adjusted[index] ?? 0, expected);
  near(holmAdjusted([0.001], 100)[0] ?? 0, 0.1);
  assert.deepEqual(holmAdjusted([]), []);
});

test("the predicted change of the loss: by hand, its parts, and blind to what costs nothing", () => {
  // Losses 10 % and 40 %; ten in a hundred move to the worse bin.
  const known = predictedLossChange([50, 50], [40, 60], { rows: [50, 50], losses: [5, 20], squares: [5, 20] });
  near(known?.change ?? 0, 0.03);
  // Fewer rows where little is lost and more where much is each add half.
  near(known?.parts[0] ?? 0, 0.015);
  near(known?.parts[1] ?? 0, 0.015);
  assert.ok((known?.deviation ?? 0) > 0.01 && (known?.deviation ?? 1) < 0.05);
  const even = predictedLossChange([50, 50], [0, 100], { rows: [50, 50], losses: [5, 5], squares: [5, 5] });
  near(even?.change ?? 1, 0);
  assert.equal(predictedLossChange([50, 50], [1, 1], { rows: [0, 0], losses: [0, 0], squares: [0, 0] }), null);
});

test("the predicted change's standard error is that of repeated windows", () => {
  const draw = uniform(5);
  const reference = [4000, 3000, 3000];
  const losses = { rows: reference, losses: [400, 900, 1500], squares: [400, 900, 1500] };
  const values: number[] = [];
  let deviation = 0;
  for (let trial = 0; trial < 400; trial++) {
    const window = [0, 0, 0];
    for (let row = 0; row < 500; row++) {
      const u = draw();
      const bin = u < 0.4 ? 0 : u < 0.7 ? 1 : 2;
      window[bin] = (window[bin] ?? 0) + 1;
    }
    const found = predictedLossChange(reference, window, losses);
    values.push(found?.change ?? 0);
    deviation = found?.deviation ?? 0;
  }
  const mean = total(values) / values.length;
  const measured = Math.sqrt(total(values.map((value) => (value - mean) ** 2)) / values.length);
  assert.ok(deviation > 0.85 * measured && deviation < 1.25 * measured, `${deviation} against ${measured}`);
});

test("a shift of P(y | score) is seen, one of the scores alone is not, and chance is beyond its 99 % point in about 1 %", () => {
  const draw = uniform(3);
  const sample = (rows: number, extra: number, power: number) => {
    const bins = Array.from({ length: 10 }, () => ({ rows: 0, positives: 0, expected: 0 }));
    for (let row = 0; row < rows; row++) {
      const score = draw() ** power;
      const bin = bins[Math.min(9, Math.floor(score * 10))];
      assert.ok(bin);
      bin.rows++;
      bin.expected += score;
      if (draw() < Math.min(1, score + extra)) bin.positives++;
    }
    return bins;
  };
  let beyond = 0;
  for (let trial = 0; trial < 500; trial++) {
    const found = conditionalShift(sample(3000, 0, 1), sample(1000, 0, 1.5));
    assert.ok(found);
    if (found.value > momentQuantile(0.99, found.noise)) beyond++;
  }
  assert.ok(beyond >= 1 && beyond <= 14, `${beyond} of 500`);
  const drifted = conditionalShift(sample(5000, 0, 1), sample(5000, 0.1, 1));
  assert.ok(drifted);
  assert.ok(drifted.value > 0.08 && drifted.value < 0.12, `${drifted.value}`);
  assert.ok(drifted.value > 2 * momentQuantile(0.99, drifted.noise));
  assert.equal(
    conditionalShift([{ rows: 0, positives: 0, expected: 0 }], [{ rows: 5, positives: 1, expected: 1 }]),
    null,
  );
});

test("scores that move within a bin are no concept drift; the rest is, by hand", () => {
  const before = [{ rows: 100, positives: 50, expected: 50 }];
  near(conditionalShift(before, [{ rows: 100, positives: 80, expected: 80 }])?.value ?? 1, 0);
  const found = conditionalShift(before, [{ rows: 300, positives: 240, expected: 210 }]);
  near(found?.value ?? 0, 0.1);
  // One bin: the size of a normal variable with p (1 - p) (1/n + 1/m), p = 290.5 of 401.
  const share = 290.5 / 401;
  const deviation = Math.sqrt(share * (1 - share) * (1 / 100 + 1 / 300));
  near(found?.noise.mean ?? 0, deviation * Math.sqrt(2 / Math.PI));
  near(found?.noise.variance ?? 0, deviation ** 2 * (1 - 2 / Math.PI));
});

test("a ranking strays more by chance where its means are close and uncertain", () => {
  const sure = rankingNoise(
    [
      { mean: 3, deviation: 0.01 },
      { mean: 1, deviation: 0.01 },
    ],
    [0.01, 0.01],
  );
  near(sure.expected, 1, 1e-9);
  near(sure.lower01, 1, 1e-9);
  const unsure = rankingNoise(
    [
      { mean: 3, deviation: 1 },
      { mean: 1, deviation: 1 },
      { mean: 0.5, deviation: 1 },
    ],
    [2, 2, 2],
  );
  assert.ok(unsure.lower01 < 0.9 && unsure.lower01 < unsure.expected);
  assert.deepEqual(
    unsure,
    rankingNoise(
      [
        { mean: 3, deviation: 1 },
        { mean: 1, deviation: 1 },
        { mean: 0.5, deviation: 1 },
      ],
      [2, 2, 2],
    ),
  );
});
