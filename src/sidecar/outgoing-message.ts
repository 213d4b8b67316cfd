/**
 * What the sidecar sends on, and its form in the buffer and the spool: one half of an inference as a CloudEvent, or a post of native
 * events as it came.
 */
import { z } from "zod";

export interface CloudEventMessage {
  readonly kind: "cloudevent";
  /** Attributes and extensions without a prefix, `specversion` and `id` among them. */
  readonly attributes: Readonly<Record<string, string>>;
  readonly contentType: string;
  /** Codings that are still on the body (`gzip`), '' for none. */
  readonly contentEncoding: string;
  readonly body: Buffer;
}

export interface PostedMessage {
  readonly kind: "posted";
  readonly contentType: string;
  /** Its client's, or one made when it came, so that a second try repeats the same events. */
  readonly idempotencyKey: string;
  readonly body: Buffer;
}

export type OutgoingMessage = CloudEventMessage | PostedMessage;

const NEWLINE = 10;
const header = z.union([
  z.object({
    kind: z.literal("cloudevent"),
    attributes: z.record(z.string(), z.string()),
    contentType: z.string(),
    contentEncoding: z.string(),
  }),
  z.object({ kind: z.literal("posted"), contentType: z.string(), idempotencyKey: z.string() }),
]);

/** A line of JSON, then the body. */
export function encodeMessage({ body, ...rest }: OutgoingMessage): Buffer {
  return Buffer.concat([Buffer.from(`${JSON.stringify(rest)}\n`), body]);
}

/** @throws Error where the bytes are none of `encodeMessage` */
export function decodeMessage(bytes: Buffer): OutgoingMessage {
  const end = bytes.indexOf(NEWLINE);
  if (end === -1) throw new Error("a message of the spool has no header");
  return { ...header.parse(JSON.parse(bytes.toString("utf8", 0, end))), body: bytes.subarray(end + 1) };
}

/** Tells messages apart, and is the same for both halves of an inference. */
export const keyOf = (message: OutgoingMessage): string =>
  message.kind === "cloudevent" ? (message.attributes["id"] ?? "") : message.idempotencyKey;
