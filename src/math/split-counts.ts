/** Splits counts into two random halves, so that a curve fitted on one can be checked on the other. Counts are all that is kept of rows. */
import { seededRandom } from "./seeded-random.ts";

/**
 * How many of each count fall into the first half when every row's half is a fair coin. Seeded: the same counts give the same halves.
 * Counts beyond 4096 are drawn by the normal law.
 */
export function splitCounts(counts: ArrayLike<number>, seed: number): Float64Array {
  const random = seededRandom(seed);
  return Float64Array.from({ length: counts.length }, (_, index) => heads(counts[index] ?? 0, random));
}

/** Tosses of a fair coin that show heads. */
function heads(tosses: number, random: () => number): number {
  if (tosses > 4096) {
    let normal = -6;
    for (let draw = 0; draw < 12; draw++) normal += random();
    return Math.max(0, Math.min(tosses, Math.round(tosses / 2 + (normal * Math.sqrt(tosses)) / 2)));
  }
  let count = 0;
  for (let toss = 0; toss < tosses; toss++) if (random() < 0.5) count++;
  return count;
}
