/** Sends to a Driftline over HTTP, or to any receiver of CloudEvents, such as a Knative broker. */
import { z } from "zod";
import { isRetryableStatus, isSuccess, networkReason, retryAfterMs } from "../core/http-delivery.ts";
import { BATCH_CONTENT_TYPE, batchBody, binaryHeaders } from "./cloud-event-forms.ts";
import type { Answer, Client } from "./http-exchange.ts";
import type { CloudEventMessage, OutgoingMessage } from "./outgoing-message.ts";
import type { Attempt, Target } from "./target.ts";

export interface HttpTargetOptions {
  /** Where it posts to. */
  readonly url: URL;
  readonly client: Client;
  /** `batch`: many events a request; `single`: one event a request in binary mode, as KServe's agent sends it. */
  readonly mode: "batch" | "single";
  /** Read anew at each request, so that a changed token holds at once; null: none. */
  readonly token: () => string | null;
  readonly now: () => number;
}

const receipt = z.object({ rejected: z.number().int().min(0) });

export function createHttpTarget(options: HttpTargetOptions): Target {
  const { url, client, mode, token, now } = options;
  const post = async (headers: Record<string, string>, body: Buffer, signal: AbortSignal): Promise<Attempt> => {
    const bearer = token();
    const authorization = bearer === null ? {} : { authorization: `Bearer ${bearer}` };
    try {
      const answer = await client.ask(url, { method: "POST", headers: { ...headers, ...authorization }, body }, signal);
      return attemptOf(answer, now());
    } catch (thrown) {
      return { status: "retry", reason: networkReason(thrown, signal), retryAfterMs: null };
    }
  };
  return {
    name: url.origin,
    together(messages) {
      if (mode === "single" || messages[0]?.kind !== "cloudevent") return 1;
      const other = messages.findIndex(({ kind }) => kind !== "cloudevent");
      return other === -1 ? messages.length : other;
    },
    send(messages, signal) {
      const [first] = messages;
      if (first === undefined) return Promise.resolve({ status: "sent", refused: 0 });
      if (first.kind === "posted")
        return post({ "content-type": first.contentType, "idempotency-key": first.idempotencyKey }, first.body, signal);
      if (mode === "single") return post(binaryHeaders(first, "ce-"), first.body, signal);
      return post({ "content-type": BATCH_CONTENT_TYPE }, batchBody(messages.filter(isCloudEvent)), signal);
    },
    close() {
      client.close();
      return Promise.resolve();
    },
  };
}

const isCloudEvent = (message: OutgoingMessage): message is CloudEventMessage => message.kind === "cloudevent";

function attemptOf({ status, headers, body }: Answer, now: number): Attempt {
  const counted = receiptOf(body);
  if (isSuccess(status)) return { status: "sent", refused: counted?.rejected ?? 0 };
  // Driftline has looked at each and kept those it refused.
  if (status === 422 && counted !== null) return { status: "sent", refused: counted.rejected };
  const reason = `HTTP ${status}`;
  if (status === 413) return { status: "refused", reason, tooLarge: true };
  if (!isRetryableStatus(status) && (status === 400 || status === 415 || status === 422))
    return { status: "refused", reason, tooLarge: false };
  // The rest is about who asks and where (401, 403, 404, redirects): it can be put right without losing anything.
  return { status: "retry", reason, retryAfterMs: retryAfterMs(headers["retry-after"] ?? null, now) };
}

function receiptOf(body: string): { rejected: number } | null {
  try {
    return receipt.parse(JSON.parse(body));
  } catch {
    // Another receiver than Driftline says something else, or nothing.
    return null;
  }
}
