/** Logistic regression, out-of-fold areas and rank correlations against scikit-learn and SciPy (test/fixtures/golden/multivariate.py). */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import fc from "fast-check";
import { z } from "zod";
import { choleskyFactor, choleskySolve } from "../../../src/math/cholesky.ts";
import { rankCorrelation, ranksOfPresent } from "../../../src/math/correlation-change.ts";
import { greatestDeviation } from "../../../src/math/greatest-deviation.ts";
import { logisticRegression, logitOf, type SparseRows } from "../../../src/math/logistic-regression.ts";
import { scoreRanking } from "../../../src/math/roc-auc.ts";
import { assertClose, series } from "../../support/golden.ts";
import { projectFile } from "../../support/project-file.ts";

const golden = z
  .object({
    seed: z.number(),
    cases: z.array(
      z.object({
        ridge: z.number(),
        intercept: z.number(),
        coefficients: z.array(z.number()),
        areas: z.array(z.number()),
      }),
    ),
    spearman: z.object({ ab: z.number(), bd: z.number() }),
  })
  .parse(JSON.parse(readFileSync(projectFile("test/fixtures/golden/multivariate.json"), "utf8")));

/** The rows that multivariate.py draws: 400 of two samples with four features. */
function goldenRows(): { readonly table: SparseRows; readonly isSecond: Uint8Array } {
  const draws = series({ lcg: golden.seed, segments: [{ n: 400 * 37, dist: "uniform" }] });
  let at = 0;
  const next = () => draws[at++] ?? 0;
  const normal = () => Array.from({ length: 12 }, next).reduce((sum, one) => sum + one, 0) - 6;
  const isSecond = Uint8Array.from({ length: 400 }, (_, row) => (row % 5 < 2 ? 1 : 0));
  const rows = Array.from(isSecond, (second) => {
    const a = normal();
    const b = 0.5 * a + normal() + 0.4 * second;
    return [a, b, normal() - 0.3 * second, next() < 0.2 + 0.1 * second ? 1 : 0];
  });
  return { table: dense(rows), isSecond };
}

function dense(rows: readonly (readonly number[])[]): SparseRows {
  const width = rows[0]?.length ?? 0;
  return {
    rows: rows.length,
    width,
    columns: width,
    indices: Int32Array.from(rows.flatMap((row) => row.map((_, column) => column))),
    values: Float64Array.from(rows.flat()),
  };
}

function balanced(chosen: Uint32Array, isSecond: Uint8Array): readonly [number, number] {
  const second = chosen.reduce((sum, row) => sum + (isSecond[row] ?? 0), 0);
  return [chosen.length / 2 / (chosen.length - second), chosen.length / 2 / second];
}

const exactly = { tolerance: 1e-20, mostSteps: 5000 };

for (const { ridge, intercept, coefficients, areas } of golden.cases) {
  test(`coefficients and areas on unseen rows are scikit-learn's at ridge ${ridge}`, () => {
    const { table, isSecond } = goldenRows();
    const every = Uint32Array.from({ length: 400 }, (_, row) => row);
    const all = logisticRegression(table, every, isSecond, balanced(every, isSecond), { ridge, ...exactly });
    assertClose(all.intercept, intercept, 1e-8, "intercept");
    for (const [column, expected] of coefficients.entries())
      assertClose(all.coefficients[column] ?? Number.NaN, expected, 1e-8, `coefficient ${column}`);
    for (const [fold, expected] of areas.entries()) {
      const inside = (row: number) => Math.floor(row / 5) % 5 === fold;
      const chosen = every.filter((row) => !inside(row));
      const learned = logisticRegression(table, chosen, isSecond, balanced(chosen, isSecond), { ridge, ...exactly });
      const unseen = [...every].filter(inside);
      const { rocAuc } = scoreRanking(
        unseen.map((row) => logitOf(learned, table, row)),
        unseen.map((row) => isSecond[row] === 1),
      );
      assertClose(rocAuc, expected, 1e-12, `area of fold ${fold}`);
    }
  });
}

test("the few steps that a window is given end near the exact solution", () => {
  const { table, isSecond } = goldenRows();
  const every = Uint32Array.from({ length: 400 }, (_, row) => row);
  const weights = balanced(every, isSecond);
  const near = logisticRegression(table, every, isSecond, weights, { ridge: 20, tolerance: 1e-6, mostSteps: 50 });
  assert.ok(near.steps < 20, `${near.steps} steps`);
  for (const [column, expected] of (golden.cases[1]?.coefficients ?? []).entries())
    assertClose(near.coefficients[column] ?? Number.NaN, expected, 2e-3, `coefficient ${column}`);
});

