/** A local stand-in for Slack's Web API: it takes chat.postMessage as Slack does, and keeps the messages. */
import { type Answer, type HttpReceiver, startHttpReceiver } from "./http-receiver.ts";

export interface SlackMessage {
  readonly token: string;
  readonly channel: string;
  readonly text: string;
  readonly blocks: readonly {
    readonly type: string;
    readonly text: { readonly type: string; readonly text: string };
  }[];
  readonly idempotencyKey: string;
}

export interface SlackReceiver extends AsyncDisposable {
  /** For the option `api_url`. */
  readonly apiUrl: string;
  readonly messages: readonly SlackMessage[];
  readonly http: HttpReceiver;
}

/** @param answer what to answer the n-th request with; left out: accepted */
export async function startSlackReceiver(answer?: (index: number) => Answer | undefined): Promise<SlackReceiver> {
  const messages: SlackMessage[] = [];
  const http = await startHttpReceiver((request, index) => {
    const given = answer?.(index);
    if (given !== undefined) return given;
    if (!request.path.endsWith("/chat.postMessage")) return json({ ok: false, error: "unknown_method" });
    const form = new URLSearchParams(request.body);
    messages.push({
      token: String(request.headers.authorization ?? "").replace(/^Bearer /, ""),
      channel: form.get("channel") ?? "",
      text: form.get("text") ?? "",
      blocks: JSON.parse(form.get("blocks") ?? "[]"),
      idempotencyKey: JSON.parse(form.get("metadata") ?? "{}").event_payload?.idempotency_key ?? "",
    });
    return json({ ok: true, channel: "C0001", ts: `1700000000.00000${messages.length}` });
  });
  return {
    apiUrl: http.url.replace(/hook$/, "api/"),
    messages,
    http,
    [Symbol.asyncDispose]: () => http[Symbol.asyncDispose](),
  };
}

export const json = (body: unknown): Answer => ({
  status: 200,
  headers: { "content-type": "application/json" },
  body: JSON.stringify(body),
});
