/**
 * Makes a half of a call as private as its model asks for, before it waits in the store for the other. Once both are there the decoder of native
 * JSON goes over them again: what was dropped stays away, and a hash is marked, so that it is not hashed a second time.
 */
import { callIdHash, type Privacy, strictest } from "../../config/privacy.ts";
import { type Half, rowId } from "../../core/half.ts";
import { isObject, type JsonObject } from "../../core/json-object.ts";
import { losslessText } from "../../core/lossless-json.ts";
import type { ColumnKind } from "../../core/model-schema.ts";
import { marked } from "../../core/private-text.ts";
import { Refusal } from "../../core/refusal.ts";
import { categoryText, MAX_DEPTH } from "./feature-reader.ts";
import type { DecoderModel } from "./json-events.ts";

interface Redaction {
  /** null: nothing is private. */
  readonly privacy: Privacy | null;
  /** Of the features that the model knows. */
  readonly kinds: ReadonlyMap<string, ColumnKind>;
}

/** @returns null where no model has `privacy`. The function throws a Refusal where features lie too deep in each other */
export function createHalfRedaction(models: readonly DecoderModel[]): ((half: Half) => Half) | null {
  const privacies = models.flatMap(({ privacy }) => (privacy === undefined || privacy === null ? [] : [privacy]));
  if (privacies.length === 0) return null;
  const known = new Map(
    models.map(({ schema, privacy = null }): [unknown, Redaction] => [
      schema.model,
      { privacy, kinds: new Map(schema.features.map(({ name, kind }) => [name, kind])) },
    ]),
  );
  const unknown: Redaction = { privacy: strictest(privacies), kinds: new Map() };
  const hashCall = callIdHash(privacies);
  return (half) => {
    const of = known.get(half.event["model"]) ?? unknown;
    const isKnown = of !== unknown;
    return {
      ...half,
      id: hashCall === null ? half.id : hashCall(half.id),
      rows: half.rows.map((row, index) => ({
        ...redactedRow(row, of),
        // The id of the call says no more what those of its rows are. A side that does not know its model leaves that to the other.
        ...(hashCall !== null && isKnown
          ? { id: rowIdOf(rowId(half.id, index, half.rows.length, half.plainId), of.privacy) }
          : {}),
      })),
    };
  };
}

const rowIdOf = (id: string, privacy: Privacy | null): string =>
  privacy?.hashesIds === true ? marked(privacy.hash(id)) : id;

function redactedRow(row: JsonObject, { privacy, kinds }: Redaction): JsonObject {
  const { features } = row;
  if (privacy === null || !isObject(features)) return row;
  const redacted = (object: JsonObject, prefix: string, depth: number): JsonObject => {
    if (depth > MAX_DEPTH)
      throw new Refusal("too_deep", `the features lie within each other deeper than ${MAX_DEPTH} levels`);
    return Object.fromEntries(
      Object.entries(object).flatMap(([key, value]): [string, unknown][] => {
        const name = prefix + key;
        // An object is no feature itself: it is what lies in it, each under its own name.
        if (isObject(value)) return [[key, redacted(value, `${name}.`, depth + 1)]];
        const way = privacy.feature(name);
        if (way === null) return [[key, value]];
        // A hash is no number and no vector.
        return way === "drop" || kinds.get(name) === "numeric" || kinds.get(name) === "vector"
          ? []
          : [[key, hashed(value, kinds.has(name), privacy.hash)]];
      }),
    );
  };
  return { ...row, features: redacted(features, "", 1) };
}

/** Of the text that the value has as a category, or as an extra of the event; `[]` in the place of what is no category. */
function hashed(value: unknown, isCategory: boolean, hash: Privacy["hash"]): unknown {
  if (value === undefined || (isCategory && value === null)) return value;
  const text = isCategory || typeof value === "string" ? categoryText(value) : losslessText(value);
  return text === null ? [] : marked(hash(text));
}