test("columns that are 0 may be left out of a row's entries, or written down", () => {
  const rows = Array.from({ length: 60 }, (_, row) => [row % 3 === 0 ? 1 : 0, row % 3 === 1 ? 1 : 0, (row % 7) - 3]);
  const isSecond = Uint8Array.from(rows, (_, row) => ((row * 5) % 11 < 4 ? 1 : 0));
  const sparse: SparseRows = {
    rows: 60,
    width: 2,
    columns: 3,
    indices: Int32Array.from(rows.flatMap(([first]) => [first === 1 ? 0 : 1, 2])),
    values: Float64Array.from(rows.flatMap(([first, second, third]) => [(first ?? 0) + (second ?? 0), third ?? 0])),
  };
  const every = Uint32Array.from({ length: 60 }, (_, row) => row);
  const options = { ridge: 0.5, ...exactly };
  const one = logisticRegression(dense(rows), every, isSecond, [1, 1], options);
  const other = logisticRegression(sparse, every, isSecond, [1, 1], options);
  for (const [column, value] of one.coefficients.entries())
    assertClose(other.coefficients[column] ?? Number.NaN, value, 1e-9, `coefficient ${column}`);
});

test("a Cholesky solution satisfies its equations, and what is not positive definite is refused", () => {
  fc.assert(
    fc.property(fc.array(fc.double({ min: -3, max: 3, noNaN: true }), { minLength: 30, maxLength: 30 }), (numbers) => {
      const size = 5;
      const at = (row: number, column: number) => numbers[row * size + column] ?? 0;
      const matrix = new Float64Array(size * size);
      for (let i = 0; i < size; i++)
        for (let j = 0; j < size; j++)
          for (let k = 0; k < size; k++)
            matrix[i * size + j] = (matrix[i * size + j] ?? 0) + at(i, k) * at(j, k) + (i === j && k === 0 ? 1 : 0);
      const right = Float64Array.from(numbers.slice(25));
      const x = right.slice();
      choleskySolve(choleskyFactor(matrix.slice(), size), size, x);
      for (let i = 0; i < size; i++) {
        let sum = 0;
        for (let j = 0; j < size; j++) sum += (matrix[i * size + j] ?? 0) * (x[j] ?? 0);
        assertClose(sum, right[i], 1e-9, `equation ${i}`);
      }
    }),
    { seed: 20261125, numRuns: 200 },
  );
  assert.throws(() => choleskyFactor(Float64Array.from([1, 2, 2, 1]), 2), RangeError);
});

test("the correlation of ranks is SciPy's Spearman, ties and all, and rows without both values are left out", () => {
  const { table } = goldenRows();
  const column = (at: number) => Float64Array.from({ length: 400 }, (_, row) => table.values[row * 4 + at] ?? 0);
  const [a, b, d] = [column(0), column(1), column(3)].map(ranksOfPresent);
  assert.ok(a !== undefined && b !== undefined && d !== undefined);
  assertClose(rankCorrelation(a, b)?.correlation ?? Number.NaN, golden.spearman.ab, 1e-12, "a and b");
  assertClose(rankCorrelation(b, d)?.correlation ?? Number.NaN, golden.spearman.bd, 1e-12, "b and d");
  assert.equal(rankCorrelation(a, b)?.rows, 400);
  const halves = a.map((rank, row) => (row % 2 === 0 ? rank : Number.NaN));
  assert.equal(rankCorrelation(halves, b)?.rows, 200);
  assert.equal(
    rankCorrelation(
      a.map(() => 3),
      b,
    ),
    null,
  );
  assert.equal(rankCorrelation(a.subarray(0, 9), b.subarray(0, 9)), null);
});

test("the greatest of many deviations: one is the half-normal law, more are farther out", () => {
  assertClose(greatestDeviation(1).upper99, 2.5758293035489, 1e-9, "one");
  assertClose(greatestDeviation(1).expected, Math.sqrt(2 / Math.PI), 1e-3, "its mean");
  // scipy 1.17.1: quad(lambda x: 1 - (2 * norm.cdf(x) - 1) ** 10, 0, 12) and norm.isf(0.005 / 190).
  assertClose(greatestDeviation(10).expected, 1.88071569382116, 2e-3, "mean of the greatest of ten");
  assertClose(greatestDeviation(190).upper99, 4.043622758962592, 1e-9, "190");
});
