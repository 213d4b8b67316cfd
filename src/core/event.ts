/** The two kinds of event, and the place in a source that each came from. */

/** Where a message lies in its source. `offset` only grows within (source, partition). */
export interface Position {
  /** `kafka:<topic>:<topic id>`, `file:<path>`, `http:<instance>`. */
  readonly source: string;
  readonly partition: number;
  readonly offset: number;
}

/** One raw message as a source hands it over, before anyone has looked inside. */
export interface RawMessage extends Position {
  /** null is a Kafka tombstone. */
  readonly value: Buffer | string | null;
  /** The broker's time in milliseconds, where there is one; the event time of payloads that carry none. */
  readonly receivedMs?: number;
  readonly headers?: Readonly<Record<string, string>>;
  /** The id of an event that carries none; left out: its position. null: an event must carry an id. */
  readonly identity?: string | null;
}

/**
 * A value as it came in: what a feature, a prediction or a segment may be before the model's schema types it.
 * Nested objects are flattened to dotted names before this.
 */
export type Scalar = string | number | boolean | null;

export interface PredictionEvent {
  readonly kind: "prediction";
  readonly model: string;
  readonly version: string;
  readonly variant: string;
  readonly id: string;
  /** Event time, milliseconds since 1970 UTC. */
  readonly timestamp: number;
  readonly features: ReadonlyMap<string, unknown> | Readonly<Record<string, unknown>>;
  /** Canonical class text (see class-label.ts) for classification, '' for regression. */
  readonly predictionText: string;
  /** The number for regression; for classification the class as a number where it is one, else null. */
  readonly prediction: number | null;
  readonly score: number | null;
  readonly probabilities: Readonly<Record<string, number>>;
  readonly segments: Readonly<Record<string, string>>;
  readonly attributions: Readonly<Record<string, number>>;
}

export interface LabelEvent {
  readonly kind: "label";
  readonly model: string;
  /** '' serves every version of the id. */
  readonly version: string;
  readonly id: string;
  readonly timestamp: number;
  readonly labelText: string;
  readonly label: number | null;
}

/** Why a message could not become an event. */
export const deadLetterReasons = [
  "no_value",
  "too_large",
  "not_json",
  "not_an_object",
  "too_deep",
  "field_missing",
  "field_invalid",
  "timestamp_invalid",
  "timestamp_in_future",
  "unknown_model",
  "label_unknown_class",
  "store_refused",
] as const;
export type DeadLetterReason = (typeof deadLetterReasons)[number];

export interface DeadLetter extends Position {
  readonly reason: DeadLetterReason;
  /** One sentence that names the field, its value and what would be right. */
  readonly detail: string;
  readonly raw: Buffer | string;
}
