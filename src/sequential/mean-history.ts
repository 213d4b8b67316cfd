/**
 * What a stream was like since it last changed, in O(log n) numbers: sums of runs of values that double in length the older they are. Where
 * a detector finds a change, it says where the change began and what the mean was before and after.
 */
import { z } from "zod";

/** Runs of one length, oldest first: their sums, and when each began. */
const rowSchema = z.strictObject({ totals: z.array(z.number()), begins: z.array(z.number()) });

export const meanHistorySchema = z.strictObject({
  count: z.int().min(0),
  total: z.number(),
  /** Row i has the runs of 2^i values; older values are in higher rows. */
  rows: z.array(rowSchema),
});
/** Plain data, changed in place. */
export type MeanHistory = z.output<typeof meanHistorySchema>;

/** Runs of one length before two are joined: a change is placed to about an eighth of the values since it began. */
const MOST_RUNS = 8;

export const newHistory = (): MeanHistory => ({ count: 0, total: 0, rows: [] });

/** Adds a value to the history. `at`: its time, ms. */
export function addValue(history: MeanHistory, value: number, at: number): void {
  history.count++;
  history.total += value;
  let total = value;
  let begin = at;
  for (let index = 0; ; index++) {
    const row = (history.rows[index] ??= { totals: [], begins: [] });
    row.totals.push(total);
    row.begins.push(begin);
    if (row.totals.length <= MOST_RUNS) return;
    const [first = 0, second = 0] = row.totals.splice(0, 2);
    const [earlier = begin] = row.begins.splice(0, 2);
    total = first + second;
    begin = earlier;
  }
}

export interface MeanChange {
  /** Time of the first value after the change, ms. */
  readonly since: number;
  /** Means of the values of the history before and from there on. */
  readonly meanBefore: number;
  readonly meanAfter: number;
  /** Values from there on. */
  readonly valuesAfter: number;
}

/**
 * The likeliest place of one change of the mean: of all borders between two runs the one with the greatest
 * n0 n1 (m1 - m0)^2 (the least squares estimate; Hawkins, D. M., 1977, JASA 72, 180-186). Null for fewer than two values.
 */
export function changeOf({ count, total, rows }: MeanHistory): MeanChange | null {
  let found: MeanChange | null = null;
  let greatest = -1;
  let before = 0;
  let totalBefore = 0;
  for (let index = rows.length - 1; index >= 0; index--) {
    const { totals, begins } = rows[index] ?? { totals: [], begins: [] };
    for (const [run, sum] of totals.entries()) {
      const after = count - before;
      if (before > 0) {
        const meanBefore = totalBefore / before;
        const meanAfter = (total - totalBefore) / after;
        const gain = before * after * (meanAfter - meanBefore) ** 2;
        if (gain > greatest) {
          greatest = gain;
          found = { since: begins[run] ?? 0, meanBefore, meanAfter, valuesAfter: after };
        }
      }
      before += 2 ** index;
      totalBefore += sum;
    }
  }
  return found;
}
