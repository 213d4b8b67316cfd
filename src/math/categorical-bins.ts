/** The bins of a categorical reference: the frequent categories by name, the rest as *tail*, and room for what was never seen. */

export interface CategoricalBins {
  /** By count descending, then name by code unit. */
  readonly categories: readonly string[];
  /** The categories, then tail, then new (0 in a reference). */
  readonly bins: readonly number[];
  /** Number of categories seen exactly once, listed or not. */
  readonly singletons: number;
}

/**
 * @param counts rows per category, each at least 1
 * @param most the greatest number of categories to list
 * @param leastRows categories with fewer rows go to the tail
 */
export function categoricalBins(counts: ReadonlyMap<string, number>, most: number, leastRows = 1): CategoricalBins {
  const ordered = [...counts].sort(([nameA, a], [nameB, b]) => b - a || (nameA < nameB ? -1 : 1));
  const kept = ordered.filter(([, rows]) => rows >= leastRows).slice(0, most);
  let rest = 0;
  let singletons = 0;
  for (const [, rows] of ordered) {
    rest += rows;
    if (rows === 1) singletons++;
  }
  for (const [, rows] of kept) rest -= rows;
  return { categories: kept.map(([name]) => name), bins: [...kept.map(([, rows]) => rows), rest, 0], singletons };
}
