/** How many later rows lie outside the range of earlier ones when nothing has changed: a law that holds for any distribution. */
import { betaQuantile } from "./incomplete-beta.ts";

/**
 * Mean and 99 % point of the *share* of m rows that lie below the least or above the greatest of n earlier ones. With S such rows the
 * n + m rows in order begin and end with S window rows in all, then a reference row on either side, so P(S = s) =
 * (s + 1) m!/(m - s)! n (n - 1) (N - s - 2)!/N! (Wilks 1941, Ann. Math. Statist. 12, 91-96). Ties make fewer.
 */
export function rangeExceedance(n: number, m: number): { readonly expected: number; readonly upper99: number } {
  if (n < 2) return { expected: 1, upper99: 1 };
  const expected = 2 / (n + 1);
  const rows = n + m;
  if (expected * m > 1000) {
    // The reference's range leaves a beta share outside; so many rows there add little spread to that of the share.
    const share = betaQuantile(0.99, 2, n - 1);
    const spread = (expected * (1 - expected)) / (n + 2);
    const sampling = (expected * (1 - expected) - spread) / m;
    return { expected, upper99: Math.min(1, expected + (share - expected) * Math.sqrt(1 + sampling / spread)) };
  }
  let probability = (n / rows) * ((n - 1) / (rows - 1));
  let below = probability;
  let s = 0;
  while (below < 0.99 && s < m) {
    s++;
    probability *= ((s + 1) / s) * ((m - s + 1) / (rows - s - 1));
    below += probability;
  }
  return { expected, upper99: s / m };
}
