/**
 * The sequential detector of the two tiers: a Shiryaev-Roberts sum of likelihood ratios for every tilt of a bank. With the reference in the
 * null, the chance of a false alarm within time T is at most T / threshold, for every T (Shin, Ramdas & Rinaldo 2023, E-detectors, NEJSDS).
 *
 * A step takes the counts of one sealed pane. Steps are replayable: the same plan and the same steps give the same state bit for bit.
 */
import { urnExcess } from "../math/dirichlet-multinomial.ts";
import { logAddExp, logSumExp } from "../math/log-sum-exp.ts";
import type { TiltPlan } from "./tilt-plan.ts";

export interface TiltState {
  /** Steps taken. */
  steps: number;
  /** Per tilt: ln of its evidence R, -Infinity before any time has passed. */
  readonly logEvidence: Float64Array;
  /** Per tilt: the sum of its evidence since that was last at its least (CUSUM), and the mark of the step after which it began to rise. */
  readonly rise: Float64Array;
  readonly riseMark: Float64Array;
  /** Notice tier: weights per bin, slot after slot, the reference's rows and the stream's. Empty for the page tier, which does not learn. */
  readonly urn: Float64Array;
}

export interface Step {
  /** Per bin of the stream (not of the stored counts: see `mergeCounts`); whole numbers, all zero for a pane without events. */
  readonly counts: ArrayLike<number>;
  /** Time that passed, in the unit of the threshold: the pane's length in days, or its events. Not less than 0. */
  readonly weight: number;
  /** What an onset is told by, such as the pane's start; the number of the step (1, 2, …) if left out. */
  readonly mark?: number;
  /** Slot of the season; 0 if left out. */
  readonly slot?: number;
  /** Whether the notice tier may learn from this pane: not while an incident is open. True if left out. */
  readonly learns?: boolean;
}

export function initialState(plan: TiltPlan): TiltState {
  const tilts = plan.tilts.length;
  const bins = plan.stream.weights.length;
  const urn = new Float64Array(plan.tier === "notice" ? bins * plan.slots.length : 0);
  if (plan.tier === "notice") for (const [slot, { weights }] of plan.slots.entries()) urn.set(weights, slot * bins);
  return {
    steps: 0,
    logEvidence: new Float64Array(tilts).fill(Number.NEGATIVE_INFINITY),
    rise: new Float64Array(tilts),
    riseMark: new Float64Array(tilts),
    urn,
  };
}

export function copyState(state: TiltState): TiltState {
  return {
    steps: state.steps,
    logEvidence: state.logEvidence.slice(),
    rise: state.rise.slice(),
    riseMark: state.riseMark.slice(),
    urn: state.urn.slice(),
  };
}

/** The state after a step; the one before stays as it was. */
export function step(plan: TiltPlan, state: TiltState, taken: Step): TiltState {
  const next = copyState(state);
  advance(plan, next, taken);
  return next;
}

/** Takes a step in place and returns ln R of the stream: it alarms where this reaches ln of the threshold. Allocates nothing. */
export function advance(plan: TiltPlan, state: TiltState, taken: Step): number {
  const { counts, weight } = taken;
  state.steps += 1;
  if (weight > 0) passTime(plan, state.logEvidence, weight);
  if (sumOf(counts) > 0) {
    const slot = taken.slot ?? 0;
    const nats = workspace(plan.tilts.length * 2);
    gather(plan, state, counts, slot, nats);
    gain(state, nats, taken.mark ?? state.steps);
    if (taken.learns !== false) learn(plan, state, counts, slot);
  }
  return logSumExp(state.logEvidence);
}

/** Adds the pane's nats to the evidence of each tilt, and to its rise, whose mark moves as long as it lies at its least. */
function gain({ logEvidence, rise, riseMark }: TiltState, nats: Float64Array, mark: number): void {
  for (let tilt = 0; tilt < logEvidence.length; tilt++) {
    const gained = nats[tilt] ?? 0;
    logEvidence[tilt] = (logEvidence[tilt] ?? 0) + gained;
    const before = rise[tilt] ?? 0;
    if (before <= 0) riseMark[tilt] = mark;
    const after = before + gained;
    rise[tilt] = after > 0 ? after : 0;
  }
}

/** R becomes R e^(-w/fading) + w · start: every moment is a possible beginning of the change. */
function passTime({ logStart, fading }: TiltPlan, logEvidence: Float64Array, weight: number): void {
  const faded = weight / fading;
  const logWeight = Math.log(weight);
  for (let tilt = 0; tilt < logEvidence.length; tilt++) {
    logEvidence[tilt] = logAddExp((logEvidence[tilt] ?? 0) - faded, logWeight + (logStart[tilt] ?? 0));
  }
}

/** Adds the counts to what the notice tier has learned; the page tier learns nothing. */
export function learn(plan: TiltPlan, { urn }: TiltState, counts: ArrayLike<number>, slot = 0): void {
  if (plan.tier === "page") return;
  const from = slot * plan.stream.weights.length;
  for (let bin = 0; bin < counts.length; bin++) urn[from + bin] = (urn[from + bin] ?? 0) + (counts[bin] ?? 0);
}

/** Per tilt: ln of the likelihood ratio of the pane's counts, over the design effect. Its exponential has a mean of at most 1 under the null. */
export function evidenceOf(plan: TiltPlan, state: TiltState, counts: ArrayLike<number>, slot = 0): Float64Array {
  const nats = new Float64Array(plan.tilts.length * 2);
  if (sumOf(counts) > 0) gather(plan, state, counts, slot, nats);
  return nats.slice(0, plan.tilts.length);
}

