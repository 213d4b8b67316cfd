/** What a sample's rarest categories say of the ones never seen: how many of the next rows to expect there, and how sure that is. */
import { type CountedReference, knownSingletons } from "./paired-counts.ts";

/**
 * Twice the number of categories seen exactly twice, f2: with f1 the singletons, the share of m further rows in categories never seen less
 * f1 / n has the variance (f1 / n)(1 / n + 1 / m) + 2 f2 / n² (Esty 1983, Ann. Statist. 11, 905-912). The second part is that these rows
 * come several at a time where the categories are few and none is rare.
 *
 * @returns `listed`: of the categories with a bin, as counted; `tail`: at most that of the others. Of the tail no counts are known; its
 * categories have at most as many rows as the least listed one, so that f2 is about half that number times f1 at most, and never more than
 * its rows allow.
 */
export function doubletonRows(reference: Omit<CountedReference, "kind" | "missing">): {
  readonly listed: number;
  readonly tail: number;
} {
  const { categories, bins } = reference;
  let listedOnce = 0;
  let listedTwice = 0;
  let leastListed = Number.POSITIVE_INFINITY;
  for (let index = 0; index < categories.length; index++) {
    const rows = bins[index] ?? 0;
    if (rows === 1) listedOnce++;
    if (rows === 2) listedTwice++;
    if (rows > 0) leastListed = Math.min(leastListed, rows);
  }
  const tailRows = bins[categories.length] ?? 0;
  const tailOnce = Math.min(tailRows, Math.max(0, knownSingletons(reference) - listedOnce));
  return { listed: 2 * listedTwice, tail: Math.min(tailRows - tailOnce, (tailOnce + 1) * leastListed) };
}
