/** Which paths of a payload are features, of which kind, and which of the rest are better left out, and why. */
import type { ColumnKind } from "../core/model-schema.ts";
import { distinctShare, type Leaf, type Leaves, scalars, vectorRows } from "./leaves.ts";
import { isNamed, nameFit, type ObjectRole } from "./names.ts";

export interface FoundFeature {
  /** As events of the mapping name it. */
  readonly name: string;
  readonly path: string;
  readonly kind: ColumnKind;
}

export interface LeftOut {
  readonly name: string;
  readonly path: string;
  readonly reason: string;
}

export interface FoundFeatures {
  /** As in `events: features`. */
  readonly mapping: string | readonly string[];
  readonly features: readonly FoundFeature[];
  /** Values that could be features and are not taken for such. */
  readonly leftOut: readonly LeftOut[];
}

/** As of references: whole numbers with few values that each occur often are codes. */
const MOST_CODES = 20;
const ROWS_PER_CODE = 10;
/** Text with more values than this that hardly repeats tells rows apart, and nothing about them. */
const FEW_TEXTS = 50;
const TELLS_ROWS_APART = 0.9;
const MOST_FEATURES = 1000;
const RARE = 0.01;

/** The object that is one of `role`, or null: named so, with fitting values. */
export function findObject(role: ObjectRole, leaves: Leaves): Leaf | null {
  const found = [...leaves.byPath.values()].filter((leaf) => {
    if (leaf.objects === 0 || leaf.objects < leaf.present || !isNamed(role, leaf.keys[leaf.keys.length - 1] ?? ""))
      return false;
    const children = childrenOf(leaf, leaves);
    const held = children.filter((child) => child.present > 0);
    if (held.length === 0) return false;
    return held.every((child) =>
      role === "segments" ? scalars(child) === child.present : child.numbers === child.present,
    );
  });
  return found.sort((a, b) => a.keys.length - b.keys.length || b.present - a.present)[0] ?? null;
}

const childrenOf = (leaf: Leaf, { byPath }: Leaves): Leaf[] =>
  [...byPath.values()].filter(
    ({ path, keys }) => path.startsWith(`${leaf.path}.`) && keys.length === leaf.keys.length + 1,
  );

/**
 * @param fields paths that are fields of the event already
 * @param objects paths of objects that are fields of the event
 * @param predictions payloads that are predictions
 */
export function findFeatures(
  leaves: Leaves,
  fields: ReadonlySet<string>,
  objects: readonly string[],
  predictions: number,
): FoundFeatures {
  const rest = [...leaves.byPath.values()].filter(
    (leaf) =>
      leaf.objects < leaf.present &&
      !fields.has(leaf.path) &&
      !objects.some((object) => leaf.path === object || leaf.path.startsWith(`${object}.`)),
  );
  const container = containerOf(leaves, rest, fields, objects);
  const inside = container === null ? rest : rest.filter(({ path }) => path.startsWith(`${container.path}.`));
  const nameOf = (leaf: Leaf) => (container === null ? leaf.path : leaf.path.slice(container.path.length + 1));
  const features: FoundFeature[] = [];
  const leftOut: LeftOut[] = [];
  for (const leaf of inside) {
    const reason = features.length >= MOST_FEATURES ? "there are more than 1,000" : whyNot(leaf, predictions);
    if (reason === null) features.push({ name: nameOf(leaf), path: leaf.path, kind: kindOf(leaf) });
    else if (leaf.present > 0) leftOut.push({ name: nameOf(leaf), path: leaf.path, reason });
  }
  return {
    mapping: container?.path ?? withoutContainer(features, leftOut, leaves, fields, objects),
    features,
    leftOut,
  };
}

/** The object that holds the features: named so, or holding most of what could be one, and no field of the event. */
function containerOf(
  leaves: Leaves,
  rest: readonly Leaf[],
  fields: ReadonlySet<string>,
  objects: readonly string[],
): Leaf | null {
  const sized = [...leaves.byPath.values()]
    .filter((leaf) => leaf.objects > 0 && leaf.objects === leaf.present && !objects.includes(leaf.path))
    .filter(({ path }) => ![...fields, ...objects].some((field) => field.startsWith(`${path}.`)))
    .map((leaf) => ({ leaf, held: rest.filter(({ path }) => path.startsWith(`${leaf.path}.`)).length }))
    .filter(({ held }) => held > 0)
    .sort((a, b) => b.held - a.held || a.leaf.keys.length - b.leaf.keys.length);
  const named = sized.find(({ leaf }) => isNamed("features", leaf.keys[leaf.keys.length - 1] ?? ""));
  if (named !== undefined) return named.leaf;
  const [largest] = sized;
  return largest !== undefined && largest.held >= 2 && largest.held >= rest.length * 0.6 ? largest.leaf : null;
}

/** Every top-level field, where each that is left is a feature; else a list. */
function withoutContainer(
  features: readonly FoundFeature[],
  leftOut: readonly LeftOut[],
  { byPath }: Leaves,
  fields: ReadonlySet<string>,
  objects: readonly string[],
): string | readonly string[] {
  const heads = new Set([...fields, ...objects].map((path) => byPath.get(path)?.keys[0] ?? path));
  const flat = features.every(({ path }) => byPath.get(path)?.keys.length === 1 && !heads.has(path));
  return flat && leftOut.length === 0 && features.length > 0 ? "*" : features.map(({ path }) => path);
}

function whyNot(leaf: Leaf, predictions: number): string | null {
  const held = scalars(leaf);
  if (leaf.present < predictions * RARE) return "it is hardly ever there";
  if (isVector(leaf)) return null;
  if (held < leaf.present) return leaf.lists > 0 ? "it is a list" : "it is an object in some events";
  const last = leaf.keys[leaf.keys.length - 1] ?? "";
  const isTime = leaf.times >= held * 0.9;
  if (isTime && (leaf.texts > 0 || nameFit("timestamp", last) > 0)) return "it is a time";
  const unique = distinctShare(leaf) >= TELLS_ROWS_APART && leaf.values.size > FEW_TEXTS;
  if (unique && (leaf.texts > held / 2 || (leaf.whole === leaf.numbers && nameFit("id", last) > 0)))
    return "nearly every event has another value: it looks like an id";
  return null;
}

/** As of references: most of its values are lists of as many numbers. */
const isVector = (leaf: Leaf): boolean => vectorRows(leaf) * 2 > leaf.present;

function kindOf(leaf: Leaf): ColumnKind {
  if (isVector(leaf)) return "vector";
  if (leaf.numbers * 2 <= leaf.present) return "categorical";
  const codes = leaf.whole === leaf.numbers && !leaf.overflow && leaf.values.size <= MOST_CODES;
  return codes && leaf.whole >= ROWS_PER_CODE * leaf.values.size ? "categorical" : "numeric";
}
