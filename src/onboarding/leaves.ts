/** What lies at each path of sampled payloads: how often, of which kinds, which values. Everything that is inferred is inferred from this. */
import { isObject, type JsonObject } from "../core/json-object.ts";
import { parseTimestamp } from "../core/timestamp.ts";
import { LEAST_DIMENSION, listIn, vectorOf } from "../core/vector.ts";

/** Values told apart at one path; beyond that it is known that there are more. */
const MOST_DISTINCT = 5_000;
/** Paths that are looked at; a payload with more is no event of a model. */
const MOST_PATHS = 5_000;
const MOST_DEPTH = 8;
const MOST_LENGTHS = 100;
const NUMBER = /^\s*[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?\s*$/;
const LEADING_ZERO = /^\s*[+-]?0\d/;

/** What was seen at one path. */
export interface Leaf {
  readonly path: string;
  /** The keys that lead there. */
  readonly keys: readonly string[];
  /** Payloads that have it, null and '' not counted. */
  present: number;
  /** Payloads in which it is null or ''. */
  empty: number;
  numbers: number;
  texts: number;
  booleans: number;
  lists: number;
  /** Lists of numbers alone, by how many numbers they have; so many lengths at most. */
  readonly lengths: Map<number, number>;
  objects: number;
  /** Numbers that are whole. */
  whole: number;
  /** Numbers from 0 to 1. */
  inUnit: number;
  /** Values that read as a time of this century. */
  times: number;
  /** Rows by value, up to a limit of values; by its text. */
  readonly values: Map<string, number>;
  /** There are more values than `values` holds. */
  overflow: boolean;
}

export interface Leaves {
  readonly payloads: number;
  readonly byPath: ReadonlyMap<string, Leaf>;
}

const EARLIEST_MS = Date.UTC(2000, 0, 1);
const LATEST_MS = Date.UTC(2100, 0, 1);

/** @param textNumbers text that spells a number is one: of sources that know no numbers, such as CSV */
export function leavesOf(payloads: readonly JsonObject[], textNumbers = false): Leaves {
  const byPath = new Map<string, Leaf>();
  for (const payload of payloads) walk(payload, [], byPath, textNumbers);
  return { payloads: payloads.length, byPath };
}

function walk(object: JsonObject, above: readonly string[], byPath: Map<string, Leaf>, textNumbers: boolean): void {
  for (const [key, value] of Object.entries(object)) {
    if (key === "") continue;
    const keys = [...above, key];
    const leaf = leafAt(keys, byPath);
    if (leaf === null) return;
    count(leaf, value, textNumbers);
    if (isObject(value) && keys.length < MOST_DEPTH) walk(value, keys, byPath, textNumbers);
  }
}

function leafAt(keys: readonly string[], byPath: Map<string, Leaf>): Leaf | null {
  const path = keys.join(".");
  const known = byPath.get(path);
  if (known !== undefined) return known;
  if (byPath.size >= MOST_PATHS) return null;
  const kinds = { numbers: 0, texts: 0, booleans: 0, lists: 0, objects: 0, whole: 0, inUnit: 0, times: 0 };
  const counts = { lengths: new Map<number, number>(), values: new Map<string, number>() };
  const leaf: Leaf = { path, keys, present: 0, empty: 0, ...kinds, ...counts, overflow: false };
  byPath.set(path, leaf);
  return leaf;
}

function count(leaf: Leaf, value: unknown, textNumbers: boolean): void {
  if (value === null || value === undefined || value === "") {
    leaf.empty++;
    return;
  }
  leaf.present++;
  const list = textNumbers && typeof value === "string" && value.startsWith("[") ? listIn(value) : value;
  if (Array.isArray(list)) countList(leaf, list);
  else if (isObject(value)) leaf.objects++;
  else countScalar(leaf, value, textNumbers);
}

function countList(leaf: Leaf, list: readonly unknown[]): void {
  leaf.lists++;
  const vector = vectorOf(list);
  if (typeof vector === "string" || vector.length < LEAST_DIMENSION) return;
  const seen = leaf.lengths.get(vector.length);
  if (seen !== undefined || leaf.lengths.size < MOST_LENGTHS) leaf.lengths.set(vector.length, (seen ?? 0) + 1);
}

function countScalar(leaf: Leaf, value: unknown, textNumbers: boolean): void {
  const { ms } = parseTimestamp(typeof value === "bigint" ? Number(value) : value);
  if (ms !== null && ms >= EARLIEST_MS && ms < LATEST_MS) leaf.times++;
  if (typeof value === "boolean") leaf.booleans++;
  else {
    const number = numberIn(value, textNumbers);
    if (number === null) leaf.texts++;
    else {
      leaf.numbers++;
      if (Number.isInteger(number)) leaf.whole++;
      if (number >= 0 && number <= 1) leaf.inUnit++;
    }
  }
  const text = String(value);
  const seen = leaf.values.get(text);
  if (seen !== undefined || leaf.values.size < MOST_DISTINCT) leaf.values.set(text, (seen ?? 0) + 1);
  else leaf.overflow = true;
}

/** The number that a value is, or null. Leading zeros make a code and not a number. */
export function numberIn(value: unknown, textNumbers: boolean): number | null {
  if (typeof value === "number") return Number.isFinite(value) ? value : null;
  if (typeof value === "bigint") return Number(value);
  if (!textNumbers || typeof value !== "string" || !NUMBER.test(value) || LEADING_ZERO.test(value)) return null;
  const number = Number(value);
  return Number.isFinite(number) ? number : null;
}

/** Rows that hold one value: neither an object nor a list. */
export const scalars = (leaf: Leaf): number => leaf.numbers + leaf.texts + leaf.booleans;

/** Rows that hold a list of numbers of the length that most have. */
export const vectorRows = ({ lengths }: Leaf): number => Math.max(0, ...lengths.values());

/** Share of the present values that differ from all others, 0..1; 1 where each is its own. */
export const distinctShare = (leaf: Leaf): number =>
  leaf.present === 0 ? 0 : leaf.overflow ? 1 : leaf.values.size / leaf.present;