/** Fills the first half of `nats`, a place per tilt; the second half is scratch. */
function gather(plan: TiltPlan, state: TiltState, counts: ArrayLike<number>, slot: number, nats: Float64Array): void {
  nats.fill(0, 0, plan.tilts.length);
  addScores(plan, counts, slot, nats);
  if (plan.tier === "page") addSets(plan, counts, slot, nats);
  else addLearned(plan, state, counts, slot, nats);
  const { designEffects } = plan;
  for (let tilt = 0; tilt < designEffects.length; tilt++) nats[tilt] = (nats[tilt] ?? 0) / (designEffects[tilt] ?? 1);
}

function addScores({ scoreTilts, slots }: TiltPlan, counts: ArrayLike<number>, slot: number, nats: Float64Array): void {
  const table = slots[slot]?.scoreNats;
  if (table === undefined) throw new RangeError(`The plan has no slot ${slot}`);
  for (let bin = 0, at = 0; bin < counts.length; bin++, at += scoreTilts) {
    const count = counts[bin] ?? 0;
    if (count === 0) continue;
    for (let tilt = 0; tilt < scoreTilts; tilt++) nats[tilt] = (nats[tilt] ?? 0) + count * (table[at + tilt] ?? 0);
  }
}

/** Page tier. */
function addSets(plan: TiltPlan, counts: ArrayLike<number>, slot: number, nats: Float64Array): void {
  const { scoreTilts, setTiltsFrom, slots } = plan;
  const { inside, outside } = slots[slot] ?? noTables;
  const rows = sumOf(counts);
  for (let set = 0; set + 1 < setTiltsFrom.length; set++) {
    const within = sumOverSet(plan, set, counts, 0);
    for (let tilt = setTiltsFrom[set] ?? 0; tilt < (setTiltsFrom[set + 1] ?? 0); tilt++) {
      nats[scoreTilts + tilt] = within * (inside[tilt] ?? 0) + (rows - within) * (outside[tilt] ?? 0);
    }
  }
}

/** Notice tier: the normalisation of each tilt at the shares learned so far, and the urn's own probability of the counts. */
function addLearned(plan: TiltPlan, { urn }: TiltState, counts: ArrayLike<number>, slot: number, nats: Float64Array) {
  const { scoreTilts, scoreFactors, setTiltsFrom, slots, tilts } = plan;
  const { inside, outside } = slots[slot] ?? noTables;
  const bins = plan.stream.weights.length;
  const from = slot * bins;
  let all = 0;
  for (let bin = 0; bin < bins; bin++) all += urn[from + bin] ?? 0;
  const rows = sumOf(counts);
  const base = -urnExcess(urn, from, counts, all);
  const scratch = tilts.length;
  nats.fill(0, scratch, scratch + scoreTilts);
  for (let bin = 0, at = 0; bin < bins; bin++, at += scoreTilts) {
    const share = (urn[from + bin] ?? 0) / all;
    for (let tilt = 0; tilt < scoreTilts; tilt++) {
      nats[scratch + tilt] = (nats[scratch + tilt] ?? 0) + share * (scoreFactors[at + tilt] ?? 0);
    }
  }
  for (let tilt = 0; tilt < scoreTilts; tilt++) {
    nats[tilt] = (nats[tilt] ?? 0) - rows * Math.log(nats[scratch + tilt] ?? 1) + base;
  }
  for (let set = 0; set + 1 < setTiltsFrom.length; set++) {
    const within = sumOverSet(plan, set, counts, 0);
    const share = sumOverSet(plan, set, urn, from) / all;
    for (let tilt = setTiltsFrom[set] ?? 0; tilt < (setTiltsFrom[set + 1] ?? 0); tilt++) {
      nats[scoreTilts + tilt] = within * (inside[tilt] ?? 0) - rows * Math.log1p(share * (outside[tilt] ?? 0)) + base;
    }
  }
}

const noTables = { inside: new Float64Array(0), outside: new Float64Array(0) };

function sumOverSet({ setBins, setBinsFrom }: TiltPlan, set: number, values: ArrayLike<number>, from: number): number {
  let sum = 0;
  for (let at = setBinsFrom[set] ?? 0; at < (setBinsFrom[set + 1] ?? 0); at++) {
    sum += values[from + (setBins[at] ?? 0)] ?? 0;
  }
  return sum;
}

function sumOf(counts: ArrayLike<number>): number {
  let sum = 0;
  for (let bin = 0; bin < counts.length; bin++) sum += counts[bin] ?? 0;
  return sum;
}

let room = new Float64Array(1024);

/** Scratch of at least this length, used up before the step returns. */
function workspace(length: number): Float64Array {
  if (room.length < length) room = new Float64Array(2 * length);
  return room;
}

/** ln R of the stream: the mean of the tilts' evidence, weighted by their start. */
export function logEvidenceOf({ logEvidence }: TiltState): number {
  return logSumExp(logEvidence);
}

/** Index of the tilt with the most evidence, the first of equals: what has changed. -1 for a plan without tilts. */
export function leadingTilt({ logEvidence }: TiltState): number {
  let leading = logEvidence.length === 0 ? -1 : 0;
  for (let tilt = 1; tilt < logEvidence.length; tilt++) {
    if ((logEvidence[tilt] ?? 0) > (logEvidence[leading] ?? 0)) leading = tilt;
  }
  return leading;
}

/** Mark of the step in which the change that the leading tilt tells of began; undefined before there is any. */
export function onsetOf(state: TiltState): number | undefined {
  return state.riseMark[leadingTilt(state)];
}

/**
 * The state after an alarm was dealt with: evidence starts again, what was learned stays. To forget it too would forget an unlucky
 * reference, which then alarms again and again.
 */
export function rearm(state: TiltState): TiltState {
  const next = copyState(state);
  next.logEvidence.fill(Number.NEGATIVE_INFINITY);
  next.rise.fill(0);
  return next;
}
