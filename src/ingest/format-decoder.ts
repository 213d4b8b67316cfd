/** Decodes messages through a format: what the format says they hold becomes rows, halves or dead letters. */
import type { RawMessage } from "../core/event.ts";
import type { Decoded, Envelope, OpenFormat } from "../core/format.ts";
import type { Half } from "../core/half.ts";
import { letterOf, Refusal } from "../core/refusal.ts";
import type { EventRows } from "./events/event-rows.ts";
import { putHalf, type ReadHalf } from "./events/half-rows.ts";
import type { Decoder, PayloadDecoder } from "./events/json-events.ts";

export interface FormatDecoderOptions {
  readonly name: string;
  readonly format: OpenFormat;
  /** Reads payloads whose fields lie where the source's mapping says. */
  readonly mapped: PayloadDecoder;
  /** Reads events with the names of native JSON. */
  readonly native: PayloadDecoder;
  /** Makes halves private; null where no model asks for it. */
  readonly redactHalf: ((half: Half) => Half) | null;
  readonly maxMessageBytes: number;
  /** null where a model has `privacy`: nothing is kept of what can't be read. */
  readonly deadLetterBytes: number | null;
}

export function createFormatDecoder(options: FormatDecoderOptions): Decoder {
  return new FormatDecoder(options);
}

class FormatDecoder implements Decoder {
  readonly prepare?: (messages: readonly RawMessage[]) => Promise<void> | null;
  readonly #options: FormatDecoderOptions;
  readonly #format: OpenFormat;
  readonly #mapped: PayloadDecoder;
  readonly #isPlain: (message: RawMessage) => boolean;

  constructor(options: FormatDecoderOptions) {
    const { format } = options;
    this.#options = options;
    this.#format = format;
    this.#mapped = options.mapped;
    this.#isPlain = (message) => format.isPlain?.(message) === true;
    if (format.prepare !== undefined) this.prepare = (messages) => format.prepare?.(messages) ?? null;
  }

  decode(message: RawMessage, index: number, rows: EventRows): void {
    // First and alone: this is the hot path of native JSON.
    if (this.#isPlain(message)) return this.#mapped.decode(message, index, rows);
    try {
      this.#put(message, index, this.#format.decode(this.#checked(message)), rows);
    } catch (thrown) {
      const letter = letterOf(thrown, message.value, this.#options.deadLetterBytes);
      rows.bury(message, index, { item: 0, format: this.#options.name, ...letter });
    }
  }

  #checked(message: RawMessage): RawMessage {
    if (message.value === null) throw new Refusal("no_value", "the message has no value");
    const { length } = message.value;
    const { maxMessageBytes } = this.#options;
    if (length > maxMessageBytes)
      throw new Refusal(
        "too_large",
        `the message has ${length} bytes; ingest.max_message_bytes allows ${maxMessageBytes}`,
      );
    return message;
  }

  #put(message: RawMessage, index: number, decoded: Decoded, rows: EventRows): void {
    const { mapped, native } = this.#options;
    switch (decoded.kind) {
      case "none":
        return;
      case "json":
        return mapped.decode({ ...enveloped(message, decoded), value: decoded.value }, index, rows);
      case "payload":
        return mapped.decodePayload(enveloped(message, decoded), index, decoded.payload, rows, 0);
      case "events":
        for (const [item, event] of decoded.events.entries()) native.decodePayload(message, index, event, rows, item);
        return;
      case "half":
        putHalf(rows, message, index, this.#privateHalf(decoded.half));
    }
  }

  #privateHalf(half: Half): ReadHalf {
    const { name, redactHalf } = this.#options;
    return { format: name, half: redactHalf === null ? half : redactHalf(half), redacted: redactHalf !== null };
  }
}

const enveloped = (message: RawMessage, { identity, receivedMs }: Envelope): RawMessage => ({
  ...message,
  ...(identity === undefined ? {} : { identity }),
  ...(receivedMs === undefined ? {} : { receivedMs }),
});
