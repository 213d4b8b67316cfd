/**
 * Events over HTTP, without a web framework: bytes in, an answer out. The answer comes after the rows are stored, so that what was
 * acknowledged is never lost; requests that come in while a batch is being stored share the next one.
 *
 * CloudEvents come in all three modes: binary (one event, its attributes in `ce-` headers), structured, and batched.
 *
 * Answers: 200 all stored; 207 some items refused; 422 all refused; 400 the body is no JSON object, array or NDJSON; 413 too long or too many items;
 * 503 the store is away, try again after `retry-after` seconds. An item without `id` needs an `Idempotency-Key`: its id is then
 * `<key>/<index>`, so that a repeated request repeats the same events. Refused items are also kept as dead letters.
 */
import type { Clock } from "../core/clock.ts";
import { type ErrorCode, messageOf } from "../core/errors.ts";
import type { RawMessage } from "../core/event.ts";
import { splitArray, trimmed } from "../core/exact-json.ts";
import type { BatchWriter } from "./batch-writer.ts";

export interface HttpIngestRequest {
  readonly contentType: string;
  readonly body: Buffer;
  /** Value of the `Idempotency-Key` header, null where there is none. */
  readonly idempotencyKey: string | null;
  /** Headers that say what the body is, by lower-case name (`wireHeaders`); left out: none do. */
  readonly headers?: Readonly<Record<string, string>>;
}

export interface HttpIngestAnswer {
  readonly status: 200 | 207 | 400 | 413 | 422 | 503;
  readonly headers: Readonly<Record<string, string>>;
  readonly body:
    | { readonly error: { readonly code: ErrorCode; readonly message: string } }
    | {
        readonly accepted: number;
        readonly rejected: number;
        readonly items: readonly { readonly index: number; readonly reason: string; readonly error: string }[];
      };
}

export interface HttpIngest {
  /** The source under which events are stored, `http:<instance>`. */
  readonly source: string;
  accept(request: HttpIngestRequest): Promise<HttpIngestAnswer>;
}

export interface HttpIngestOptions {
  readonly writer: BatchWriter;
  readonly clock: Clock;
  /** Names this process among all that write to the store; the same after a restart. */
  readonly instance: string;
  /** Bytes of a request at most. */
  readonly maxBodyBytes: number;
  /** How long a request waits for its rows to be stored; default 30 s. */
  readonly waitMs?: number;
}

const RETRY_AFTER = { "retry-after": "5" };
const LONGEST_KEY = 256;
/** Items of a request at most: what is kept of each weighs far more than its bytes where they are few. */
const MOST_ITEMS = 100_000;
const NEWLINE = 10;

export function createHttpIngest(options: HttpIngestOptions): HttpIngest {
  const { writer, clock } = options;
  const source = `http:${options.instance}`;
  let next: number | null = null;
  let asking: Promise<number> | null = null;

  /** Offsets go on where the store's position ends; asked once, and again where the store did not answer. */
  const firstOffset = async (): Promise<number> => {
    if (next !== null) return next;
    asking ??= writer.position(source, 0).then((position) => position ?? 0);
    try {
      next ??= await asking;
      return next;
    } finally {
      asking = null;
    }
  };

  return {
    source,
    async accept({ contentType, body, idempotencyKey, headers }) {
      if (body.length > options.maxBodyBytes)
        return refusal(413, `the body has ${body.length} bytes; at most ${options.maxBodyBytes} are taken`);
      if (idempotencyKey !== null && (idempotencyKey === "" || idempotencyKey.length > LONGEST_KEY))
        return refusal(
          400,
          `Idempotency-Key has ${idempotencyKey.length} characters; 1 to ${LONGEST_KEY} are expected`,
        );
      const { items, headers: ofItems } = itemsOf(contentType, body, headers);
      if (typeof items === "string") return refusal(400, items);
      if (items.length > MOST_ITEMS)
        return refusal(413, `the body has more than ${MOST_ITEMS} items; send fewer at a time`);
      if (items.length === 0) return { status: 200, headers: {}, body: { accepted: 0, rejected: 0, items: [] } };
      const { problem } = writer.status();
      if (problem !== null) return away(problem);
      try {
        await firstOffset();
        const messages = items.map((value, index): RawMessage => {
          const offset = next ?? 0;
          next = offset + 1;
          return {
            source,
            partition: 0,
            offset,
            value,
            ...(ofItems === undefined ? {} : { headers: ofItems }),
            identity: idempotencyKey === null ? null : `${idempotencyKey}/${index}`,
          };
        });
        const outcome = await within(writer.write(messages), options.waitMs ?? 30_000, clock);
        if (outcome === null) return away("the rows could not be stored in time");
        const rejected = outcome.rejected.length;
        return {
          status: rejected === 0 ? 200 : rejected === items.length ? 422 : 207,
          headers: {},
          body: {
            accepted: items.length - rejected,
            rejected,
            items: outcome.rejected.map(({ index, reason, detail }) => ({ index, reason, error: detail })),
          },
        };
      } catch (thrown) {
        return away(messageOf(thrown));
      }
    },
  };
}

