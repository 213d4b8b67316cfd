/** The fields of an event as a mapping names them, with their readers made beforehand. */
import type { EventMapping, FieldSource } from "../../config/event-mapping.ts";
import { type ReadField, readerOf } from "./field-path.ts";

export interface Field {
  readonly name: string;
  /** The top-level key as it is spelt in JSON, or null where the field is a path or a constant. */
  readonly spelling: string | null;
  readonly read: ReadField;
}

type TextFields = "type" | "id" | "model" | "version" | "variant" | "timestamp" | "prediction" | "score" | "label";
type ObjectFields = "probabilities" | "segments" | "attributions";
export type Fields = Readonly<Record<TextFields | ObjectFields, Field>>;

/** A field by its path or its constant. */
export function fieldOf(source: FieldSource): Field {
  const constant = typeof source !== "string";
  return {
    name: constant ? source.value : source,
    spelling: constant || source.includes(".") ? null : JSON.stringify(source),
    read: readerOf(source),
  };
}

export function fieldsOf(mapping: EventMapping): Fields {
  return {
    type: fieldOf(mapping.type),
    id: fieldOf(mapping.id),
    model: fieldOf(mapping.model),
    version: fieldOf(mapping.version),
    variant: fieldOf(mapping.variant),
    timestamp: fieldOf(mapping.timestamp),
    prediction: fieldOf(mapping.prediction),
    score: fieldOf(mapping.score),
    label: fieldOf(mapping.label),
    probabilities: fieldOf(mapping.probabilities),
    segments: fieldOf(mapping.segments),
    attributions: fieldOf(mapping.attributions),
  };
}

/** Top-level keys that hold fields, and so no features where all top-level keys are. */
export function keysOf(mapping: EventMapping): ReadonlySet<string> {
  const { features: _, ...fields } = mapping;
  return new Set(
    Object.values(fields).flatMap((source) =>
      typeof source === "string" ? [source, source.split(".")[0] ?? source] : [],
    ),
  );
}

/** The name of a field for a message. */
export const quoted = (field: Field): string => JSON.stringify(field.name);
