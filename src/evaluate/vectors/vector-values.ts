/**
 * SQL of the numbers that are made of a vector. One place for both sides, the rows of a window and those of a reference. They are made when rows
 * are read and not when events come, so that they follow from the stored vector and the reference in force, whichever that is.
 */
import { partName, type VectorPart, type VectorProjection, vectorParts } from "../../core/vector.ts";
import { featureColumn, vectorColumn } from "../../store/model-tables.ts";
import { join, name, type Sql, sql } from "../../store/sql.ts";

/** Array(Float64): the centroid, or a direction; `part` is "centroid" or that of the direction. */
export type Constant = (part: "centroid" | VectorPart) => Sql;

/**
 * Float64 of each part. In 64 bits, or the last digits would depend on how the engine's build sums up.
 *
 * @param vector Array(Float32); of one with another length than the centroid's the numbers mean nothing
 */
export function partValues(
  vector: Sql,
  projection: VectorProjection,
  constant: Constant,
): { readonly part: VectorPart; readonly value: Sql }[] {
  // The engine computes every branch of a condition, and refuses arrays of two lengths in any of them.
  const fitting = sql`arrayResize(${vector}, ${projection.centroid?.length ?? 0})`;
  return vectorParts(projection).map((part) => {
    if (part === "norm") return { part, value: sql`L2Norm(CAST(${vector} AS Array(Float64)))` };
    if (part === "distance") return { part, value: sql`L2Distance(${fitting}, ${constant("centroid")})` };
    const along = constant(part);
    return { part, value: sql`dotProduct(${fitting}, ${along}) - dotProduct(${constant("centroid")}, ${along})` };
  });
}

/** Bool: the vector is one that can be measured. */
export const fits = (vector: Sql, { dimension }: VectorProjection): Sql =>
  dimension === null ? sql`notEmpty(${vector})` : sql`length(${vector}) = ${dimension}`;

/**
 * The columns of a predictions table, to stand after SELECT, with the parts of its vectors as features beside. A vector that is invalid, or
 * has another length than the reference's, makes all of its parts invalid.
 */
export function withVectorParts(
  vectors: readonly VectorProjection[],
  constantOf: (vector: VectorProjection) => Constant,
): Sql {
  if (vectors.length === 0) return sql`*`;
  const made: Sql[] = [];
  const invalid: Sql[] = [];
  const own: Sql[] = [];
  for (const projection of vectors) {
    const { feature } = projection;
    const vector = name(vectorColumn(feature));
    const isFitting = fits(vector, projection);
    const parts = partValues(vector, projection, constantOf(projection));
    const names = parts.map(({ part }) => partName(feature, part));
    invalid.push(
      sql`if(has(invalid, ${feature}) OR (notEmpty(${vector}) AND NOT (${isFitting})), ${names}, CAST([] AS Array(String)))`,
    );
    for (const { part, value } of parts) {
      const column = name(featureColumn(partName(feature, part)));
      // A column that an earlier reference gave the same name gives way.
      own.push(column);
      made.push(sql`if(${isFitting}, CAST(${value} AS Nullable(Float64)), NULL) AS ${column}`);
    }
  }
  return sql`* EXCEPT (${join(own)}) REPLACE (arrayConcat(invalid, ${join(invalid)}) AS invalid), ${join(made)}`;
}
