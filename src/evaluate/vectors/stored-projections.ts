/** What vector features are measured against, in the store: under the reference that it was learnt from. */
import { z } from "zod";
import type { VectorProjection } from "../../core/vector.ts";
import { type Sql, sql } from "../../store/sql.ts";
import type { Lane } from "../../store/store.ts";
import type { Constant } from "./vector-values.ts";

const CENTROID = "centroid";

export async function writeProjections(
  lane: Lane,
  model: string,
  referenceId: string,
  projections: readonly VectorProjection[],
): Promise<void> {
  const rows = projections.flatMap(({ feature, dimension, centroid, directions, shares }) => [
    { feature, dimension, part: CENTROID, share: 0, numbers: centroid ?? [] },
    ...directions.map((numbers, index) => ({
      feature,
      dimension,
      part: `direction_${index + 1}`,
      share: shares[index] ?? 0,
      numbers,
    })),
  ]);
  if (rows.length === 0) return;
  await lane.insertBlock("vector_projections", [
    { name: "model", type: "LowCardinality(String)", values: rows.map(() => model) },
    { name: "reference_id", type: "String", values: rows.map(() => referenceId) },
    { name: "feature", type: "String", values: rows.map((row) => row.feature) },
    { name: "part", type: "LowCardinality(String)", values: rows.map((row) => row.part) },
    { name: "dimension", type: "UInt32", values: rows.map((row) => row.dimension ?? 0) },
    { name: "share", type: "Float64", values: rows.map((row) => row.share) },
    { name: "numbers", type: "Array(Float64)", values: rows.map((row) => row.numbers) },
  ]);
}

const row = z.object({
  feature: z.string(),
  part: z.string(),
  dimension: z.number(),
  share: z.number(),
  numbers: z.array(z.number()),
});

export async function readProjections(lane: Lane, model: string, referenceId: string): Promise<VectorProjection[]> {
  const rows = await lane.query(
    sql`SELECT feature, part, dimension, share, numbers FROM vector_projections FINAL WHERE model = ${model} AND reference_id = ${referenceId} ORDER BY feature`,
    row,
  );
  return rows
    .filter(({ part }) => part === CENTROID)
    .map(({ feature, dimension, numbers }) => {
      const own = new Map(rows.filter((one) => one.feature === feature).map((one) => [one.part, one]));
      const directions: z.output<typeof row>[] = [];
      for (let next = own.get("direction_1"); next !== undefined; next = own.get(`direction_${directions.length + 1}`))
        directions.push(next);
      return {
        feature,
        dimension: dimension === 0 ? null : dimension,
        centroid: numbers.length === 0 ? null : numbers,
        directions: directions.map((direction) => direction.numbers),
        shares: directions.map(({ share }) => share),
      };
    });
}

/** Looked up by the statement itself: written out, the numbers of a few vectors would be longer than a statement may be. */
export function storedConstant(model: string, referenceId: string, { feature }: VectorProjection): Constant {
  return (part): Sql =>
    sql`(SELECT any(numbers) FROM vector_projections WHERE model = ${model} AND reference_id = ${referenceId} AND feature = ${feature} AND part = ${part})`;
}
