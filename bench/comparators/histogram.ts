/** NumPy's histograms, which other monitors bin by: equal widths between the extremes of what is at hand. */

/** Edges of so many bins of one width; a constant gets one bin of the width 1 around it. */
function equalEdges(values: readonly number[], bins: number): number[] {
  let [low, high] = extremes(values);
  if (low === high) [low, high] = [low - 0.5, high + 0.5];
  const step = (high - low) / bins;
  return Array.from({ length: bins + 1 }, (_, index) => (index === bins ? high : low + index * step));
}

/** `numpy.histogram_bin_edges(values, bins="sturges")`: 1 + log2(rows) bins (Sturges 1926). */
export function sturgesEdges(values: readonly number[]): number[] {
  return byWidth(values, (extent) => extent / (Math.log2(values.length) + 1));
}

/** `numpy.histogram_bin_edges(values, bins="doane")`: more bins for a skewed sample (Doane 1976). */
export function doaneEdges(values: readonly number[]): number[] {
  const n = values.length;
  return byWidth(values, (extent) => {
    const mean = values.reduce((sum, value) => sum + value, 0) / n;
    const spread = populationDeviation(values);
    if (n <= 2 || spread === 0) return 0;
    const skewness = values.reduce((sum, value) => sum + ((value - mean) / spread) ** 3, 0) / n;
    const error = Math.sqrt((6 * (n - 2)) / ((n + 1) * (n + 3)));
    return extent / (1 + Math.log2(n) + Math.log2(1 + Math.abs(skewness) / error));
  });
}

function byWidth(values: readonly number[], widthOf: (extent: number) => number): number[] {
  const [low, high] = extremes(values);
  const width = widthOf(high - low);
  return equalEdges(values, width > 0 ? Math.max(1, Math.ceil((high - low) / width)) : 1);
}

/** `numpy.std`: of the values themselves, not of what they are a sample of. */
export function populationDeviation(values: readonly number[]): number {
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
  return Math.sqrt(values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / values.length);
}

function extremes(values: readonly number[]): [number, number] {
  let [low, high] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY];
  for (const value of values) {
    low = Math.min(low, value);
    high = Math.max(high, value);
  }
  return [low, high];
}

/** `numpy.histogram`: a bin holds its left edge and not its right one, the last holds both; values outside are in none. */
export function histogram(values: readonly number[], edges: readonly number[]): number[] {
  const counts = Array.from({ length: edges.length - 1 }, () => 0);
  const last = edges[edges.length - 1] ?? Number.NaN;
  for (const value of values) {
    let low = 0;
    let high = edges.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((edges[middle] ?? Number.POSITIVE_INFINITY) <= value) low = middle + 1;
      else high = middle;
    }
    const bin = value === last ? counts.length - 1 : low - 1;
    if (bin >= 0 && bin < counts.length) counts[bin] = (counts[bin] ?? 0) + 1;
  }
  return counts;
}

/** Rows of each value in either sample, over all values that occur, ascending. */
export function countValues(a: readonly number[], b: readonly number[]): { ofA: number[]; ofB: number[] } {
  const values = [...new Set([...a, ...b])].sort((x, y) => x - y);
  const place = new Map(values.map((value, index) => [value, index]));
  const count = (sample: readonly number[]) => {
    const counts = values.map(() => 0);
    for (const value of sample) {
      const index = place.get(value) ?? 0;
      counts[index] = (counts[index] ?? 0) + 1;
    }
    return counts;
  };
  return { ofA: count(a), ofB: count(b) };
}
