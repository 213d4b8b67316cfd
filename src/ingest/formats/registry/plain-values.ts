/** Values as the libraries of Avro and Protobuf give them, as JSON would hold them; whole numbers beyond 2^53 as bigint. */
import { Refusal } from "../../../core/refusal.ts";

const MOST_LEVELS = 64;

/** Of Avro a member of a union that says its type; of Protobuf a 64-bit number. */
interface Wrapped {
  unwrap(): unknown;
}
interface Long {
  readonly low: number;
  readonly high: number;
  readonly unsigned: boolean;
}

const isWrapped = (value: object): value is Wrapped => "unwrap" in value && typeof value.unwrap === "function";
const isLong = (value: object): value is Long =>
  "low" in value &&
  "high" in value &&
  "unsigned" in value &&
  typeof value.low === "number" &&
  typeof value.high === "number";

/** @throws Refusal where values lie within each other too deep */
export function plainOf(value: unknown, level = 0): unknown {
  if (typeof value !== "object" || value === null) return value;
  if (level > MOST_LEVELS) throw new Refusal("too_deep", `the value has more than ${MOST_LEVELS} levels`);
  if (value instanceof Uint8Array) return Buffer.from(value).toString("utf8");
  if (Array.isArray(value)) return value.map((item) => plainOf(item, level + 1));
  if (isLong(value)) return wholeOf(value);
  if (isWrapped(value)) return plainOf(value.unwrap(), level + 1);
  const entries = Object.entries(value).map(([name, item]): [string, unknown] => [name, plainOf(item, level + 1)]);
  return momentOf(entries) ?? Object.fromEntries(entries);
}

function wholeOf({ low, high, unsigned }: Long): number | bigint {
  const bits = (BigInt(high >>> 0) << 32n) | BigInt(low >>> 0);
  const value = unsigned ? bits : BigInt.asIntN(64, bits);
  const number = Number(value);
  return Number.isSafeInteger(number) ? number : value;
}

/** `google.protobuf.Timestamp` as ISO 8601; null for anything else. */
function momentOf(entries: readonly (readonly [string, unknown])[]): string | null {
  if (entries.length !== 2 || entries[0]?.[0] !== "seconds" || entries[1]?.[0] !== "nanos") return null;
  const [seconds, nanos] = entries.map(([, item]) => Number(item));
  const ms = (seconds ?? Number.NaN) * 1000 + Math.floor((nanos ?? 0) / 1e6);
  return Number.isFinite(ms) && Math.abs(ms) <= 8.64e15 ? new Date(ms).toISOString() : null;
}
