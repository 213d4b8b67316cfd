/** Ranks with ties shared, and how many values each tie has: for rank correlations and rank tests. */

export interface Midranks {
  /** The rank of each value, in the order given; the least is 1, equal values share the mean of their ranks. */
  readonly ranks: Float64Array;
  /** Sizes of the groups of equal values, ascending by value; 1 for a value that occurs once. */
  readonly ties: readonly number[];
}

export function midranks(values: readonly number[]): Midranks {
  const order = Uint32Array.from(values, (_, index) => index).sort((i, j) => (values[i] ?? 0) - (values[j] ?? 0));
  const ranks = new Float64Array(values.length);
  const ties: number[] = [];
  for (let first = 0; first < order.length; ) {
    const value = values[order[first] ?? 0];
    let end = first + 1;
    while (end < order.length && values[order[end] ?? 0] === value) end++;
    for (let place = first; place < end; place++) ranks[order[place] ?? 0] = (first + 1 + end) / 2;
    ties.push(end - first);
    first = end;
  }
  return { ranks, ties };
}
