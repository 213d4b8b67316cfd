/** Two-sample measures and metrics of predictions against the plainest way to compute them, on any small input. */
import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { binomialProbability } from "../../../src/math/binomial-probability.ts";
import { confusionMatrix, confusionMetrics } from "../../../src/math/confusion-metrics.ts";
import { kendallCorrelation } from "../../../src/math/correlation.ts";
import { cramerVonMisesUpperTail } from "../../../src/math/cramer-von-mises.ts";
import { squaredEnergyDistance } from "../../../src/math/energy-distance.ts";
import { fisherExact, hypergeometricProbability } from "../../../src/math/fisher-exact.ts";
import { doubletonRows } from "../../../src/math/good-turing.ts";
import { betaQuantile, incompleteBeta, incompleteBetaComplement } from "../../../src/math/incomplete-beta.ts";
import { kolmogorovFiniteUpperTail } from "../../../src/math/kolmogorov-finite-upper-tail.ts";
import { kolmogorovSmirnovDistance, kolmogorovSmirnovExactUpperTail } from "../../../src/math/kolmogorov-smirnov.ts";
import { kolmogorovUpperTail } from "../../../src/math/kolmogorov-upper-tail.ts";
import { skewedQuantile } from "../../../src/math/moment-law.ts";
import { normalQuantile } from "../../../src/math/normal-quantile.ts";
import { rangeExceedance } from "../../../src/math/range-exceedance.ts";
import { scoreRanking } from "../../../src/math/roc-auc.ts";
import { wassersteinDistance } from "../../../src/math/wasserstein-distance.ts";

const seed = 20_260_302;
const sample = fc.array(fc.integer({ min: -5, max: 5 }), { minLength: 1, maxLength: 12 });
const mean = (values: readonly number[]) => values.reduce((sum, value) => sum + value, 0) / values.length;
const pairsOf = (a: readonly number[], b: readonly number[], of: (x: number, y: number) => number) =>
  a.flatMap((x) => b.map((y) => of(x, y)));

function close(actual: number, expected: number, tolerance = 1e-12, what = ""): void {
  assert.ok(
    Math.abs(actual - expected) <= tolerance * Math.max(1, Math.abs(expected)),
    `${what} ${actual}, not ${expected}`,
  );
}

test("the energy distance is what the mean distances of pairs say, and Wasserstein's is that of equal sizes in order", () => {
  fc.assert(
    fc.property(sample, sample, (a, b) => {
      const far = (x: readonly number[], y: readonly number[]) => mean(pairsOf(x, y, (u, v) => Math.abs(u - v)));
      close(squaredEnergyDistance(a, b), 2 * far(a, b) - far(a, a) - far(b, b));
      const n = Math.min(a.length, b.length);
      const [x, y] = [a, b].map((values) => values.slice(0, n).sort((u, v) => u - v));
      close(
        wassersteinDistance(a.slice(0, n), b.slice(0, n)),
        mean((x ?? []).map((u, i) => Math.abs(u - (y?.[i] ?? 0)))),
      );
    }),
    { seed },
  );
});

test("the exact Kolmogorov-Smirnov p-value is the share of all divisions of the ranks that are as far apart", () => {
  for (const [n, m] of [
    [3, 4],
    [4, 4],
    [2, 6],
  ] as const) {
    const rows = Array.from({ length: n + m }, (_, rank) => rank);
    const distances: number[] = [];
    for (let chosen = 0; chosen < 2 ** (n + m); chosen++) {
      const a = rows.filter((rank) => (chosen >> rank) & 1);
      if (a.length === n)
        distances.push(
          kolmogorovSmirnovDistance(
            a,
            rows.filter((rank) => !((chosen >> rank) & 1)),
          ),
        );
    }
    for (const distance of new Set(distances)) {
      const share = distances.filter((other) => other >= distance - 1e-12).length / distances.length;
      close(kolmogorovSmirnovExactUpperTail(distance, n, m), share);
    }
  }
});

test("the finite Kolmogorov law falls, joins its methods without a step, and tends to the limit law", () => {
  for (const n of [10, 140, 141, 1000]) {
    let before = 1;
    for (let x = 0; x <= 1; x += 0.001) {
      const tail = kolmogorovFiniteUpperTail(x, n);
      assert.ok(tail <= before + 1e-7, `n = ${n}, x = ${x}: ${tail} above ${before}`);
      before = tail;
    }
  }
  close(kolmogorovFiniteUpperTail(1.2 / 1000, 1_000_000), kolmogorovUpperTail(1.2), 1e-3);
  assert.ok(Number.isNaN(kolmogorovFiniteUpperTail(0.1, 2.5)));
});

test("the Cramér-von Mises law has its tabulated points: 10 %, 5 % and 1 % at 0.34730, 0.46136, 0.74346", () => {
  for (const [point, tail] of [
    [0.3473, 0.1],
    [0.46136, 0.05],
    [0.74346, 0.01],
  ] as const) {
    close(cramerVonMisesUpperTail(point, 1e6, 1e6), tail, 2e-5);
  }
  assert.equal(cramerVonMisesUpperTail(1e9, 1000, 1000), 0);
  assert.equal(cramerVonMisesUpperTail(0.5, 1, 1), 1);
});

