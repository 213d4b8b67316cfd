/** A message as a source hands it over, the place it came from, and why it may become a dead letter instead of an event. */

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
  /** The key of a Kafka record that has headers too; of others nobody asks for it. */
  readonly key?: string;
  /** The id of an event that carries none; left out: its position. null: an event must carry an id. */
  readonly identity?: string | null;
}

/**
 * The header of a Kafka record that says by which schema of a registry its value is written. All others are text; this one is bytes, and a
 * character of `headers` each.
 */
export const SCHEMA_ID_HEADER = "__value_schema_id";

/** What comes with the bytes of a message and is needed to read them again. */
export type MessageEnvelope = Pick<RawMessage, "receivedMs" | "headers" | "key" | "identity">;

/** What a dead letter keeps of a message. */
export function keptBytes(value: RawMessage["value"], limit: number): Buffer | string {
  if (value === null) return "";
  if (typeof value === "string") return value.length > limit ? value.slice(0, limit) : value;
  // A copy, so that a dead letter does not hold on to all that was read with it.
  return Buffer.from(value.subarray(0, limit));
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
  "format_unreadable",
  "schema_unknown",
  "halves_disagree",
  "unpaired",
  "store_refused",
] as const;
export type DeadLetterReason = (typeof deadLetterReasons)[number];

export interface DeadLetter extends Position {
  /** Which of several events of one message it is; 0 where it is the message. */
  readonly item: number;
  /** The format that the message was read as. */
  readonly format: string;
  readonly reason: DeadLetterReason;
  /** One sentence that names the field, its value and what would be right. */
  readonly detail: string;
  readonly raw: Buffer | string;
  readonly envelope: MessageEnvelope;
}
