/**
 * What a wire format is: a plug-in that says what one message holds. It reads bytes and headers and nothing else, so that the same message
 * gives the same events wherever it is read; what a field means, and whether a value fits the model, is judged behind it, for all formats alike.
 */
import type { z } from "zod";
import type { RawMessage } from "./event.ts";
import type { Half } from "./half.ts";
import type { JsonObject } from "./json-object.ts";

/** What the envelope of a message says, for events that don't say it themselves. */
export interface Envelope {
  /** The id of an event that carries none. */
  readonly identity?: string;
  /** The time of an event that carries none, ms since 1970. */
  readonly receivedMs?: number;
}

/**
 * What a message holds.
 * - `json`: the text of one event, whose fields lie where the source's `events:` mapping says.
 * - `payload`: the same, parsed already. Whole numbers that a double can't hold are bigint.
 * - `events`: events with the names of native JSON, each of which is an event or a dead letter by itself.
 * - `half`: one side of a call; the other comes, or came, in another message.
 * - `none`: nothing for us, and no mistake: it is passed over.
 */
export type Decoded =
  | (Envelope & { readonly kind: "json"; readonly value: Buffer | string })
  | (Envelope & { readonly kind: "payload"; readonly payload: JsonObject })
  | { readonly kind: "events"; readonly events: readonly JsonObject[] }
  | { readonly kind: "half"; readonly half: Half }
  | { readonly kind: "none" };

export interface OpenFormat {
  /** Whether a message is native JSON and needs no decoding: asked of every message first, and so it must cost next to nothing. */
  isPlain?(message: RawMessage): boolean;
  /** @throws Refusal for a message that is none of its kind */
  decode(message: RawMessage): Decoded;
  /**
   * Fetches what these messages need before they can be decoded, or null where all of it is there. Rejects where it can't be had at the
   * moment: then the messages are kept and this is asked again.
   */
  prepare?(messages: readonly RawMessage[]): Promise<void> | null;
}

export interface FormatContext {
  /** The Kafka topic that is read; null for other sources. */
  readonly topic: string | null;
}

interface Description {
  readonly name: string;
  readonly title: string;
  readonly description: string;
  /** Only Kafka carries it: the bytes of a request or a file are split into messages as JSON. */
  readonly kafkaOnly: boolean;
}

export interface Format extends Description {
  readonly options: z.ZodObject;
  /** Checks the options once. Throws ZodError. */
  open(options: unknown, context: FormatContext): OpenFormat;
}

interface FormatDefinition<Options extends z.ZodObject> extends Omit<Description, "kafkaOnly"> {
  readonly options: Options;
  readonly kafkaOnly?: boolean;
  open(options: z.output<Options>, context: FormatContext): OpenFormat;
}

export function defineFormat<const Options extends z.ZodObject>(format: FormatDefinition<Options>): Format {
  const { name, title, description, options } = format;
  return {
    name,
    title,
    description,
    options,
    kafkaOnly: format.kafkaOnly ?? false,
    open: (written, context) => format.open(options.parse(written), context),
  };
}
