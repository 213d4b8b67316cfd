/**
 * By how much dependent events count less than independent ones: bursts, seasons and users with many events make a block's sum vary more than
 * its events alone would. Measured on the reference in the order of time and divided out of the evidence. An approximation, not a theorem:
 * it holds as far as the stream's dependence is like the reference's.
 */
import { type Direction, dot, sharesOf } from "./directions.ts";

/** Blocks are doubled while at least this many remain. */
const LEAST_BLOCKS = 12;
/** Standard errors that a block's variance must lie above that of independent events. */
const STANDARD_ERRORS = 3;

/**
 * One factor per direction, at least 1: the greatest variance of block sums over that of independent events, over block lengths that double
 * from one pane, taken one standard error higher; 1 where no length shows dependence beyond chance.
 *
 * @param panes counts per bin of the reference's panes in the order of time; all zero for a pane without events
 */
export function designEffects(
  panes: readonly ArrayLike<number>[],
  weights: readonly number[],
  directions: readonly Direction[],
  slots?: SlotsOfPanes,
): readonly number[] {
  const shares = (slots?.weights ?? [weights]).map(sharesOf);
  return directions.map((direction) => {
    // A direction that does not exist in a slot says nothing there.
    const scores = shares.map((ofSlot) => standardised(direction.score, ofSlot));
    if (scores.every((score) => score === null)) return 1;
    let blocks = panes.map((counts, pane) => blockOf(counts, scores[slots?.slotOf[pane] ?? 0] ?? []));
    let effect = 1;
    while (blocks.length >= LEAST_BLOCKS) {
      effect = Math.max(effect, blockEffect(blocks));
      blocks = pairUp(blocks);
    }
    return effect;
  });
}

/** Where the reference is compared by season: what depends on the hour alone is then no dependence. */
export interface SlotsOfPanes {
  /** Slot of each pane. */
  readonly slotOf: readonly number[];
  /** Weights per bin of each slot. */
  readonly weights: readonly (readonly number[])[];
}

interface Block {
  readonly events: number;
  /** Sum of the standardised score over the events. */
  readonly sum: number;
}

/** A score with mean 0 and standard deviation 1 under the shares; null where it does not vary. */
export function standardised(score: readonly number[], shares: readonly number[]): readonly number[] | null {
  const mean = dot(shares, score);
  const centred = score.map((value) => value - mean);
  const squares = centred.map((value) => value * value);
  const spread = Math.sqrt(dot(shares, squares));
  return spread < 1e-9 ? null : centred.map((value) => value / spread);
}

function blockOf(counts: ArrayLike<number>, score: readonly number[]): Block {
  let events = 0;
  let sum = 0;
  for (let bin = 0; bin < counts.length; bin++) {
    const count = counts[bin] ?? 0;
    events += count;
    sum += count * (score[bin] ?? 0);
  }
  return { events, sum };
}

function pairUp(blocks: readonly Block[]): Block[] {
  const paired: Block[] = [];
  for (let index = 0; index + 1 < blocks.length; index += 2) {
    const first = blocks[index];
    const second = blocks[index + 1];
    if (first === undefined || second === undefined) break;
    paired.push({ events: first.events + second.events, sum: first.sum + second.sum });
  }
  return paired;
}

/** The variance of the blocks' sums over their events, one standard error up, if it is above chance; else 1. */
function blockEffect(blocks: readonly Block[]): number {
  let events = 0;
  let eventSquares = 0;
  let squares = 0;
  for (const block of blocks) {
    events += block.events;
    eventSquares += block.events ** 2;
    squares += block.sum ** 2;
  }
  if (events === 0) return 1;
  const effect = squares / events;
  // Blocks of unequal length count as fewer equal ones.
  const error = Math.sqrt((2 * eventSquares) / events ** 2);
  return effect > 1 + STANDARD_ERRORS * error ? effect * (1 + error) : 1;
}
