/**
 * Which path of a payload is which field of an event. Each pair of a path and a role is weighed by its name and its values, and the best pairs
 * are taken first, so that a path has one role at most. What is nearly as good is kept for a person to choose from.
 */
import { distinctShare, type Leaf, type Leaves, scalars } from "./leaves.ts";
import { isNamed, nameFit, type Role, wordsOf } from "./names.ts";

export const roles: readonly Role[] = [
  "type",
  "timestamp",
  "id",
  "model",
  "version",
  "variant",
  "prediction",
  "score",
  "label",
];

/** What a person, or an option of the command, has said; null: there is none. */
export type Choices = Readonly<Partial<Record<Role, string | null>>>;

export interface FoundField {
  readonly path: string;
  /** Other paths that may be meant, the likeliest first. */
  readonly others: readonly string[];
}

export type FoundFields = Readonly<Partial<Record<Role, FoundField>>>;

interface Candidate {
  readonly role: Role;
  readonly leaf: Leaf;
  readonly weight: number;
}

const MODEL_NAME = /^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$/;
/** A name counts so much more than a value. */
const NAME_WEIGHT = 2;
/** The name that native events have. */
const NATIVE_BONUS = 0.5;
/** Of fields within an object whose name may be that of the features, or of the wrapper of all. */
const WITHIN_FEATURES = -1.5;
/** What lies in here is a feature, whatever it is called. */
const SURELY_FEATURES = /^(?:(?:model|input) )?(?:features?|feature values|attributes|variables|vars|instance)$/;
const PER_LEVEL = -0.1;
const SAME_PARENT = 0.2;
const SAME_VALUES = 0.5;
/** What is so near to the best may be meant as well. */
const NEAR = 0.5;
const OTHERS_SHOWN = 4;
const MOST_CLASSES = 100;

export function findFields(leaves: Leaves, choices: Choices = {}): FoundFields {
  const candidates = [...leaves.byPath.values()].flatMap((leaf) => candidatesOf(leaf, leaves));
  const taken = new Map<string, Role>();
  const found: Partial<Record<Role, FoundField>> = {};
  for (const role of roles) {
    const chosen = choices[role];
    if (chosen === undefined || chosen === null) continue;
    taken.set(chosen, role);
    found[role] = { path: chosen, others: [] };
  }
  for (;;) {
    const open = candidates
      .filter(({ role, leaf }) => found[role] === undefined && choices[role] === undefined && !taken.has(leaf.path))
      .map((candidate) => ({ ...candidate, weight: candidate.weight + company(candidate, found, leaves) }))
      .sort((a, b) => b.weight - a.weight || order(a.leaf.path, b.leaf.path));
    const [best] = open;
    if (best === undefined) return settled(found, leaves, choices);
    const near = open.filter(
      ({ role, leaf, weight }) => role === best.role && leaf !== best.leaf && weight > best.weight - NEAR,
    );
    taken.set(best.leaf.path, best.role);
    found[best.role] = { path: best.leaf.path, others: near.slice(0, OTHERS_SHOWN).map(({ leaf }) => leaf.path) };
  }
}

/** Code points, so that the order is the same on every machine. */
const order = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0);

function candidatesOf(leaf: Leaf, leaves: Leaves): Candidate[] {
  const { keys, path } = leaf;
  const last = keys[keys.length - 1] ?? "";
  const two = keys.slice(-2).join(" ");
  const within = keys.slice(0, -1).some((key) => isNamed("features", key)) ? WITHIN_FEATURES : 0;
  if (keys.slice(0, -1).some((key) => SURELY_FEATURES.test(wordsOf(key)))) return [];
  return roles.flatMap((role) => {
    const name = Math.max(nameFit(role, last), keys.length > 1 ? nameFit(role, two) : 0);
    const value = valueFit(role, leaf, leaves, name);
    if (value === 0) return [];
    const native = path === role ? NATIVE_BONUS : 0;
    return [{ role, leaf, weight: name * NAME_WEIGHT + value + native + within + PER_LEVEL * (keys.length - 1) }];
  });
}

