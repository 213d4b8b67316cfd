/**
 * Features that are vectors, such as embeddings: what of them is watched. A vector itself has no bins; a few numbers that are made of it have,
 * and each of these is a numeric feature like any other.
 */

/** Numbers that a vector has at least and at most. */
export const LEAST_DIMENSION = 2;
export const MOST_DIMENSION = 4096;
/** Principal directions that are followed where nothing is said, and at most. */
export const DEFAULT_DIRECTIONS = 3;
export const MOST_DIRECTIONS = 16;

/** What a vector feature is measured against. Without a reference only lengths are known. */
export interface VectorProjection {
  readonly feature: string;
  /** Numbers that a vector must have; null: any. */
  readonly dimension: number | null;
  /** Of the reference, each number rounded to 32 bits; null where none is known. */
  readonly centroid: readonly number[] | null;
  /** Of length 1, the widest first, rounded likewise; none without a centroid. */
  readonly directions: readonly (readonly number[])[];
  /** Of each direction, the share of the reference's variance that lies along it, 0..1. */
  readonly shares: readonly number[];
}

/** A vector feature of which nothing is known but that it is one. */
export const withoutReference = (feature: string, dimension: number | undefined): VectorProjection => ({
  feature,
  dimension: dimension ?? null,
  centroid: null,
  directions: [],
  shares: [],
});

/** What can be measured of a vector: its length, its distance to the centroid, its place along a direction (from 1 on). */
export type VectorPart = "norm" | "distance" | `direction_${number}`;

export function vectorParts({ centroid, directions }: Pick<VectorProjection, "centroid" | "directions">): VectorPart[] {
  if (centroid === null) return ["norm"];
  return ["norm", "distance", ...directions.map((_, index): VectorPart => `direction_${index + 1}`)];
}

/** Name of the numeric feature that a part is. */
export const partName = (feature: string, part: VectorPart): string => `${feature}.${part}`;

/** Names of all numeric features that are made of a vector. */
export const partNames = (projection: Pick<VectorProjection, "feature" | "centroid" | "directions">): string[] =>
  vectorParts(projection).map((part) => partName(projection.feature, part));

/** The list that a text spells as JSON, or the text: sources that know text alone spell vectors so. */
export function listIn(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}

/** Why a value is no vector. */
export type NoVector = "not a list" | "empty" | "too long" | "not all numbers";

/** The numbers of a list in 32 bits, or why they are none. Beyond the range of 32 bits is no number. */
export function vectorOf(value: unknown): Float32Array | NoVector {
  if (!Array.isArray(value)) return "not a list";
  const { length } = value;
  if (length === 0) return "empty";
  if (length > MOST_DIMENSION) return "too long";
  const numbers = new Float32Array(length);
  for (let index = 0; index < length; index++) {
    const entry: unknown = value[index];
    if (typeof entry !== "number" && typeof entry !== "bigint") return "not all numbers";
    const number = Math.fround(Number(entry));
    if (!Number.isFinite(number)) return "not all numbers";
    numbers[index] = number;
  }
  return numbers;
}
