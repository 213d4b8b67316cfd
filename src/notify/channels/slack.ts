/**
 * Tells a Slack channel through Slack's own client: one message per incident, which is kept up to date, and its changes in the message's
 * thread. Every name from an event is escaped and cut to Slack's limits.
 */
import {
  type FetchFunction,
  LogLevel,
  WebAPIHTTPError,
  WebAPIPlatformError,
  WebAPIRateLimitedError,
  WebAPIRequestError,
  WebClient,
} from "@slack/web-api";
import { z } from "zod";
import { type Delivery, defineTarget, type HumanMessage, isDigest, type Notification } from "../../core/delivery.ts";
import { isRetryableStatus, networkReason } from "../../core/http-delivery.ts";
import { pictureWords } from "../../core/picture/picture.ts";
import type { DrawPng } from "../../core/picture/png.ts";
import { changeText, cutEscaped, escapeSlack, messageBlocks, TEXT_MAX } from "./slack/blocks.ts";
import { digestBlocks } from "./slack/digest-blocks.ts";
import { uploadToThread } from "./slack/upload.ts";

/** Errors that Slack answers with status 200 and that pass by themselves. */
const PASSING = new Set([
  "ratelimited",
  "rate_limited",
  "internal_error",
  "fatal_error",
  "service_unavailable",
  "request_timeout",
  "team_added_to_org",
]);
/** The message that was to be updated is no longer there, or no longer ours to update. */
const GONE = new Set(["message_not_found", "cant_update_message", "edit_window_closed", "channel_not_found"]);

/** Milliseconds for pictures: the message is sent by then, and must be recorded as sent before its attempt ends. */
const PICTURES_MS = 4_000;

const options = z.strictObject({
  token: z
    .string()
    .min(1)
    .meta({ secret: true })
    .describe("Bot token (xoxb-…) with the scope chat:write; with files:write too it puts pictures into the thread."),
  channel: z.string().min(1).describe("Channel id or name, for example #ml-oncall."),
  api_url: z.url().default("https://slack.com/api/").describe("Slack's Web API; another address for a proxy."),
});
type Options = z.output<typeof options>;

export const slack = defineTarget({
  name: "slack",
  title: "Slack",
  description:
    "Posts one message per incident with a bot token, keeps it up to date, and tells changes in its thread; what becomes a page is shown in the channel too. The delivery's id goes along as metadata (`idempotency_key`).",
  options,
  takes: ["incident", "digest"],
  open: (settings, { draw }) => {
    const pictures = createPictures(draw);
    return async (message, signal, thread) => {
      const client = clientOf(settings, signal);
      try {
        if (isDigest(message)) {
          const { ts } = await client.chat.postMessage({
            channel: settings.channel,
            ...textOf(message),
            blocks: digestBlocks(message),
            ...common(message),
          });
          return { status: "delivered", receipt: ts ?? "" };
        }
        const notification = message;
        const place = placeOf(thread);
        // News of a retraining are told beside the incident: its message stays what it is.
        const isAside = notification.transition === "retraining";
        if (place !== null && (isAside || (await updated(client, place, notification)))) {
          const reply = await client.chat.postMessage({
            channel: place.channel,
            thread_ts: place.ts,
            reply_broadcast: notification.transition === "escalated" && notification.incident.severity === "page",
            ...textOf(notification),
            blocks: isAside ? messageBlocks(notification) : [changeBlock(notification)],
            ...common(notification),
          });
          return { status: "delivered", receipt: reply.ts ?? "" };
        }
        const answer = await client.chat.postMessage({
          channel: settings.channel,
          ...textOf(notification),
          blocks: messageBlocks(notification),
          ...common(notification),
        });
        const { channel, ts } = answer;
        if (channel === undefined || ts === undefined || isAside) return { status: "delivered" };
        const soon = AbortSignal.any([signal, AbortSignal.timeout(PICTURES_MS)]);
        const note = await pictures(clientOf(settings, soon), notification, { channel, ts }, soon);
        return { status: "delivered", receipt: `${ts}${note}`, thread: `${channel}/${ts}` };
      } catch (thrown) {
        return failure(thrown, signal);
      }
    };
  },
});

