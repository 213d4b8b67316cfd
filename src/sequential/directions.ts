/**
 * The directions in which a stream may move away from its reference: each a score per bin, with a name that people can read. Tilts, tolerances
 * and design effects all go by direction.
 */
import { normalQuantile } from "../math/normal-quantile.ts";
import type { StreamReference } from "./stream-reference.ts";

export type Aspect =
  | "mean"
  | "scale"
  | "skewness"
  | "tails"
  | "below the minimum"
  | "above the maximum"
  | "lowest 1 %"
  | "highest 1 %"
  | "lowest and highest 1 %"
  | "values in a range"
  | "category"
  | "rare categories"
  | "new categories"
  | "other categories"
  | "rate";

export interface Direction {
  readonly aspect: Aspect;
  /** The bin that it is about, where it is about one. */
  readonly bin: number | null;
  /** One value per bin: 1 inside and 0 outside of a set of bins, or a centred score with standard deviation 1, cut off at ±6. */
  readonly score: readonly number[];
  /** Whether the score is 1 or 0, so that only the set's share matters. */
  readonly isSet: boolean;
}

/** Greatest size of a score, so that one far bin does not rule its direction. */
const MOST_SCORE = 6;
/** Below this spread a moment does not exist: there are fewer bins than moments. */
const LEAST_SPREAD = 1e-9;
const TAIL_SHARE = 0.01;

const hermite: readonly (readonly [Aspect, (z: number) => number])[] = [
  ["mean", (z) => z],
  ["scale", (z) => z * z - 1],
  ["skewness", (z) => z ** 3 - 3 * z],
  ["tails", (z) => z ** 4 - 6 * z * z + 3],
];
const tailAspects: readonly Aspect[] = [
  "below the minimum",
  "above the maximum",
  "lowest 1 %",
  "highest 1 %",
  "lowest and highest 1 %",
];
const categoryAspects: Readonly<Record<string, Aspect>> = {
  tail: "rare categories",
  new: "new categories",
  other: "other categories",
};

/** Numeric: four moments, five sets of tail bins, then one per bin. Categorical: one per bin. Rate: *yes*. */
export function directionsOf({ kind, bins, weights }: StreamReference): readonly Direction[] {
  const indicator = (inside: readonly number[]) => weights.map((_, bin) => (inside.includes(bin) ? 1 : 0));
  const single = (aspect: Aspect, bin: number) => ({ aspect, bin, score: indicator([bin]), isSet: true });
  if (kind === "rate") return [single("rate", 0)];
  if (kind === "categorical") return bins.map(({ role }, bin) => single(categoryAspects[role] ?? "category", bin));
  const shares = sharesOf(weights);
  const sets = tailSets(shares);
  return [
    ...momentDirections(shares),
    ...tailAspects.map((aspect, index) => ({ aspect, bin: null, score: indicator(sets[index] ?? []), isSet: true })),
    ...weights.map((_, bin) => single("values in a range", bin)),
  ];
}

/** Weights over their sum. */
export function sharesOf(weights: readonly number[]): readonly number[] {
  const all = weights.reduce((sum, weight) => sum + weight, 0);
  return weights.map((weight) => weight / all);
}

/** Share of events inside a set, or the sum of shares times scores. */
export function dot(a: readonly number[], b: readonly number[]): number {
  let sum = 0;
  for (let index = 0; index < a.length; index++) sum += (a[index] ?? 0) * (b[index] ?? 0);
  return sum;
}

/** The share below each bin plus half of its own. */
export function middleRanks(shares: readonly number[]): readonly number[] {
  let below = 0;
  return shares.map((share) => {
    const middle = below + share / 2;
    below += share;
    return middle;
  });
}

/** Whether a bin lies between the tails: a sentinel or an imputed value that collects there is a *spike*. */
export function isInner(middleRank: number): boolean {
  return middleRank >= TAIL_SHARE && middleRank <= 1 - TAIL_SHARE;
}

function tailSets(shares: readonly number[]): readonly (readonly number[])[] {
  const ranks = middleRanks(shares);
  const bins = [...shares.keys()];
  const low = bins.filter((bin) => (ranks[bin] ?? 0) < TAIL_SHARE);
  const high = bins.filter((bin) => (ranks[bin] ?? 0) > 1 - TAIL_SHARE);
  return [[0], [shares.length - 1], low, high, [...low, ...high]];
}

/** Hermite polynomials of the normal scores of the bins' middle ranks, standardised; all zero where the moment does not exist. */
function momentDirections(shares: readonly number[]): Direction[] {
  const normalScores = middleRanks(shares).map(normalQuantile);
  return hermite.map(([aspect, polynomial]) => {
    const raw = normalScores.map(polynomial);
    const mean = dot(shares, raw);
    const centred = raw.map((value) => value - mean);
    const spread = Math.sqrt(
      dot(
        shares,
        centred.map((value) => value * value),
      ),
    );
    const score = centred.map((value) =>
      spread < LEAST_SPREAD ? 0 : Math.min(MOST_SCORE, Math.max(-MOST_SCORE, value / spread)),
    );
    return { aspect, bin: null, score, isSet: false };
  });
}
