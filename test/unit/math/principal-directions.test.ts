/** Centroid and principal directions against scikit-learn (test/fixtures/golden/principal-directions.py), and laws of them. */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import fc from "fast-check";
import { z } from "zod";
import { principalDirections } from "../../../src/math/principal-directions.ts";
import { assertClose, uniform } from "../../support/golden.ts";
import { projectFile } from "../../support/project-file.ts";

const golden = z
  .object({
    cases: z.array(
      z.object({
        seed: z.number(),
        rows: z.number(),
        size: z.number(),
        count: z.number(),
        rank: z.number(),
        centroid: z.array(z.number()),
        directions: z.array(z.array(z.number())),
        variances: z.array(z.number()),
        total_variance: z.number(),
        first_row: z.object({ norm: z.number(), distance: z.number(), along: z.array(z.number()) }),
      }),
    ),
  })
  .parse(JSON.parse(readFileSync(projectFile("test/fixtures/golden/principal-directions.json"), "utf8")));

/** The rows that principal-directions.py draws. */
function goldenRows({ seed, rows, size, rank }: (typeof golden.cases)[number]): number[][] {
  const draw = uniform(seed);
  const normal = () => Array.from({ length: 12 }, draw).reduce((sum, one) => sum + one, 0) - 6;
  const loadings = Array.from({ length: Math.min(rank, 5) }, (_, factor) =>
    Array.from({ length: size }, () => (normal() * 4) / (factor + 1)),
  );
  return Array.from({ length: rows }, () => {
    const factors = loadings.map(normal);
    return Array.from({ length: size }, (_, column) => {
      const common = factors.reduce((sum, factor, index) => sum + factor * (loadings[index]?.[column] ?? 0), 0);
      return common + (rank === size ? normal() * 0.5 : 0) + column;
    });
  });
}

const dot = (a: ArrayLike<number>, b: ArrayLike<number>) =>
  Array.from(a).reduce((sum, value, index) => sum + value * (b[index] ?? 0), 0);

for (const one of golden.cases)
  test(`${one.rows} vectors of ${one.size} numbers, rank ${one.rank}: as scikit-learn's PCA`, () => {
    const rows = goldenRows(one);
    const found = principalDirections(rows, one.count);
    assert.equal(found.directions.length, one.directions.length);
    for (const [index, value] of one.centroid.entries())
      assertClose(found.centroid[index] ?? 0, value, 1e-9, "centroid");
    assertClose(found.totalVariance, one.total_variance, 1e-9, "total variance");
    for (const [index, direction] of one.directions.entries()) {
      assertClose(found.variances[index] ?? 0, one.variances[index] ?? 0, 1e-9, "variance");
      for (const [column, value] of direction.entries())
        assertClose(found.directions[index]?.[column] ?? 0, value, 1e-7, `direction ${index}`);
    }
    const [first = []] = rows;
    const away = first.map((value, index) => value - (found.centroid[index] ?? 0));
    assertClose(Math.sqrt(dot(first, first)), one.first_row.norm, 1e-9, "norm");
    assertClose(Math.sqrt(dot(away, away)), one.first_row.distance, 1e-9, "distance");
    for (const [index, value] of one.first_row.along.entries())
      assertClose(dot(away, found.directions[index] ?? []), value, 1e-6, "along");
  });

const cloud = fc.integer({ min: 1, max: 6 }).chain((size) =>
  fc.array(fc.array(fc.integer({ min: -9, max: 9 }), { minLength: size, maxLength: size }), {
    minLength: 1,
    maxLength: 12,
  }),
);

test("directions have length 1, stand at right angles, and none has less variance than the next; no direction is NaN", () => {
  fc.assert(
    fc.property(cloud, fc.integer({ min: 0, max: 8 }), (rows, count) => {
      const { directions, variances, totalVariance } = principalDirections(rows, count);
      assert.ok(directions.length <= Math.min(count, rows[0]?.length ?? 0, Math.max(0, rows.length - 1)));
      for (const [i, one] of directions.entries())
        for (const [j, other] of directions.entries())
          assertClose(dot(one, other), Number(i === j), 1e-7, `${i}, ${j}`);
      for (const [index, variance] of variances.entries())
        assert.ok(variance <= (variances[index - 1] ?? Number.POSITIVE_INFINITY) * (1 + 1e-9));
      assert.ok(variances.reduce((sum, one) => sum + one, 0) <= totalVariance * (1 + 1e-9));
    }),
  );
});

test("equal vectors, and a single one, have a centroid and no directions", () => {
  assert.deepEqual(
    principalDirections(
      [
        [1, 2],
        [1, 2],
      ],
      2,
    ).directions,
    [],
  );
  assert.deepEqual([...principalDirections([[3, 4]], 2).centroid], [3, 4]);
});
