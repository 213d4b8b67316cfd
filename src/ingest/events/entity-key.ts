/** Whom or what an event is about: the key by which labels without an id find their prediction. */
import type { EventMapping } from "../../config/event-mapping.ts";
import type { Privacy } from "../../config/privacy.ts";
import type { JsonObject } from "../../core/json-object.ts";
import { Refusal } from "../../core/refusal.ts";
import { type Field, fieldOf, quoted } from "./event-fields.ts";

/** A longer text is no key. */
const LONGEST_KEY = 4096;
const LONE_SURROGATE = /\p{Surrogate}/u;

/** Gives the text that spelt a number. */
type Spelling = (field: Field, value: number) => string;

/** The key; null where the event has none, and where what stands in its place is no text and no number. */
export type ReadEntity = (payload: JsonObject, spelling: Spelling) => string | null;

/**
 * Looks where `events.entity` points; where nothing is there, for the feature, the segment and the field of the name that the model gives,
 * in this order. Where privacy hashes ids, or the feature or segment of that name, the key is a hash too.
 */
export function createEntityReader(mapping: EventMapping, entity: string, privacy: Privacy | null): ReadEntity {
  const fields = placesOf(mapping, entity).map(fieldOf);
  const isHashed =
    privacy !== null && (privacy.hashesIds || privacy.feature(entity) === "hash" || privacy.segment(entity) === "hash");
  return (payload, spelling) => {
    for (const field of fields) {
      const value = field.read(payload);
      if (value === undefined || value === null || value === "") continue;
      const text = textOf(field, value, spelling);
      if (text === null || text.length > LONGEST_KEY) return null;
      return isHashed ? privacy.hash(text) : text;
    }
    return null;
  };
}

function placesOf({ entity, features, segments }: EventMapping, name: string): EventMapping["id"][] {
  const places: EventMapping["id"][] = entity === undefined ? [] : [entity];
  if (typeof features === "string") {
    if (features !== "*") places.push(`${features}.${name}`);
  } else if (!Array.isArray(features)) {
    const path = Object.hasOwn(features, name) ? features[name] : undefined;
    if (path !== undefined) places.push(path);
  }
  return [...places, `${segments}.${name}`, name];
}

/** As segments are read: 7 and 7.0 are one key, whole numbers beyond 2^53 keep their digits. */
function textOf(field: Field, value: unknown, spelling: Spelling): string | null {
  if (typeof value === "string") return LONE_SURROGATE.test(value) ? null : value;
  if (typeof value === "bigint") return String(value);
  if (typeof value !== "number") return null;
  return Number.isInteger(value) && !Number.isSafeInteger(value) ? spelling(field, value) : String(value);
}

/**
 * Of a label that may be joined by entity: whether it names no prediction.
 *
 * @throws Refusal where it names neither a prediction nor an entity
 */
export function isOfEntityAlone(id: Field, payload: JsonObject, entity: string): boolean {
  const value = id.read(payload);
  if (value !== undefined && value !== null) return false;
  if (entity !== "") return true;
  throw new Refusal("field_missing", `there is neither ${quoted(id)} nor the key of an entity; a label needs one`);
}
