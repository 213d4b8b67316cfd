/** The bins of a categorical reference: the frequent categories by name, the rest as *tail*, and room for what was never seen. */

export interface CategoricalBins {
  /** In the order given. */
  readonly categories: readonly string[];
  /** The categories, then tail, then new (0 in a reference). */
  readonly bins: readonly number[];
  /** Number of categories seen exactly once, listed or not. */
  readonly singletons: number;
}

/** By rows descending, then name by code unit. */
export function byFrequency(counts: ReadonlyMap<string, number>): readonly (readonly [string, number])[] {
  return [...counts].sort(([nameA, a], [nameB, b]) => b - a || (nameA < nameB ? -1 : 1));
}

/**
 * @param ordered rows per category, each at least 1
 * @param most how many of them, from the first, are listed
 * @param others rows of further categories, which are in the tail too
 */
export function categoricalBins(
  ordered: readonly (readonly [string, number])[],
  most: number,
  others = 0,
): CategoricalBins {
  const listed = ordered.slice(0, most);
  let tail = others;
  for (const [, rows] of ordered.slice(most)) tail += rows;
  return {
    categories: listed.map(([name]) => name),
    bins: [...listed.map(([, rows]) => rows), tail, 0],
    singletons: ordered.filter(([, rows]) => rows === 1).length,
  };
}
