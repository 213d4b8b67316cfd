/**
 * The bank of tilts: the alternatives that the detectors bet on, each a direction with a strength. A tilt multiplies the share of bin b by
 * e^(factor · score_b), up to a common constant.
 */
import { type Aspect, type Direction, dot, isInner, middleRanks, sharesOf } from "./directions.ts";
import type { StreamReference } from "./stream-reference.ts";

export interface Tilt {
  /** Index into the stream's directions. */
  readonly direction: number;
  /** On the direction's score; positive for more of it. */
  readonly factor: number;
  /** For people: standard deviations of a score, or the multiplier of the odds (from the edge of the tolerance where there is one). */
  readonly strength: number;
  /** Share of the evidence's start; the bank's sum to 1. */
  readonly startWeight: number;
}

const SCORE_STRENGTHS = [0.05, 0.1, 0.2, 0.4, 0.8];
const TAIL_MULTIPLIERS = [2, 8, 32];
const SPIKE_MULTIPLIERS = [1.3, 2];
const CATEGORY_MULTIPLIERS = [0.5, 0.8, 1.25, 2, 8, 32];
const RATE_MULTIPLIERS = [0.25, 0.5, 0.8, 0.9, 1.1, 1.25, 1.5, 2, 4, 8, 32];
/** Part of the start that the spikes of a numeric stream share. */
const SPIKE_PART = 0.1;
/** A multiplied share has to stay below this. */
const MOST_SHARE = 0.95;

type Plain = Omit<Tilt, "startWeight">;

/**
 * The tilts of a stream, those on scores first.
 *
 * @param tolerances one per direction for the page tier, where a single bin's odds are multiplied from the edge of its tolerance, so that
 * no tilt is idle; null for the notice tier
 */
export function tiltsOf(
  { kind, weights }: StreamReference,
  directions: readonly Direction[],
  tolerances: readonly number[] | null,
): readonly Tilt[] {
  const shares = sharesOf(weights);
  const oddsOf = (from: number, to: number, multipliers: readonly number[]) =>
    directions
      .slice(from, to)
      .flatMap((direction, index) =>
        oddsTilts(from + index, dot(shares, direction.score), tolerances?.[from + index] ?? null, multipliers),
      );
  if (kind !== "numeric") {
    return evenly(oddsOf(0, directions.length, kind === "rate" ? RATE_MULTIPLIERS : CATEGORY_MULTIPLIERS), 1);
  }
  const spikesFrom = directions.findIndex(({ bin }) => bin !== null);
  const shapes = directions
    .slice(0, spikesFrom)
    .flatMap((direction, index) => (direction.isSet ? tailTilts(direction, index) : scoreTilts(direction, index)));
  const ranks = middleRanks(shares);
  const spikes = [...shares.keys()]
    .filter((bin) => isInner(ranks[bin] ?? 0))
    .flatMap((bin) => oddsOf(spikesFrom + bin, spikesFrom + bin + 1, SPIKE_MULTIPLIERS));
  return [...evenly(shapes, spikes.length > 0 ? 1 - SPIKE_PART : 1), ...evenly(spikes, SPIKE_PART)];
}

/** Part of the evidence's start that the tilts of an aspect share. */
export type StartParts = Readonly<Partial<Record<Aspect, number>>>;

/**
 * For those who fear shifts of mean and spread more than others: at the same rate of false alarms, shifts of the mean up to 0.5 are found a
 * tenth to a fourth sooner, and changes of shape up to a seventh later (`bench/DETECTORS.md`).
 */
export const MEAN_AND_SCALE_FIRST: StartParts = { mean: 0.5, scale: 0.2 };

/**
 * The bank with other start weights: the tilts of each named aspect share its part, the others what is left, both in their own proportions.
 * An aspect that the bank lacks is passed over. Throws RangeError for a part of 0 or less, and where the parts leave nothing for the others.
 */
export function withStartParts(
  tilts: readonly Tilt[],
  directions: readonly Direction[],
  parts: StartParts,
): readonly Tilt[] {
  const groupOf = ({ direction }: Tilt) => {
    const aspect = directions[direction]?.aspect;
    return aspect === undefined || parts[aspect] === undefined ? null : aspect;
  };
  const sums = new Map<Aspect | null, number>();
  for (const tilt of tilts) sums.set(groupOf(tilt), (sums.get(groupOf(tilt)) ?? 0) + tilt.startWeight);
  const namedParts = [...sums.keys()].flatMap((aspect) => (aspect === null ? [] : (parts[aspect] ?? 0)));
  if (namedParts.length === 0) return tilts;
  const named = namedParts.reduce((sum, part) => sum + part, 0);
  if (namedParts.some((part) => !(part > 0)) || named > 1 || (named === 1 && sums.has(null))) {
    throw new RangeError("Parts of the start have to be above 0 and to sum to less than 1");
  }
  return tilts.map((tilt) => {
    const group = groupOf(tilt);
    const part = group === null ? 1 - named : (parts[group] ?? 0);
    // Without others, the named aspects have the whole start.
    const whole = sums.has(null) ? 1 : named;
    return { ...tilt, startWeight: ((tilt.startWeight / (sums.get(group) ?? 1)) * part) / whole };
  });
}

function evenly(tilts: readonly Plain[], part: number): Tilt[] {
  return tilts.map((tilt) => ({ ...tilt, startWeight: part / tilts.length }));
}

function scoreTilts({ score }: Direction, direction: number): Plain[] {
  if (score.every((value) => value === 0)) return [];
  return SCORE_STRENGTHS.flatMap((strength) => [
    { direction, factor: strength, strength },
    { direction, factor: -strength, strength },
  ]);
}

function tailTilts({ score }: Direction, direction: number): Plain[] {
  if (score.every((value) => value === 0)) return [];
  return TAIL_MULTIPLIERS.map((strength) => ({ direction, factor: Math.log(strength), strength }));
}

function oddsTilts(
  direction: number,
  share: number,
  tolerance: number | null,
  multipliers: readonly number[],
): Plain[] {
  return multipliers.flatMap((strength) => {
    const edge = share + (tolerance ?? 0) * (strength > 1 ? 1 : -1);
    if (edge <= 0 || edge * strength >= MOST_SHARE) return [];
    const shift = tolerance === null ? 0 : Math.log(edge / (1 - edge)) - Math.log(share / (1 - share));
    return [{ direction, factor: Math.log(strength) + shift, strength }];
  });
}
