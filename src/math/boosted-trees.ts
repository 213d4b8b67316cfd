/**
 * Gradient-boosted regression trees over binned features: Friedman (2001, Annals of Statistics 29, 1189-1232) with squared loss, splits
 * being sought in histograms of the bins. No randomness: the same rows in the same order give the same trees.
 */

/** Rows of bin codes, one byte a feature, row after row. */
export interface BinnedRows {
  readonly rows: number;
  readonly features: number;
  /** rows × features; splits go by the order of the codes. */
  readonly codes: Uint8Array;
}

/** A complete binary tree: node k has the children 2k + 1 and 2k + 2. A node that was not worth a split sends every row left. */
export interface BoostedTree {
  /** By inner node: the feature, and the greatest code that goes left. */
  readonly features: readonly number[];
  readonly cuts: readonly number[];
  /** By leaf, from the left: what is added. */
  readonly leaves: readonly number[];
}

export interface BoostedTrees {
  /** Mean of the targets, to which the trees add. */
  readonly base: number;
  readonly trees: readonly BoostedTree[];
}

export interface BoostingOptions {
  readonly trees: number;
  /** Levels of splits of a tree, 1 to 8. */
  readonly depth: number;
  /** Share of a leaf's mean residual that is taken. */
  readonly rate: number;
  /** Rows of a leaf at least. */
  readonly leafRows: number;
}

const CODES = 256;

/** @param target one number a row; with no rows there are no trees and the base is 0 */
export function boostedTrees(data: BinnedRows, target: Float64Array, options: BoostingOptions): BoostedTrees {
  const { rows, features, codes } = data;
  if (rows === 0) return { base: 0, trees: [] };
  const columns = Array.from({ length: features }, (_, feature) =>
    Uint8Array.from({ length: rows }, (_value, row) => codes[row * features + feature] ?? 0),
  );
  let sum = 0;
  for (const value of target) sum += value;
  const base = sum / rows;
  const residual = target.map((value) => value - base);
  const trees: BoostedTree[] = [];
  for (let index = 0; index < options.trees; index++) {
    const { tree, leafOf } = grownTree(columns, residual, options);
    // Where nothing is worth a split any more the trees to come would add nothing.
    if (tree.cuts.every((cut) => cut === CODES - 1)) break;
    for (let row = 0; row < rows; row++) residual[row] = (residual[row] ?? 0) - (tree.leaves[leafOf[row] ?? 0] ?? 0);
    trees.push(tree);
  }
  return { base, trees };
}

function grownTree(columns: readonly Uint8Array[], residual: Float64Array, options: BoostingOptions) {
  const features: number[] = [];
  const cuts: number[] = [];
  /** By row: its node within the level at hand. */
  const nodeOf = new Uint8Array(residual.length);
  for (let level = 0; level < options.depth; level++) {
    const splits = bestSplits(columns, residual, nodeOf, 2 ** level, options.leafRows);
    for (const { feature, cut } of splits) {
      features.push(feature);
      cuts.push(cut);
    }
    for (let row = 0; row < nodeOf.length; row++) {
      const node = nodeOf[row] ?? 0;
      const split = splits[node];
      const right = split !== undefined && (columns[split.feature]?.[row] ?? 0) > split.cut;
      nodeOf[row] = 2 * node + (right ? 1 : 0);
    }
  }
  const leaves = new Float64Array(2 ** options.depth);
  const counts = new Float64Array(2 ** options.depth);
  for (let row = 0; row < residual.length; row++) {
    const leaf = nodeOf[row] ?? 0;
    leaves[leaf] = (leaves[leaf] ?? 0) + (residual[row] ?? 0);
    counts[leaf] = (counts[leaf] ?? 0) + 1;
  }
  const values = Array.from(leaves, (sum, leaf) =>
    (counts[leaf] ?? 0) > 0 ? (options.rate * sum) / (counts[leaf] ?? 1) : 0,
  );
  return { tree: { features, cuts, leaves: values }, leafOf: nodeOf };
}

interface Split {
  readonly feature: number;
  readonly cut: number;
}

/** By node the split that lowers the squared error most; the first of equals. */
function bestSplits(
  columns: readonly Uint8Array[],
  residual: Float64Array,
  nodeOf: Uint8Array,
  nodes: number,
  leafRows: number,
): Split[] {
  const best = Array.from({ length: nodes }, () => ({ feature: 0, cut: CODES - 1, gain: 0 }));
  const sums = new Float64Array(nodes * CODES);
  const counts = new Int32Array(nodes * CODES);
  for (const [feature, column] of columns.entries()) {
    sums.fill(0);
    counts.fill(0);
    for (let row = 0; row < column.length; row++) {
      const cell = (nodeOf[row] ?? 0) * CODES + (column[row] ?? 0);
      sums[cell] = (sums[cell] ?? 0) + (residual[row] ?? 0);
      counts[cell] = (counts[cell] ?? 0) + 1;
    }
    for (const [node, found] of best.entries()) {
      const split = bestCut(sums, counts, node * CODES, leafRows);
      if (split !== null && split.gain > found.gain) best[node] = { feature, ...split };
    }
  }
  return best;
}

/** Gains within rounding of nothing are none: a target that is constant is not split. */
const LEAST_GAIN = 1e-12;

function bestCut(sums: Float64Array, counts: Int32Array, from: number, leafRows: number) {
  let total = 0;
  let rows = 0;
  for (let code = 0; code < CODES; code++) {
    total += sums[from + code] ?? 0;
    rows += counts[from + code] ?? 0;
  }
  if (rows < 2 * leafRows) return null;
  const whole = (total * total) / rows;
  let best: { readonly cut: number; readonly gain: number } | null = null;
  let left = 0;
  let leftRows = 0;
  for (let code = 0; code < CODES - 1; code++) {
    const added = counts[from + code] ?? 0;
    if (added === 0) continue;
    left += sums[from + code] ?? 0;
    leftRows += added;
    const rightRows = rows - leftRows;
    if (rightRows < leafRows) break;
    if (leftRows < leafRows) continue;
    const gain = (left * left) / leftRows + (total - left) ** 2 / rightRows - whole;
    if (gain > LEAST_GAIN && gain > (best?.gain ?? 0)) best = { cut: code, gain };
  }
  return best;
}

/** The trees' answer for each row. `most`: how many of the trees, from the first, are asked; all where it is left out. */
export function boostedValues({ base, trees }: BoostedTrees, data: BinnedRows, most = trees.length): Float64Array {
  const values = new Float64Array(data.rows).fill(base);
  for (const tree of trees.slice(0, most)) addTree(tree, data, values);
  return values;
}

/** Adds one tree's part to `values`, so that the answers of 1, 2, 3 … trees can be had one after the other. */
export function addTree(tree: BoostedTree, { rows, features, codes }: BinnedRows, values: Float64Array): void {
  const { features: splitBy, cuts, leaves } = tree;
  const inner = cuts.length;
  for (let row = 0; row < rows; row++) {
    let node = 0;
    while (node < inner)
      node = 2 * node + ((codes[row * features + (splitBy[node] ?? 0)] ?? 0) > (cuts[node] ?? 0) ? 2 : 1);
    values[row] = (values[row] ?? 0) + (leaves[node - inner] ?? 0);
  }
}
