/**
 * Everything about a tilt detector that never changes: its bank against one reference, laid out in flat arrays for the step that runs for
 * every stream of every pane. A plan is a pure function of reference and configuration; what was seen is in the state.
 */
import { type Direction, directionsOf, dot, sharesOf } from "./directions.ts";
import type { StreamReference } from "./stream-reference.ts";
import { type StartParts, type Tilt, tiltsOf, withStartParts } from "./tilt-bank.ts";
import { clippedLogRatios } from "./total-variation-clip.ts";

export interface PlanOptions {
  /** One per direction, at least 1: by how much dependent events count less than as many independent ones. 1 each if left out. */
  readonly designEffects?: readonly number[];
  /** Time after which evidence has faded to 1/e, in the unit of the steps' weight; never if left out. */
  readonly fading?: number;
  /**
   * For who knows what to expect, such as { mean: 0.5 }: half of the start on shifts of the mean finds those sooner and all others a little
   * later; the promise stays as it is. The bank's own weights if left out.
   */
  readonly startParts?: StartParts;
}

/**
 * The reference within one slot of a season (an hour of the day or of the week), over the stream's bins. Without seasons there is one slot,
 * the stream's own weights. The evidence is common to all slots, since a tilt means the same in each.
 */
export interface PageSlot {
  readonly weights: readonly number[];
  /** Share of events, one per direction: see `tolerancesOf`. */
  readonly tolerances: readonly number[];
}

/** What a count in a slot is worth. */
interface SlotTables {
  readonly weights: Float64Array;
  /** Nats per event by tilts on scores, at bin · scoreTilts + tilt. */
  readonly scoreNats: Float64Array;
  /** Nats per event by tilts on sets, one per tilt on a set: inside and outside of the set. */
  readonly inside: Float64Array;
  readonly outside: Float64Array;
}

export interface TiltPlan {
  /** `notice`: the shares are learned from the stream too. `page`: they may lie anywhere within the tolerance of the reference's. */
  readonly tier: "notice" | "page";
  readonly stream: StreamReference;
  readonly directions: readonly Direction[];
  /** Those on scores first, then by set. */
  readonly tilts: readonly Tilt[];
  /** How many tilts are on scores. */
  readonly scoreTilts: number;
  /** Bins of set s: `setBins` from setBinsFrom[s] to setBinsFrom[s + 1]; its tilts among those on sets likewise. */
  readonly setBins: Int32Array;
  readonly setBinsFrom: Int32Array;
  readonly setTiltsFrom: Int32Array;
  /** e^nats of `scoreNats`, for the notice tier's normalisation; empty for the page tier. */
  readonly scoreFactors: Float64Array;
  /** ln of each tilt's share of the start. */
  readonly logStart: Float64Array;
  /** Per tilt. */
  readonly designEffects: Float64Array;
  readonly fading: number;
  readonly slots: readonly SlotTables[];
}

/**
 * The sensitive tier that wakes nobody: against *the shares are those that reference and stream have shown so far* (Polya's urn), exact for
 * a finite reference. Its evidence should fade (a quarter of the threshold), or a stream that never varies alarms for certain.
 *
 * @param slots weights per bin of each slot
 */
export function noticePlan(
  stream: StreamReference,
  options: PlanOptions = {},
  slots: readonly (readonly number[])[] = [stream.weights],
): TiltPlan {
  const directions = directionsOf(stream);
  const tilts = withStartParts(tiltsOf(stream, directions, null), directions, options.startParts ?? {});
  const scores = tilts.filter(({ direction }) => !directions[direction]?.isSet);
  const scoreNats = byBin(scores, stream.weights.length, ({ direction, factor }) =>
    (directions[direction]?.score ?? []).map((value) => factor * value),
  );
  const inside = Float64Array.from(tilts.slice(scores.length), ({ factor }) => factor);
  // Outside of a set nothing is multiplied; what is stored there is by how much the normalisation grows per share inside.
  const outside = inside.map((factor) => Math.expm1(factor));
  const tables = slots.map((weights) => ({ weights: Float64Array.from(weights), scoreNats, inside, outside }));
  const scoreFactors = scoreNats.map((nats) => Math.exp(nats));
  return { ...layOut(stream, directions, tilts, options), tier: "notice", scoreFactors, slots: tables };
}

/**
 * The tier that pages: against *the shares lie within the tolerance of the reference's, however they move there*; each direction has a
 * tolerance of its own. A theorem for any dependence on the past, if the reference's own error is within the tolerance
 * (Saha & Ramdas 2024, arXiv 2408.14015).
 */
