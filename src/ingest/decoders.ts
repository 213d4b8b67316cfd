/** Which decoder a source has: by its format, its mapping of fields and the models. One a source, made when its first message comes. */
import path from "node:path";
import { type EventMapping, eventMappingSchema } from "../config/event-mapping.ts";
import { type FormatConfig, formatOf } from "../config/formats.ts";
import type { Config } from "../config/schema.ts";
import type { FileSourceConfig } from "../config/sources.ts";
import type { Clock } from "../core/clock.ts";
import { formatByEnding } from "../core/file-format.ts";
import { createKeptHalfDecoder } from "./events/half-rows.ts";
import { createJsonDecoder, type Decoder, type DecoderModel, type DecoderOptions } from "./events/json-events.ts";
import { createHalfRedaction } from "./events/private-halves.ts";
import { createFormatDecoder } from "./format-decoder.ts";

export interface Decoders {
  of(source: string): Decoder;
  /** How the rows of an open file are read, by the name of its source. `textNumbers`: they are all text. */
  register(source: string, file: Pick<FileSourceConfig, "messages" | "events">, textNumbers: boolean): void;
}

export interface DecodersOptions {
  readonly config: Pick<Config, "sources" | "events" | "format" | "ingest">;
  readonly models: readonly DecoderModel[];
  readonly clock: Clock;
}

interface Reading {
  readonly mapping: EventMapping;
  /** null for rows that were understood already: those of files. */
  readonly format: FormatConfig | null;
  readonly topic: string | null;
  readonly textNumbers: boolean;
}

/** Events with the names of native JSON, wherever they come from. */
export const nativeMapping: EventMapping = eventMappingSchema.parse({});

export function createDecoders(options: DecodersOptions): Decoders {
  const { config } = options;
  const files = new Map<string, Reading>();
  return {
    register: (source, { messages = null, events }, textNumbers) =>
      void files.set(source, { mapping: events ?? config.events, format: messages, topic: null, textNumbers }),
    of(source) {
      const read = readAs(source);
      if (read === KEPT_HALF)
        return createKeptHalfDecoder({
          redactHalf: createHalfRedaction(options.models),
          deadLetterBytes: keptBytesOf(options),
        });
      return decoderOf(read === NATIVE ? native : (files.get(read) ?? readingOf(read, config)), options);
    },
  };
}

/** Before the name of the source that dead letters came from, once they are read again. */
export const REDRIVEN = "redrive:";
/** As such a name: of letters that are events with the names of native JSON. */
export const NATIVE = "native";
/** As such a name, or before one: of letters that are halves of calls. */
export const KEPT_HALF = "half";
const native: Reading = { mapping: nativeMapping, format: null, topic: null, textNumbers: false };

/** The source whose messages a source's are read like. Predictions paired of calls are native events. */
function readAs(source: string): string {
  if (source.startsWith("pairs:")) return NATIVE;
  if (source.startsWith(`${KEPT_HALF}:`)) return KEPT_HALF;
  return source.startsWith(REDRIVEN) ? readAs(source.slice(REDRIVEN.length)) : source;
}

function readingOf(source: string, config: DecodersOptions["config"]): Reading {
  const [kind, topic = null] = source.split(":");
  const { format, events } = config;
  if (kind === "file") return fileReading(source, config);
  if (kind !== "kafka") return { mapping: events, format, topic: null, textNumbers: false };
  const named = config.sources.find((one) => one.use === "kafka" && one.topics.some((name) => name === topic));
  const own = named?.use === "kafka" ? named.format : undefined;
  return { mapping: named?.events ?? events, format: own ?? format, topic, textNumbers: false };
}

/** A file that is not open: `file:<name>:<fingerprint>`. */
function fileReading(source: string, { sources, events }: DecodersOptions["config"]): Reading {
  const name = source.slice("file:".length, source.lastIndexOf(":"));
  const file = sources.find((one) => one.use === "file" && path.basename(one.path) === name);
  if (file?.use !== "file") return { mapping: events, format: null, topic: null, textNumbers: false };
  const textNumbers = (file.format ?? formatByEnding(file.path)) === "CSVWithNames";
  return { mapping: file.events ?? events, format: file.messages ?? null, topic: null, textNumbers };
}

function decoderOf({ mapping, format, topic, textNumbers }: Reading, options: DecodersOptions): Decoder {
  const { config, models, clock } = options;
  const shared: Omit<DecoderOptions, "mapping"> = {
    models,
    clock,
    maxMessageBytes: config.ingest.max_message_bytes,
    deadLetterBytes: config.ingest.dead_letter_bytes,
    textNumbers,
  };
  // Without a layer in between where there is nothing to tell apart: this is the hot path.
  if (format === null || format.use === "json") return createJsonDecoder({ ...shared, mapping });
  const { use, ...written } = format;
  return createFormatDecoder({
    name: use,
    format: formatOf(format).open(written, { topic }),
    mapped: createJsonDecoder({ ...shared, mapping, format: use === "auto" ? "json" : use }),
    native: createJsonDecoder({ ...shared, mapping: nativeMapping, format: use }),
    redactHalf: createHalfRedaction(models),
    maxMessageBytes: shared.maxMessageBytes,
    deadLetterBytes: keptBytesOf(options),
  });
}

/** null where a model has `privacy`: nothing is kept of what can't be read. */
const keptBytesOf = ({ config, models }: DecodersOptions): number | null =>
  models.some(({ privacy }) => privacy !== undefined && privacy !== null) ? null : config.ingest.dead_letter_bytes;