test("the incomplete beta function: both sides sum to 1, the inverse inverts, and the binomial law sums", () => {
  const shape = fc.double({ min: 0.1, max: 2000, noNaN: true });
  fc.assert(
    fc.property(fc.double({ min: 0, max: 1, noNaN: true }), shape, shape, (x, a, b) => {
      const below = incompleteBeta(x, a, b);
      assert.ok(below >= 0 && below <= 1 + 1e-12);
      close(below + incompleteBetaComplement(x, a, b), 1);
      // Within 1e-3 of 1 the steps between doubles are coarse.
      if (below > 1e-6 && below < 1 - 1e-6 && x < 0.999)
        close(incompleteBeta(betaQuantile(below, a, b), a, b), below, 1e-9);
    }),
    { seed },
  );
  const choose = [1, 5, 10, 10, 5, 1];
  let sum = 0;
  for (const [k, ways] of choose.entries()) {
    sum += ways * 0.3 ** k * 0.7 ** (5 - k);
    close(binomialProbability(k, 5, 0.3), sum);
  }
});

test("Fisher's exact test is the same with rows or columns exchanged, and 1 where a margin is empty", () => {
  const cell = fc.nat(30);
  fc.assert(
    fc.property(cell, cell, cell, cell, (a, b, c, d) => {
      const p = fisherExact([
        [a, b],
        [c, d],
      ]);
      assert.ok(p > 0 && p <= 1);
      close(
        fisherExact([
          [c, d],
          [a, b],
        ]),
        p,
        1e-10,
      );
      close(
        fisherExact([
          [b, a],
          [d, c],
        ]),
        p,
        1e-10,
      );
      close(hypergeometricProbability(Math.min(a + c, a + b), a + b + c + d, a + c, a + b), 1);
    }),
    { seed },
  );
  assert.equal(
    fisherExact([
      [0, 0],
      [3, 4],
    ]),
    1,
  );
});

test("ROC-AUC is the share of pairs in order, ties counting half", () => {
  fc.assert(
    fc.property(sample, sample, (positives, negatives) => {
      const labels = [...positives.map(() => true), ...negatives.map(() => false)];
      const { rocAuc, greatestSeparation } = scoreRanking([...positives, ...negatives], labels);
      close(rocAuc, mean(pairsOf(positives, negatives, (x, y) => (x > y ? 1 : x === y ? 0.5 : 0))));
      close(greatestSeparation, kolmogorovSmirnovDistance(positives, negatives));
    }),
    { seed },
  );
});

test("Kendall's tau is the balance of pairs over those untied", () => {
  fc.assert(
    fc.property(fc.array(fc.tuple(fc.nat(5), fc.nat(5)), { minLength: 3, maxLength: 15 }), (rows) => {
      let [balance, untiedX, untiedY] = [0, 0, 0];
      for (const [i, [x, y]] of rows.entries()) {
        for (const [u, v] of rows.slice(i + 1)) {
          balance += Math.sign(x - u) * Math.sign(y - v);
          untiedX += Number(x !== u);
          untiedY += Number(y !== v);
        }
      }
      const [x, y] = [rows.map(([first]) => first), rows.map(([, second]) => second)];
      if (untiedX > 0 && untiedY > 0) close(kendallCorrelation(x, y), balance / Math.sqrt(untiedX * untiedY));
      else assert.ok(Number.isNaN(kendallCorrelation(x, y)));
    }),
    { seed },
  );
});

test("a confusion matrix of right predictions has every measure 1, and a class out of range is refused", () => {
  const { accuracy, f1, matthews, kappa } = confusionMetrics(confusionMatrix([0, 1, 2, 1], [0, 1, 2, 1], 3));
  assert.deepEqual([accuracy, ...f1, matthews, kappa], [1, 1, 1, 1, 1, 1]);
  assert.throws(() => confusionMatrix([0, 3], [0, 0], 3), RangeError);
});

test("the law of rows out of range: its mean and 99 % point for two earlier rows and three later ones", () => {
  // Of 3 rows 0, 1, 2, 3 lie outside with the chances 1, 2, 3, 4 in 10.
  assert.deepEqual(rangeExceedance(2, 3), { expected: 2 / 3, upper99: 1 });
  assert.deepEqual(rangeExceedance(1, 100), { expected: 1, upper99: 1 });
  // Where the share's law takes over from the sum, the two agree.
  const [sum, share] = [rangeExceedance(2000, 1_000_000), rangeExceedance(1990, 1_000_000)];
  close(sum.upper99 / share.upper99, 1990 / 2000, 0.002);
});

test("a law without skewness is normal, and one with it has the gamma law's points", () => {
  close(skewedQuantile(0.99, 2, 0), 2 * normalQuantile(0.99));
  // An exponential variable less its mean has skewness 2.
  close(skewedQuantile(0.99, 1, 2), -Math.log(0.01) - 1, 1e-9);
  close(skewedQuantile(0.99, 1, -2), 1 + Math.log(0.99), 1e-9);
});

test("categories seen twice: counted where listed, bounded by its rows and singletons in the tail", () => {
  const listed = { categories: ["a", "b", "c", "d"], bins: [9, 2, 2, 1, 0, 0], singletons: 1 };
  assert.deepEqual(doubletonRows(listed), { listed: 4, tail: 0 });
  const tail = { categories: ["a", "b"], bins: [90, 3, 40, 0], singletons: 5 };
  assert.deepEqual(doubletonRows(tail), { listed: 0, tail: 18 });
});
