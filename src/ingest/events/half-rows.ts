/** Puts halves of calls among the rows of a batch: those that a format has just read, and those that dead letters have kept. */
import { z } from "zod";
import type { RawMessage } from "../../core/event.ts";
import { type Half, halfSides } from "../../core/half.ts";
import { losslessText, parseLossless } from "../../core/lossless-json.ts";
import { letterOf, Refusal } from "../../core/refusal.ts";
import { type EventRows, placeRow } from "./event-rows.ts";
import type { Decoder } from "./json-events.ts";

export interface ReadHalf {
  readonly half: Half;
  readonly format: string;
  /** Whether it was made private: a model has `privacy`. */
  readonly redacted: boolean;
}

export function putHalf({ halves }: EventRows, message: RawMessage, index: number, read: ReadHalf): void {
  const { exchange, id, side, timestamp, event, rows, plainId } = read.half;
  const row = halves.rows;
  halves.exchange[row] = exchange;
  halves.id[row] = id;
  halves.side[row] = side;
  halves.timestamp[row] = timestamp;
  halves.format[row] = read.format;
  halves.body[row] = losslessText({ event, rows, plainId, ...(read.redacted ? { redacted: true } : {}) });
  placeRow(halves, row, message, index);
  halves.rows++;
}

/** What the dead letter of a half that stayed alone keeps: not the bytes of its message but what was read of them (src/evaluate/pairs/unpaired.ts). */
const keptHalf = z.object({
  format: z.string(),
  exchange: z.string(),
  id: z.string(),
  side: z.enum(halfSides),
  timestamp: z.number(),
  event: z.record(z.string(), z.unknown()),
  rows: z.array(z.record(z.string(), z.unknown())),
  plainId: z.boolean(),
  redacted: z.boolean().default(false),
});

/** @throws Refusal where the text is not whole, or nothing was kept */
export function parseKeptHalf(text: string): ReadHalf {
  try {
    const { format, redacted, ...half } = keptHalf.parse(parseLossless(text));
    return { half, format, redacted };
  } catch {
    const why = text === "" ? "nothing of it was kept" : "it was cut when it was kept (ingest.dead_letter_bytes)";
    throw new Refusal("unpaired", `this half of a call can't be read again: ${why}`);
  }
}

/** Reads kept halves again. */
export const createKeptHalfDecoder = (options: {
  readonly redactHalf: ((half: Half) => Half) | null;
  /** As of a decoder of events. */
  readonly deadLetterBytes: number | null;
}): Decoder => ({
  decode(message, index, rows) {
    try {
      const read = parseKeptHalf(String(message.value ?? ""));
      const { redactHalf } = options;
      // Kept before a model had `privacy`.
      const isPlain = redactHalf !== null && !read.redacted;
      putHalf(rows, message, index, isPlain ? { ...read, half: redactHalf(read.half), redacted: true } : read);
    } catch (thrown) {
      rows.bury(message, index, { item: 0, format: "", ...letterOf(thrown, message.value, options.deadLetterBytes) });
    }
  },
});
