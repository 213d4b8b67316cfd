/** As what messages are to be read: native or mapped JSON, one of the wire formats, and the events that it makes of them. */
import { type FormatConfig, formatOf } from "../config/formats.ts";
import { DriftlineError, messageOf } from "../core/errors.ts";
import { type RawMessage, SCHEMA_ID_HEADER } from "../core/event.ts";
import type { Half } from "../core/half.ts";
import { isObject, type JsonObject } from "../core/json-object.ts";
import { parseLossless } from "../core/lossless-json.ts";
import { callsOf, pairedEvents } from "../evaluate/pairs/paired-events.ts";
import type { Sample } from "./samples.ts";

export interface WireFormat {
  /** As in `format:`. */
  readonly config: FormatConfig;
  /** "JSON", "kserve". */
  readonly title: string;
  /** Whether it has to be written: it is not what is taken where nothing is. */
  readonly named: boolean;
  /** The events, as payloads. */
  readonly payloads: readonly JsonObject[];
  /** Whether the payloads have the names of native events, whatever their values look like. */
  readonly native: boolean;
}

const OPEN_OBJECT = 123;
const REGISTERED = ["avro", "protobuf", "json-schema"];
const CALLS = ["open-inference", "tensorflow-serving", "seldon-2"];
const CALL_KEYS = ["inputs", "outputs", "instances", "predictions", "dataframe_split", "dataframe_records"];
const MOST_DECODED = 5_000;

export interface RegistryAccess {
  readonly url: string;
  /** Its password is read from the variable REGISTRY_PASSWORD. */
  readonly username?: string;
}

/** @throws DriftlineError `source_failed` where the messages have the prefix of a registry and none is named, or it can't be asked */
export async function wireFormatOf(sample: Sample, registry: RegistryAccess | undefined): Promise<WireFormat> {
  const messages = sample.messages.slice(0, MOST_DECODED);
  if (sample.kind === "file" && !sample.recorded) return jsonFormat(messages);
  const framed = messages.filter(isFramed).length;
  if (framed * 2 > messages.length) {
    if (registry === undefined)
      throw new DriftlineError(
        "source_failed",
        `${sample.title}: the messages begin with the id of a schema (Confluent's wire format); name the schema registry: --registry http://…`,
      );
    return best(await Promise.all(REGISTERED.map((use) => behind(registry, use, sample, messages))), sample);
  }
  const auto = await tried({ use: "auto" }, sample, messages);
  const called = auto.payloads.filter(
    (payload) => !auto.native && CALL_KEYS.some((key) => Array.isArray(payload[key])),
  );
  if (called.length * 2 <= auto.payloads.length || auto.payloads.length === 0) {
    if (auto.payloads.length > 0) return auto;
    return best([auto, await tried({ use: "kserve" }, sample, messages)], sample);
  }
  return best(await Promise.all(CALLS.map((use) => tried({ use }, sample, messages))), sample);
}

/** Written with the name of the variable, tried with what it holds. */
async function behind(
  { url, username }: RegistryAccess,
  use: string,
  sample: Sample,
  messages: readonly RawMessage[],
): Promise<WireFormat> {
  // Not every one of them asks the registry.
  if (!("registry" in formatOf({ use }).options.shape)) return tried({ use }, sample, messages);
  const open = { use, registry: url };
  if (username === undefined) return tried(open, sample, messages);
  const read = await tried({ ...open, username, password: process.env[PASSWORD] ?? "" }, sample, messages);
  return { ...read, config: { ...open, username, password: { env: PASSWORD } } };
}

const PASSWORD = "REGISTRY_PASSWORD";

/** Of formats that can read the messages the one that reads most; the first of equals. */
function best(formats: readonly WireFormat[], sample: Sample): WireFormat {
  const found = formats.reduce((top, format) => (format.payloads.length > top.payloads.length ? format : top));
  if (found.payloads.length > 0) return found;
  throw new DriftlineError(
    "source_failed",
    `${sample.title}: none of the ${sample.messages.length} messages could be read as ${formats.map(({ title }) => title).join(" or ")}`,
  );
}

const isFramed = ({ value, headers }: RawMessage): boolean =>
  headers?.[SCHEMA_ID_HEADER] !== undefined ||
  (Buffer.isBuffer(value) && value.length > 5 && (value[0] === 0 || value[0] === 1) && value[1] !== OPEN_OBJECT);

const jsonFormat = (messages: readonly RawMessage[]): WireFormat => ({
  config: { use: "auto" },
  title: "JSON",
  named: false,
  payloads: messages.flatMap(({ value }) => parsed(value)),
  native: false,
});

/** What a message holds as JSON; nothing where it is none. */
function parsed(value: RawMessage["value"]): JsonObject[] {
  if (value === null) return [];
  try {
    const payload: unknown = parseLossless(value.toString());
    return isObject(payload) ? [payload] : [];
  } catch {
    return [];
  }
}

async function tried(config: FormatConfig, sample: Sample, messages: readonly RawMessage[]): Promise<WireFormat> {
  const { use, ...options } = config;
  const opened = formatOf(config).open(options, { topic: sample.topic });
  try {
    await opened.prepare?.(messages);
  } catch (thrown) {
    throw new DriftlineError("source_failed", messageOf(thrown), { cause: thrown });
  }
  const payloads: JsonObject[] = [];
  const native: JsonObject[] = [];
  const halves: Half[] = [];
  for (const message of messages) {
    if (opened.isPlain?.(message) === true) {
      payloads.push(...parsed(message.value));
      continue;
    }
    try {
      const decoded = opened.decode(message);
      if (decoded.kind === "json") payloads.push(...parsed(decoded.value));
      else if (decoded.kind === "payload") payloads.push(decoded.payload);
      else if (decoded.kind === "events") native.push(...decoded.events);
      else if (decoded.kind === "half") halves.push(decoded.half);
    } catch {
      // Counted with its reason when the whole configuration is tried.
    }
  }
  native.push(...paired(halves));
  const isNative = native.length > payloads.length;
  return {
    config,
    title: use === "auto" ? (isNative ? "a wire format that its headers name" : "JSON") : use,
    named: use !== "auto",
    payloads: isNative ? native : payloads,
    native: isNative,
  };
}

function paired(halves: readonly Half[]): JsonObject[] {
  const calls = callsOf(halves.map((half) => ({ ...half, body: half })));
  return calls.flatMap(({ request, response }) => {
    try {
      return pairedEvents(request, response).flatMap((text) => parsed(text));
    } catch {
      return [];
    }
  });
}
