/**
 * How far a stream may move before the page tier counts it, per direction, as a share of events: what the user wants ignored, and never less
 * than what a reference of this size can tell from its own sampling error.
 */
import { type Aspect, type Direction, dot, sharesOf } from "./directions.ts";
import type { StreamReference } from "./stream-reference.ts";

export interface Tolerance {
  /** Share of events, the one that is used: the greater of the next two. */
  readonly value: number;
  /** What was asked for. */
  readonly wanted: number;
  /** 99.9 % bound for the sampling error of the reference in this direction. */
  readonly referenceError: number;
  /** Rows that the reference would need for `wanted` to hold. */
  readonly rowsNeeded: number;
}

export interface ToleranceOptions {
  /** Share of events whose move does not matter. */
  readonly ignoreBelow: number;
  /** The same for tails, missing, invalid and new categories, where little matters more; a sixth of `ignoreBelow` if left out. */
  readonly ignoreRareBelow?: number;
}

export const DEFAULT_IGNORE_BELOW = 0.03;
const RARE_PART = 6;

/**
 * 99.9 % point of √n times the total-variation distance between a reference's shares and the true ones, over the 26 bins of a numeric
 * stream; the same for every continuous distribution (simulated; the mean is 1.83).
 */
const SHAPE_ERROR = 2.84;
/** The weight of *new* is an estimate itself (Good and Turing's). */
const NEW_FACTOR = 1.5;
const NORMAL_PART = 3.1;
const POISSON_PART = 4;

/** 99.9 % bound for |share in the reference - true share| of one set of bins: a normal part and one for few rows. */
export function referenceError(share: number, rows: number): number {
  return NORMAL_PART * Math.sqrt((share * (1 - share)) / rows) + POISSON_PART / rows;
}

/** The least number of rows with `referenceError` at most `error`: a quadratic in 1/√rows. */
function rowsForError(share: number, error: number): number {
  const half = NORMAL_PART * Math.sqrt(share * (1 - share));
  const root = (Math.sqrt(half * half + 4 * POISSON_PART * error) - half) / (2 * POISSON_PART);
  return Math.ceil(1 / (root * root));
}

/** One tolerance per direction. */
export function tolerancesOf(
  { weights }: StreamReference,
  directions: readonly Direction[],
  { ignoreBelow, ignoreRareBelow = ignoreBelow / RARE_PART }: ToleranceOptions,
): readonly Tolerance[] {
  const rows = weights.reduce((sum, weight) => sum + weight, 0);
  const shares = sharesOf(weights);
  return directions.map((direction): Tolerance => {
    if (!direction.isSet) {
      const needed = Math.ceil((SHAPE_ERROR / ignoreBelow) ** 2);
      return toleranceOf(ignoreBelow, SHAPE_ERROR / Math.sqrt(rows), needed);
    }
    const share = dot(shares, direction.score);
    const factor = direction.aspect === "new categories" ? NEW_FACTOR : 1;
    const wanted = isRare(direction) ? ignoreRareBelow : ignoreBelow;
    return toleranceOf(wanted, factor * referenceError(share, rows), rowsForError(share, wanted / factor));
  });
}

function toleranceOf(wanted: number, error: number, rowsNeeded: number): Tolerance {
  return { value: Math.max(wanted, error), wanted, referenceError: error, rowsNeeded };
}

const rareAspects: ReadonlySet<Aspect> = new Set([
  "below the minimum",
  "above the maximum",
  "lowest 1 %",
  "highest 1 %",
  "lowest and highest 1 %",
  "new categories",
  "rate",
]);

function isRare({ aspect }: Direction): boolean {
  return rareAspects.has(aspect);
}