export function pagePlan(stream: StreamReference, slots: readonly PageSlot[], options: PlanOptions = {}): TiltPlan {
  const directions = directionsOf(stream);
  const widest = directions.map((_, index) => Math.max(...slots.map(({ tolerances }) => tolerances[index] ?? 1)));
  const bank = tiltsOf(stream, directions, widest);
  const nats = slots.map((slot) => bank.map((tilt) => natsPerEvent(tilt, directions, slot)));
  // A tilt within the tolerance tells nothing: it would only grow with time and use up the budget.
  const tells = bank.map((_, tilt) => nats.some((ofSlot) => (ofSlot[tilt] ?? []).some((value) => value !== 0)));
  const kept = bank.filter((_, tilt) => tells[tilt]);
  const startOfKept = kept.reduce((sum, { startWeight }) => sum + startWeight, 0);
  const rescaled = kept.map((tilt) => ({ ...tilt, startWeight: tilt.startWeight / startOfKept }));
  const tilts = withStartParts(rescaled, directions, options.startParts ?? {});
  const scores = tilts.filter(({ direction }) => !directions[direction]?.isSet).length;
  const tables = slots.map(({ weights }, slot) => {
    const ofKept = (nats[slot] ?? []).filter((_, tilt) => tells[tilt]);
    const onSets = ofKept.slice(scores);
    return {
      weights: Float64Array.from(weights),
      scoreNats: byBin(ofKept.slice(0, scores), weights.length, (values) => values),
      inside: Float64Array.from(onSets, ([inside]) => inside ?? 0),
      outside: Float64Array.from(onSets, ([, outside]) => outside ?? 0),
    };
  });
  return {
    ...layOut(stream, directions, tilts, options),
    tier: "page",
    scoreFactors: new Float64Array(0),
    slots: tables,
  };
}

/** What one event adds to the evidence for a tilt: per bin for a score, [inside, outside] for a set. */
function natsPerEvent(
  tilt: Tilt,
  directions: readonly Direction[],
  { weights, tolerances }: PageSlot,
): readonly number[] {
  const direction = directions[tilt.direction];
  const tolerance = tolerances[tilt.direction] ?? 1;
  const shares = sharesOf(weights);
  if (direction === undefined) return [];
  if (direction.isSet) return setNats(dot(shares, direction.score), tilt.factor, tolerance);
  const tilted = shares.map((share, bin) => share * Math.exp(tilt.factor * (direction.score[bin] ?? 0)));
  return clippedLogRatios(sharesOf(tilted), shares, tolerance);
}

/**
 * The clipped ratio of a law that knows a set only: inside, q over the upper edge of the tolerance, outside 1 - q over what the edge leaves;
 * for a share that falls, the lower edge. All zero where q lies within.
 */
function setNats(share: number, factor: number, tolerance: number): readonly number[] {
  const tilted = (share * Math.exp(factor)) / (1 + share * Math.expm1(factor));
  const edge = share + (factor > 0 ? tolerance : -tolerance);
  if (Math.abs(tilted - share) <= tolerance || edge <= 0 || edge >= 1) return [0, 0];
  return [Math.log(tilted / edge), Math.log1p((edge - tilted) / (1 - edge))];
}

function byBin<Item>(items: readonly Item[], bins: number, natsOf: (item: Item) => readonly number[]): Float64Array {
  const table = new Float64Array(items.length * bins);
  for (const [index, item] of items.entries()) {
    for (const [bin, value] of natsOf(item).entries()) table[bin * items.length + index] = value;
  }
  return table;
}

/** What the two tiers have in common. */
function layOut(
  stream: StreamReference,
  directions: readonly Direction[],
  tilts: readonly Tilt[],
  { designEffects, fading = Number.POSITIVE_INFINITY }: PlanOptions,
) {
  const scoreTilts = tilts.filter(({ direction }) => !directions[direction]?.isSet).length;
  const setBins: number[] = [];
  const setBinsFrom = [0];
  const setTiltsFrom = [0];
  for (let tilt = scoreTilts; tilt < tilts.length; tilt++) {
    const direction = tilts[tilt]?.direction ?? 0;
    if (direction === tilts[tilt + 1]?.direction) continue;
    for (const [bin, inside] of (directions[direction]?.score ?? []).entries()) if (inside === 1) setBins.push(bin);
    setBinsFrom.push(setBins.length);
    setTiltsFrom.push(tilt + 1 - scoreTilts);
  }
  return {
    stream,
    directions,
    tilts,
    scoreTilts,
    setBins: Int32Array.from(setBins),
    setBinsFrom: Int32Array.from(setBinsFrom),
    setTiltsFrom: Int32Array.from(setTiltsFrom),
    logStart: Float64Array.from(tilts, ({ startWeight }) => Math.log(startWeight)),
    designEffects: Float64Array.from(tilts, ({ direction }) => Math.max(1, designEffects?.[direction] ?? 1)),
    fading,
  };
}
