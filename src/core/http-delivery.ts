/**
 * One attempt over HTTP, and what its outcome means. The one table of statuses that are tried again, used by every channel and
 * action that speaks HTTP. Nothing of the request (address, headers, body) appears in a reason.
 */
import type { Delivery } from "./delivery.ts";

/** Bytes of an answer that are read at most; the rest is left unread. */
const ANSWER_BYTES_MAX = 4096;
/** Characters of an answer that are kept for people. */
const ANSWER_CHARACTERS_MAX = 200;
const RETRY_AFTER_MS_MAX = 86_400_000;

/** Request timeout, too early, too many requests, and every error of the server's own. */
export function isRetryableStatus(status: number): boolean {
  return status === 408 || status === 425 || status === 429 || status >= 500;
}

/** Milliseconds of a Retry-After header (seconds, or an HTTP date), at most a day; null where there is none that can be read. */
export function retryAfterMs(header: string | null, nowMs: number): number | null {
  if (header === null || header.trim() === "") return null;
  const text = header.trim();
  const ms = /^\d+$/.test(text) ? Number(text) * 1000 : Date.parse(text) - nowMs;
  return Number.isFinite(ms) ? Math.min(Math.max(ms, 0), RETRY_AFTER_MS_MAX) : null;
}

export interface HttpRequest {
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

/** A request of any method; without a body where `body` is null. */
export interface HttpExchange {
  readonly method: string;
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string | null;
}

/** What came back, however good or bad. */
export interface HttpAnswer {
  readonly status: number;
  readonly headers: Headers;
  /** The beginning of the body. */
  readonly text: string;
}

/** The runtime's own `fetch`, handed in: nothing in this folder reaches out by itself. */
export type Fetch = typeof globalThis.fetch;

/** Posts once. Never throws: a cut connection, a name that can't be found and an abort are failures worth another try. */
export async function postOnce(fetchOnce: Fetch, request: HttpRequest, signal: AbortSignal): Promise<Delivery> {
  try {
    const answer = await exchangeOnce(fetchOnce, { method: "POST", ...request }, signal);
    if (isSuccess(answer.status)) return { status: "delivered", receipt: `HTTP ${answer.status}` };
    return failureOf(answer);
  } catch (thrown) {
    return { status: "failed", retryable: true, reason: networkReason(thrown, signal) };
  }
}

export const isSuccess = (status: number): boolean => status >= 200 && status < 300;

/**
 * One request and the beginning of its answer. Throws what the connection throws: see `networkReason`.
 *
 * @param bytesMax bytes of the answer that are read at most
 */
export async function exchangeOnce(
  fetchOnce: Fetch,
  { method, url, headers, body }: HttpExchange,
  signal: AbortSignal,
  bytesMax = ANSWER_BYTES_MAX,
): Promise<HttpAnswer> {
  const response = await fetchOnce(url, {
    method,
    headers: { ...headers },
    ...(body === null ? {} : { body }),
    signal,
    // A redirect would hand the signed body to an address that nobody configured.
    redirect: "manual",
  });
  return { status: response.status, headers: response.headers, text: await beginning(response, bytesMax) };
}

/** The failure that an answer which is no success means. */
export function failureOf(answer: HttpAnswer): Delivery & { readonly status: "failed" } {
  const wait = retryAfterMs(answer.headers.get("retry-after"), Date.now());
  const moved =
    answer.status >= 300 && answer.status < 400 ? " (a redirect is not followed; configure the final address)" : "";
  return {
    status: "failed",
    retryable: isRetryableStatus(answer.status),
    reason: `HTTP ${answer.status}${moved}${answerWords(answer)}`,
    ...(wait === null ? {} : { retryAfterMs: wait }),
  };
}

/** The first characters of an answer on one line, after a colon; '' where it is empty. */
export function answerWords({ text }: HttpAnswer): string {
  const line = text.replace(/[\s\p{Cc}]+/gu, " ").trim();
  return line === "" ? "" : `: ${line.slice(0, ANSWER_CHARACTERS_MAX)}`;
}

async function beginning(response: Response, bytesMax: number): Promise<string> {
  if (response.body === null) return "";
  const reader = response.body.getReader();
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  while (bytes < bytesMax) {
    const { done, value } = await reader.read();
    if (done) break;
    chunks.push(value);
    bytes += value.length;
  }
  await reader.cancel().catch(() => undefined);
  return Buffer.concat(chunks).toString("utf8");
}

/** What went wrong with a connection, by its code alone: messages of network errors may carry the address. */
export function networkReason(thrown: unknown, signal: AbortSignal): string {
  if (signal.aborted) return "no answer in time";
  const code = errorCode(thrown) ?? errorCode(thrown instanceof Error ? thrown.cause : undefined);
  return code === null ? "the connection failed" : `the connection failed (${code})`;
}

function errorCode(thrown: unknown): string | null {
  if (thrown instanceof Error && "code" in thrown && typeof thrown.code === "string") return thrown.code;
  return null;
}
