/** The value at the keys of a path, as they were found one within the other. */
import { isObject, type JsonObject } from "../core/json-object.ts";

export function valueAtKeys(payload: JsonObject, keys: readonly string[]): unknown {
  let value: unknown = payload;
  for (const key of keys) {
    if (!isObject(value) || !Object.hasOwn(value, key)) return undefined;
    value = value[key];
  }
  return value;
}
