/**
 * Why a ratio over all rows changed, told by segments: because their shares did (mix), or because they did better or worse themselves
 * (rate). A ratio is the sum of a over the sum of b: errors over rows, true positives over predicted ones, a mean of losses.
 */
import { normalProbability } from "./normal-probability.ts";

/** Sums over the rows of each segment. Segments need not be disjoint nor cover all rows: the totals are given apart. */
export interface RatioSums {
  readonly rows: Float64Array;
  readonly a: Float64Array;
  readonly b: Float64Array;
  /** Of a², a·b and b². */
  readonly aa: Float64Array;
  readonly ab: Float64Array;
  readonly bb: Float64Array;
}

/** Of all rows. */
export interface RatioTotals {
  readonly rows: number;
  readonly a: number;
  readonly b: number;
}

/** One segment's part in the change of the ratio. */
export interface MixAndRate {
  /** What comes of its share of b having changed. */
  readonly mix: number;
  /** What comes of its own ratio having changed. */
  readonly rate: number;
  /** mix + rate. */
  readonly part: number;
  /** Standard error of `part`, by the rows of both sides. */
  readonly deviation: number;
  /** Chance of a part this far from 0 if nothing had changed in the segment (normal law, two-sided). */
  readonly pValue: number;
  /** Its share of b, before and after. */
  readonly weights: readonly [number, number];
  /** Its own ratio, before and after; null on a side where it has none. */
  readonly ratios: readonly [number | null, number | null];
}

export const emptyRatioSums = (segments: number): RatioSums => ({
  rows: new Float64Array(segments),
  a: new Float64Array(segments),
  b: new Float64Array(segments),
  aa: new Float64Array(segments),
  ab: new Float64Array(segments),
  bb: new Float64Array(segments),
});

/** Adds a row to a segment. */
export function addToRatio(sums: RatioSums, segment: number, a: number, b: number): void {
  sums.rows[segment] = (sums.rows[segment] ?? 0) + 1;
  sums.a[segment] = (sums.a[segment] ?? 0) + a;
  sums.b[segment] = (sums.b[segment] ?? 0) + b;
  sums.aa[segment] = (sums.aa[segment] ?? 0) + a * a;
  sums.ab[segment] = (sums.ab[segment] ?? 0) + a * b;
  sums.bb[segment] = (sums.bb[segment] ?? 0) + b * b;
}

/**
 * Kitagawa's decomposition (1955, JASA 50, 1168-1194), the Shapley value with two factors: with the shares w, w' and ratios r, r' of a
 * segment before and after, and c midway between the whole's ratios,
 *
 *   mix = (w' - w) ((r + r') / 2 - c),   rate = (r' - r) (w + w') / 2.
 *
 * Over segments that are disjoint and cover all rows, the parts sum to the change of the whole exactly; c moves what a change of
 * shares means from one segment to another ("more of what goes badly"), and no sum. A part is also w'(r' - c) - w(r - c), a difference of two
 * means over rows, which is where its standard error comes from (that of c is left out).
 *
 * A segment without weight on one side has there the ratio of the other: all of its part is mix.
 *
 * @returns null where one side has no ratio
 */
export function mixAndRate(
  before: RatioSums,
  after: RatioSums,
  totalBefore: RatioTotals,
  totalAfter: RatioTotals,
): {
  readonly before: number;
  readonly after: number;
  readonly change: number;
  readonly parts: readonly MixAndRate[];
} | null {
  if (!(totalBefore.b > 0) || !(totalAfter.b > 0)) return null;
  const whole = [totalBefore.a / totalBefore.b, totalAfter.a / totalAfter.b] as const;
  const centre = (whole[0] + whole[1]) / 2;
  const parts = Array.from({ length: before.rows.length }, (_, segment): MixAndRate => {
    const weights = [(before.b[segment] ?? 0) / totalBefore.b, (after.b[segment] ?? 0) / totalAfter.b] as const;
    const ratios = [ratioOf(before, segment), ratioOf(after, segment)] as const;
    const [first, second] = [ratios[0] ?? ratios[1] ?? centre, ratios[1] ?? ratios[0] ?? centre];
    const mix = (weights[1] - weights[0]) * ((first + second) / 2 - centre);
    const rate = (second - first) * ((weights[0] + weights[1]) / 2);
    const part = mix + rate;
    const deviation = Math.sqrt(
      varianceOfMean(before, segment, totalBefore, centre) + varianceOfMean(after, segment, totalAfter, centre),
    );
    const pValue = deviation > 0 ? 2 * normalProbability(-Math.abs(part) / deviation) : 1;
    return { mix, rate, part, deviation, pValue, weights, ratios };
  });
  return { before: whole[0], after: whole[1], change: whole[1] - whole[0], parts };
}

const ratioOf = ({ a, b }: RatioSums, segment: number): number | null =>
  (b[segment] ?? 0) > 0 ? (a[segment] ?? 0) / (b[segment] ?? 1) : null;

/** Of the mean over all rows of (a - c b) within the segment and 0 outside, in the unit of the ratio. */
function varianceOfMean(sums: RatioSums, segment: number, { rows, b }: RatioTotals, c: number): number {
  const sum = (sums.a[segment] ?? 0) - c * (sums.b[segment] ?? 0);
  const squares = (sums.aa[segment] ?? 0) - 2 * c * (sums.ab[segment] ?? 0) + c * c * (sums.bb[segment] ?? 0);
  const mean = sum / rows;
  return (Math.max(0, squares / rows - mean * mean) * rows) / (b * b);
}
