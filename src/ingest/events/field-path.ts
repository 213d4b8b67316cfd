/**
 * Where a field lies in a payload. A key that is spelt with dots wins over nested objects, and only an object's own keys count,
 * so that `constructor` and `__proto__` are names like any other.
 */
import type { FieldSource } from "../../config/event-mapping.ts";
import { isObject, type JsonObject } from "../../core/json-object.ts";

/** Reads a field; undefined where the payload does not have it. */
export type ReadField = (payload: JsonObject) => unknown;

/** A reader of one field, made once per configuration. */
export function readerOf(source: FieldSource): ReadField {
  if (typeof source === "object") {
    const { value } = source;
    return () => value;
  }
  if (source.includes(".")) return (payload) => valueAt(payload, source);
  if (source in Object.prototype) return (payload) => (Object.hasOwn(payload, source) ? payload[source] : undefined);
  return (payload) => payload[source];
}

/** `a.b.c`: the key `a.b.c` itself, else `b.c` within `a`, else `c` within `a.b`. */
export function valueAt(payload: JsonObject, path: string): unknown {
  if (Object.hasOwn(payload, path)) return payload[path];
  for (let dot = path.indexOf("."); dot !== -1; dot = path.indexOf(".", dot + 1)) {
    const head = path.slice(0, dot);
    const child = Object.hasOwn(payload, head) ? payload[head] : undefined;
    if (!isObject(child)) continue;
    const value = valueAt(child, path.slice(dot + 1));
    if (value !== undefined) return value;
  }
  return undefined;
}
