/** Learns what a vector feature is measured against from some rows of its reference. */
import type { VectorProjection } from "../../core/vector.ts";
import { principalDirections } from "../../math/principal-directions.ts";

/** Of so many rows one is learnt from at most. */
const LEARN_EVERY = 5;
/** Numbers learnt from, of all vectors together: more rows make directions hardly better, and a start slower. */
const MOST_NUMBERS = 600_000;
/** A reference of fewer rows has none to spare. */
const LEAST_ROWS = 50;

/**
 * Every so many-th row is learnt from, and such a row is no part of the reference otherwise: vectors lie nearer to a centroid, and farther
 * along a direction, that were made of themselves than to one that was not, so every window would differ from its reference. 0: none.
 *
 * @param numbers numbers that all vectors of a row have together
 */
export function learningStep(rows: number, numbers: number): number {
  if (rows < LEAST_ROWS || numbers === 0) return 0;
  return Math.max(LEARN_EVERY, Math.ceil((rows * numbers) / MOST_NUMBERS));
}

/** @param rows vectors of `dimension` numbers; without any only lengths are known */
export function learnProjection(
  feature: string,
  dimension: number,
  directions: number,
  rows: readonly ArrayLike<number>[],
): VectorProjection {
  if (rows.length === 0) return { feature, dimension, centroid: null, directions: [], shares: [] };
  const found = principalDirections(rows, directions);
  const in32Bits = (numbers: Float64Array) => Array.from(numbers, Math.fround);
  return {
    feature,
    dimension,
    centroid: in32Bits(found.centroid),
    directions: found.directions.map(in32Bits),
    shares: found.variances.map((variance) => variance / found.totalVariance),
  };
}
