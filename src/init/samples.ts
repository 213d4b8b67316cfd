/** Samples of what is to be watched: the newest messages of a topic, the first rows of a file, what an address is sent, or lines of standard input. */
import { createServer, type IncomingMessage } from "node:http";
import path from "node:path";
import { gunzipSync } from "node:zlib";
import { sourceSchema } from "../config/sources.ts";
import { DriftlineError } from "../core/errors.ts";
import type { RawMessage } from "../core/event.ts";
import { openFileReader } from "../ingest/file.ts";
import { itemsOf } from "../ingest/http.ts";
import { openTopics } from "../ingest/kafka-topic.ts";
import { recordedMessage } from "../ingest/recorded-messages.ts";
import type { LocalReader } from "../store/local-reader.ts";

export interface Sample {
  /** "the topic ml.predictions", "predictions.csv". */
  readonly title: string;
  readonly messages: readonly RawMessage[];
  /** The entry of `sources:`; null where events come over HTTP. */
  readonly keys: Readonly<Record<string, unknown>> | null;
  readonly kind: "file" | "kafka" | "http";
  readonly topic: string | null;
  readonly textNumbers: boolean;
  /** Whether the lines of the file are messages with their headers. */
  readonly recorded: boolean;
  /** How the model is called where its events don't say. */
  readonly model: string;
  /** Messages that there are in all; null where that is not known. */
  readonly total: number | null;
}

export interface SampleSize {
  /** Messages at most. */
  readonly most: number;
  /** Share of a file that is to be its reference, 0..1; null for none. */
  readonly referenceShare: number | null;
}

/** Rows of a reference that is taken from events; more would not make it surer. */
const MOST_REFERENCE_ROWS = 200_000;
const MODEL_CHARACTERS_MAX = 100;

function modelName(text: string): string {
  const name = text
    .normalize("NFKD")
    .replace(/[^A-Za-z0-9._-]+/g, "-")
    .replace(/^[^A-Za-z0-9]+|-+$/g, "")
    .slice(0, MODEL_CHARACTERS_MAX);
  return name === "" ? "model" : name;
}

/** @param folder of the configuration: paths are relative to it */
export async function sampleFile(reader: LocalReader, file: string, folder: string, size: SampleSize): Promise<Sample> {
  const opened = await openFileReader(reader, { path: path.resolve(file) });
  const referenceRows = Math.min(MOST_REFERENCE_ROWS, Math.ceil(opened.rows * (size.referenceShare ?? 0)));
  const relative = path.relative(folder, path.resolve(file));
  const lines = await first(opened.messages(0), Math.max(size.most, referenceRows));
  const messages = opened.format === "JSONEachRow" ? lines.map(recordedMessage) : lines;
  const recorded = messages.filter(({ headers }) => headers !== undefined).length * 2 > lines.length;
  return {
    title: path.basename(file),
    messages: recorded ? messages : lines,
    recorded,
    keys: { use: "file", path: relative.startsWith("..") ? path.resolve(file) : relative },
    kind: "file",
    topic: null,
    textNumbers: opened.format === "CSVWithNames",
    model: modelName(path.basename(file, path.extname(file))),
    total: opened.rows,
  };
}

/** @param connection keys of the source beside its topics */
export async function sampleTopic(
  connection: Readonly<Record<string, unknown>>,
  topic: string,
  { most }: SampleSize,
): Promise<Sample> {
  const keys = { use: "kafka", ...connection, topics: [topic] };
  const config = sourceSchema.parse(keys);
  if (config.use !== "kafka") throw new TypeError("a topic is of Kafka");
  const partitions = await openTopics(config);
  const each = Math.ceil(most / Math.max(1, partitions.length));
  const messages: RawMessage[] = [];
  for (const partition of partitions) messages.push(...(await first(partition.messages(partition.end - each), each)));
  if (messages.length === 0)
    throw new DriftlineError(
      "source_failed",
      `the topic ${topic} holds no messages: there is nothing to learn from yet`,
    );
  return {
    title: `the topic ${topic}`,
    messages: messages.sort((a, b) => (a.receivedMs ?? 0) - (b.receivedMs ?? 0)),
    keys,
    kind: "kafka",
    topic,
    textNumbers: false,
    recorded: false,
    model: modelName(topic),
    total: partitions.reduce((sum, { start, end }) => sum + end - start, 0),
  };
}