const changeBlock = (notification: Notification) => ({
  type: "section" as const,
  text: { type: "mrkdwn" as const, text: changeText(notification), verbatim: true },
});

interface Place {
  readonly channel: string;
  readonly ts: string;
}

function placeOf(thread: string | undefined): Place | null {
  const [channel, ts] = thread?.split("/") ?? [];
  return channel === undefined || ts === undefined ? null : { channel, ts };
}

const textOf = ({ title }: HumanMessage) => ({ text: cutEscaped(escapeSlack(title), TEXT_MAX) });

const common = (message: HumanMessage) => ({
  unfurl_links: false,
  unfurl_media: false,
  metadata: {
    event_type: isDigest(message) ? "driftline_digest" : "driftline_incident",
    event_payload: { idempotency_key: message.idempotencyKey },
  },
});

/** Brings the incident's message up to date. Twice is once, so a retry may do it again. False where someone has deleted it. */
async function updated(client: WebClient, place: Place, notification: Notification): Promise<boolean> {
  try {
    await client.chat.update({ ...place, ...textOf(notification), blocks: messageBlocks(notification) });
    return true;
  } catch (thrown) {
    if (thrown instanceof WebAPIPlatformError && GONE.has(String(thrown.data.error))) return false;
    throw thrown;
  }
}

/** Puts the pictures of a new message into its thread; says for the receipt why it could not. */
function createPictures(draw: DrawPng | undefined) {
  let allowed = true;
  return async (client: WebClient, { content }: Notification, place: Place, signal: AbortSignal): Promise<string> => {
    if (!allowed) return ", without pictures: the token lacks files:write";
    try {
      for (const picture of content?.pictures ?? []) {
        const png = (await draw?.(picture, "light", { margin: 16 })) ?? null;
        if (png === null) continue;
        const upload = { name: `${picture.kind}.png`, title: pictureWords(picture).slice(0, 200), png };
        if (!(await uploadToThread(client, upload, place, signal))) return ", without pictures: Slack took none";
      }
      return "";
    } catch (thrown) {
      const code = thrown instanceof WebAPIPlatformError ? String(thrown.data.error).slice(0, 60) : "no answer";
      allowed = code !== "missing_scope";
      return `, without pictures: ${code}`;
    }
  };
}

function clientOf({ token, api_url }: Options, signal: AbortSignal): WebClient {
  return new WebClient(token, {
    slackApiUrl: api_url,
    retryConfig: { retries: 0 },
    rejectRateLimitedCalls: true,
    allowAbsoluteUrls: false,
    logger: silent,
    fetch: abortable(signal),
  });
}

/** The client has no signal of its own: the outbox's goes in with each request. */
function abortable(signal: AbortSignal): FetchFunction {
  return (url, init) => {
    const signals = init?.signal === undefined ? [signal] : [signal, init.signal];
    return fetch(url, { ...init, signal: AbortSignal.any(signals), redirect: "manual" });
  };
}

function failure(thrown: unknown, signal: AbortSignal): Delivery {
  if (thrown instanceof WebAPIRateLimitedError)
    return {
      status: "failed",
      retryable: true,
      reason: "Slack limits the rate",
      retryAfterMs: thrown.retryAfter * 1000,
    };
  if (thrown instanceof WebAPIPlatformError) {
    const error = String(thrown.data.error).slice(0, 100);
    return { status: "failed", retryable: PASSING.has(error), reason: `Slack answers ${error}` };
  }
  if (thrown instanceof WebAPIHTTPError)
    return { status: "failed", retryable: isRetryableStatus(thrown.statusCode), reason: `HTTP ${thrown.statusCode}` };
  if (thrown instanceof WebAPIRequestError)
    return { status: "failed", retryable: true, reason: networkReason(thrown.original, signal) };
  return { status: "failed", retryable: true, reason: networkReason(thrown, signal) };
}

/** The client logs requests by itself; what came of an attempt is the outbox's to tell. */
const silent = {
  debug() {},
  info() {},
  warn() {},
  error() {},
  setLevel() {},
  getLevel: () => LogLevel.ERROR,
  setName() {},
};