/** 0..1: how well the values fit; 0 where they, or they without a telling name, do not. */
function valueFit(role: Role, leaf: Leaf, { payloads }: Leaves, name: number): number {
  const held = scalars(leaf);
  if (held === 0 || held < leaf.present * 0.9 || (name === 0 && role !== "timestamp" && role !== "id")) return 0;
  const few = !leaf.overflow && leaf.values.size <= Math.max(3, Math.min(50, payloads / 5));
  const isTime = leaf.times >= held * 0.9;
  switch (role) {
    case "timestamp":
      // A number that could be a time is one where its name says so; text in the form of a time tells by itself.
      return isTime && (name > 0 || (leaf.texts >= held * 0.9 && leaf.values.size > 1)) ? 1 : 0;
    case "id":
      return idFit(leaf, name, isTime);
    case "model":
      return leaf.texts === held && few && [...leaf.values.keys()].every((text) => MODEL_NAME.test(text)) ? 1 : 0;
    case "version":
      return few && !isTime && leaf.booleans === 0 ? 1 : 0;
    case "variant":
      return few && leaf.texts === held ? 1 : 0;
    case "type":
      return [...leaf.values.keys()].every((text) => text === "prediction" || text === "label") ? 1 : 0;
    case "score":
      return leaf.numbers < held * 0.95 ? 0 : leaf.inUnit === leaf.numbers ? 1 : 0.5;
    case "prediction":
    case "label":
      return outcomeFit(leaf, isTime);
  }
}

const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i;

function idFit(leaf: Leaf, name: number, isTime: boolean): number {
  if (leaf.booleans > 0 || leaf.whole < leaf.numbers || (isTime && leaf.texts > 0)) return 0;
  const first = leaf.values.keys().next().value ?? "";
  if (name === 0 && !UUID.test(first)) return 0;
  // A label repeats the id of its prediction.
  const share = distinctShare(leaf);
  return share >= 0.95 ? 1 : share >= 0.45 ? 0.7 : 0;
}

/** Classes, or numbers. Text that hardly repeats is neither. */
function outcomeFit(leaf: Leaf, isTime: boolean): number {
  if (isTime && leaf.texts > 0) return 0;
  if (leaf.texts > 0 && (leaf.overflow || leaf.values.size > MOST_CLASSES || leaf.values.size > leaf.present * 0.5))
    return leaf.values.size <= 2 ? 1 : 0;
  return 1;
}

/** What other fields that are known already say of a candidate. */
function company({ role, leaf }: Candidate, found: FoundFields, { byPath }: Leaves): number {
  const prediction = byPath.get(found.prediction?.path ?? "");
  if (prediction === undefined) return 0;
  if (role === "score") return parentOf(leaf) === parentOf(prediction) ? SAME_PARENT : 0;
  if (role !== "label" || leaf.overflow) return 0;
  return [...leaf.values.keys()].every((value) => prediction.values.has(value)) ? SAME_VALUES : 0;
}

const parentOf = (leaf: Leaf): string => leaf.keys.slice(0, -1).join(".");

/** A class with a score beside it, where nothing else could be the prediction, is what the model said and not the truth. */
function settled(found: FoundFields, { byPath }: Leaves, choices: Choices): FoundFields {
  const { prediction, label, score, ...rest } = found;
  if (prediction !== undefined || choices.prediction !== undefined || choices.label !== undefined) return found;
  const labels = byPath.get(label?.path ?? "");
  const scores = byPath.get(score?.path ?? "");
  if (label !== undefined && score !== undefined && labels !== undefined && scores !== undefined)
    if (scores.present >= labels.present * 0.9) return { ...rest, score, prediction: label };
  if (score !== undefined && label === undefined) return { ...rest, prediction: score };
  return found;
}