async function first(chunks: AsyncIterable<readonly RawMessage[]>, most: number): Promise<RawMessage[]> {
  const messages: RawMessage[] = [];
  for await (const chunk of chunks) {
    messages.push(...chunk.slice(0, most - messages.length));
    if (messages.length >= most) break;
  }
  return messages;
}

const ofHttp = (title: string, messages: readonly RawMessage[]): Sample => ({
  title,
  messages,
  keys: null,
  kind: "http",
  topic: null,
  textNumbers: false,
  recorded: false,
  model: "model",
  total: null,
});

const SOURCE = "http:init";
const received = (value: Buffer, offset: number, headers?: Readonly<Record<string, string>>): RawMessage => ({
  source: SOURCE,
  partition: 0,
  offset,
  value,
  identity: `init/${offset}`,
  ...(headers === undefined ? {} : { headers }),
});

/** Lines of a stream, an event each. */
export async function sampleLines(input: AsyncIterable<Buffer | string>, { most }: SampleSize): Promise<Sample> {
  const messages: RawMessage[] = [];
  let rest = "";
  const take = (line: string) => {
    if (line.trim() !== "" && messages.length < most) messages.push(received(Buffer.from(line), messages.length));
  };
  for await (const chunk of input) {
    const lines = (rest + chunk.toString()).split("\n");
    rest = lines.pop() ?? "";
    for (const line of lines) take(line);
    if (messages.length >= most) break;
  }
  take(rest);
  return ofHttp("standard input", messages);
}

const MOST_BODY_BYTES = 32 * 1024 * 1024;

export interface Listening {
  readonly host: string;
  readonly port: number;
  /** Ends the listening with what has come. */
  readonly signal: AbortSignal;
  readonly onListening: (url: string) => void;
}

/**
 * What is posted to an address, until there is enough of it. The answer is 503: what is only looked at must not pass for stored, and senders
 * that try again lose nothing. The same item sent again counts once.
 */
export async function sampleHttp(
  { host, port, signal, onListening }: Listening,
  { most }: SampleSize,
): Promise<Sample> {
  const messages: RawMessage[] = [];
  const seen = new Set<string>();
  const take = (type: string, body: Buffer, sent: Readonly<Record<string, string>>): string | null => {
    const { items, headers } = itemsOf(type, body, sent);
    if (typeof items === "string") return items;
    for (const item of items) {
      const key = `${JSON.stringify(headers ?? {})} ${item.toString("latin1")}`;
      if (seen.has(key) || messages.length >= most) continue;
      seen.add(key);
      messages.push(received(item, messages.length, headers));
    }
    return null;
  };
  await new Promise<void>((resolve, reject) => {
    const server = createServer((request, response) => {
      const answer = (body: Buffer) => {
        const wrong = take(request.headers["content-type"] ?? "", body, eventHeaders(request));
        response
          .writeHead(wrong === null ? 503 : 400, {
            "content-type": "application/json",
            "retry-after": "5",
            connection: "close",
          })
          .end(
            wrong === null ? ONLY_LOOKED_AT : JSON.stringify({ error: { code: "request_invalid", message: wrong } }),
          );
        if (messages.length >= most) end();
      };
      // Of a request that breaks off nothing is looked at.
      bodyOf(request).then(answer, () => response.destroy());
    });
    const end = () => {
      server.close(() => resolve());
      server.closeIdleConnections();
    };
    server.once("error", reject);
    signal.addEventListener("abort", end, { once: true });
    server.listen(port, host, () => {
      const address = server.address();
      onListening(
        `http://${host.includes(":") ? `[${host}]` : host}:${typeof address === "object" && address !== null ? address.port : port}/v1/events`,
      );
    });
  });
  return ofHttp("what was posted", messages);
}

const ONLY_LOOKED_AT = JSON.stringify({
  error: { code: "store_unavailable", message: "driftline init only looks at events; send it again to the service" },
});

const eventHeaders = ({ headers }: IncomingMessage): Record<string, string> =>
  Object.fromEntries(
    Object.entries(headers).flatMap(([name, value]) =>
      typeof value === "string" && (name.startsWith("ce-") || name === "x-request-id") ? [[name, value]] : [],
    ),
  );

async function bodyOf(request: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of request) {
    if (!Buffer.isBuffer(chunk)) continue;
    bytes += chunk.length;
    if (bytes > MOST_BODY_BYTES) break;
    chunks.push(chunk);
  }
  const body = Buffer.concat(chunks);
  return request.headers["content-encoding"] === "gzip" ? gunzipSync(body, { maxOutputLength: MOST_BODY_BYTES }) : body;
}
