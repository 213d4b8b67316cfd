/**
 * A local stand-in for Slack's Web API: it takes messages, updates and files as Slack does, refuses what is beyond Slack's limits
 * (field case `slack-message-for-400-features`), and keeps what it took.
 */
import { z } from "zod";
import { type Answer, type HttpReceiver, type ReceivedRequest, startHttpReceiver } from "./http-receiver.ts";

const text = z.object({ type: z.string(), text: z.string() });
const block = z.object({ type: z.string(), text: text.optional(), fields: z.array(text).optional() });
export type SlackBlock = z.output<typeof block>;

export interface SlackMessage {
  readonly token: string;
  readonly channel: string;
  readonly text: string;
  readonly blocks: readonly SlackBlock[];
  readonly idempotencyKey: string;
  /** Its own time stamp: what an update and a thread refer to. */
  readonly ts: string;
  /** Of the message in whose thread it stands. */
  readonly thread: string | null;
  readonly broadcast: boolean;
}

export interface SlackReceiver extends AsyncDisposable {
  /** For the option `api_url`. */
  readonly apiUrl: string;
  /** As posted, in order. */
  readonly messages: readonly SlackMessage[];
  /** Updates of messages, in order. */
  readonly updates: readonly SlackMessage[];
  /** Files that were put into a thread: how long they are and into which. */
  readonly files: readonly { readonly bytes: number; readonly thread: string; readonly title: string }[];
  readonly http: HttpReceiver;
}

/** Every text of a message's blocks. */
export const textsOf = ({ blocks }: Pick<SlackMessage, "blocks">): string[] =>
  blocks.flatMap(({ text: own, fields = [] }) => [
    ...(own === undefined ? [] : [own.text]),
    ...fields.map((one) => one.text),
  ]);

/** @param answer what to answer the n-th request with, undefined for what Slack would; left out: as Slack would */
export async function startSlackReceiver(
  answer?: (index: number, path: string) => Answer | undefined,
  { mayUpload = false } = {},
): Promise<SlackReceiver> {
  const messages: SlackMessage[] = [];
  const updates: SlackMessage[] = [];
  const files: { bytes: number; thread: string; title: string }[] = [];
  let uploaded = 0;
  let address = "";
  const methods: Readonly<Record<string, (form: URLSearchParams, request: ReceivedRequest) => unknown>> = {
    "chat.postMessage": (form, request) => {
      const message = messageOf(form, request, `1700000000.${String(messages.length + 1).padStart(6, "0")}`);
      const wrong = refusal(message);
      if (wrong !== null) return { ok: false, error: wrong };
      messages.push(message);
      return { ok: true, channel: "C0001", ts: message.ts };
    },
    "chat.update": (form, request) => {
      const message = messageOf(form, request, form.get("ts") ?? "");
      if (message.channel !== "C0001") return { ok: false, error: "channel_not_found" };
      if (!messages.some(({ ts }) => ts === message.ts)) return { ok: false, error: "message_not_found" };
      const wrong = refusal(message);
      if (wrong !== null) return { ok: false, error: wrong };
      updates.push(message);
      return { ok: true, channel: "C0001", ts: message.ts };
    },
    "files.getUploadURLExternal": () =>
      mayUpload
        ? { ok: true, upload_url: `${address}/upload`, file_id: `F${files.length + 1}` }
        : { ok: false, error: "missing_scope", needed: "files:write" },
    "files.completeUploadExternal": (form) => {
      const [file] = z
        .array(z.object({ id: z.string(), title: z.string() }))
        .parse(JSON.parse(form.get("files") ?? "[]"));
      files.push({ bytes: uploaded, thread: form.get("thread_ts") ?? "", title: file?.title ?? "" });
      return { ok: true, files: [{ id: file?.id ?? "" }] };
    },
  };
  const http = await startHttpReceiver((request, index) => {
    const given = answer?.(index, request.path);
    if (given !== undefined) return given;
    if (request.path.endsWith("/upload")) {
      uploaded = request.bytes;
      return { status: 200, body: "OK" };
    }
    const method = methods[request.path.split("/").at(-1) ?? ""];
    return json(
      method === undefined
        ? { ok: false, error: "unknown_method" }
        : method(new URLSearchParams(request.body), request),
    );
  });
  address = new URL(http.url).origin;
  return {
    apiUrl: http.url.replace(/hook$/, "api/"),
    messages,
    updates,
    files,
    http,
    [Symbol.asyncDispose]: () => http[Symbol.asyncDispose](),
  };
}

function messageOf(form: URLSearchParams, request: ReceivedRequest, ts: string): SlackMessage {
  return {
    token: String(request.headers.authorization ?? "").replace(/^Bearer /, ""),
    channel: form.get("channel") ?? "",
    text: form.get("text") ?? "",
    blocks: z.array(block).parse(JSON.parse(form.get("blocks") ?? "[]")),
    idempotencyKey: JSON.parse(form.get("metadata") ?? "{}").event_payload?.idempotency_key ?? "",
    ts,
    thread: form.get("thread_ts"),
    broadcast: form.get("reply_broadcast") === "true",
  };
}

/** What Slack says of a message beyond its limits, null where it takes it. */
function refusal(message: SlackMessage): string | null {
  if (message.text === "" || message.text.length > 4000) return "msg_too_long";
  if (message.blocks.length > 50) return "invalid_blocks";
  for (const { type, text: own, fields } of message.blocks) {
    if (type === "header" && (own === undefined || own.text.length < 1 || own.text.length > 150))
      return "invalid_blocks";
    if (type === "section" && own === undefined && (fields ?? []).length === 0) return "invalid_blocks";
    if (type === "section" && own !== undefined && (own.text.length < 1 || own.text.length > 3000))
      return "invalid_blocks";
    if ((fields ?? []).length > 10 || (fields ?? []).some((field) => field.text.length < 1 || field.text.length > 2000))
      return "invalid_blocks";
  }
  return textsOf(message).join("").length > 13_000 ? "msg_blocks_too_long" : null;
}

export const json = (body: unknown): Answer => ({
  status: 200,
  headers: { "content-type": "application/json" },
  body: JSON.stringify(body),
});