const refusal = (status: 400 | 413, message: string): HttpIngestAnswer => ({
  status,
  headers: {},
  body: { error: { code: "request_invalid", message } },
});

function away(problem: string): HttpIngestAnswer {
  return {
    status: 503,
    headers: RETRY_AFTER,
    body: {
      error: { code: "store_unavailable", message: `the store can't take events at the moment: ${problem}` },
    },
  };
}

async function within<Value>(promise: Promise<Value>, ms: number, clock: Clock): Promise<Value | null> {
  const timer = new AbortController();
  const late = clock.sleep(ms, timer.signal).then(() => null);
  try {
    return await Promise.race([promise, late]);
  } finally {
    timer.abort();
    promise.catch(() => undefined);
  }
}

interface Items {
  readonly items: Buffer[] | string;
  readonly headers?: Readonly<Record<string, string>> | undefined;
}

/** A CloudEvent is one item, whatever its data; a batch of them is as many structured ones. */
export function itemsOf(contentType: string, body: Buffer, headers: HttpIngestRequest["headers"]): Items {
  const type = contentType.toLowerCase();
  if (type.startsWith("application/cloudevents-batch"))
    return {
      items: splitArray(body, MOST_ITEMS) ?? "the batch of CloudEvents is no JSON array",
      headers: { "content-type": "application/cloudevents+json" },
    };
  if (type.startsWith("application/cloudevents") || headers?.["ce-type"] !== undefined)
    return { items: [body], headers: { ...headers, "content-type": contentType } };
  return { items: split(contentType, body), headers };
}

/** The items of a body, each as the bytes it came as, one too many where there are too many; a sentence where there is no telling them apart. */
function split(contentType: string, bytes: Buffer): Buffer[] | string {
  const body = trimmed(bytes);
  if (body.length === 0) return "the body is empty; a JSON object, an array of them or NDJSON is expected";
  const lines = /ndjson|jsonl|json-lines|json-seq/i.test(contentType);
  if (!lines && body[0] === 91)
    return splitArray(body, MOST_ITEMS) ?? "the array's brackets do not match; is the body cut off?";
  if (lines || (body.includes(NEWLINE) && !isJson(body))) return linesOf(body);
  return [body];
}

function isJson(body: Buffer): boolean {
  try {
    JSON.parse(body.toString("utf8"));
    return true;
  } catch {
    return false;
  }
}

function linesOf(body: Buffer): Buffer[] {
  const lines: Buffer[] = [];
  for (let from = 0; from < body.length && lines.length <= MOST_ITEMS; ) {
    const newline = body.indexOf(NEWLINE, from);
    const to = newline === -1 ? body.length : newline;
    const line = trimmed(body.subarray(from, to));
    if (line.length > 0) lines.push(line);
    from = to + 1;
  }
  return lines;
}
