/** Posts to a Slack channel through Slack's own client, one attempt, with every name from an event escaped and cut to Slack's limits. */
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
import { type Delivery, defineTarget, type Notification } from "../../core/delivery.ts";
import { isRetryableStatus, networkReason } from "../../core/http-delivery.ts";

/** Slack's limits, in characters: a header block, a section's text, blocks of a message are at most 50. */
const HEADER_MAX = 150;
const SECTION_MAX = 3000;
const TEXT_MAX = 4000;
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

const options = z.strictObject({
  token: z.string().min(1).meta({ secret: true }).describe("Bot token (xoxb-…) with the scope chat:write."),
  channel: z.string().min(1).describe("Channel id or name, for example #ml-oncall."),
  api_url: z.url().default("https://slack.com/api/").describe("Slack's Web API; another address for a proxy."),
});

export const slack = defineTarget({
  name: "slack",
  title: "Slack",
  description:
    "Posts a message to a channel with a bot token. The delivery's id goes along as metadata (`idempotency_key`).",
  options,
  open: ({ token, channel, api_url }) => {
    return async (notification, signal) => {
      try {
        const client = new WebClient(token, {
          slackApiUrl: api_url,
          retryConfig: { retries: 0 },
          rejectRateLimitedCalls: true,
          allowAbsoluteUrls: false,
          logger: silent,
          fetch: abortable(signal),
        });
        const answer = await client.chat.postMessage({
          channel,
          text: cut(escapeSlack(notification.title), TEXT_MAX),
          blocks: blocks(notification),
          unfurl_links: false,
          unfurl_media: false,
          metadata: {
            event_type: "driftline_incident",
            event_payload: { idempotency_key: notification.idempotencyKey },
          },
        });
        return { status: "delivered", receipt: answer.ts ?? "" };
      } catch (thrown) {
        return failure(thrown, signal);
      }
    };
  },
});

/** The client has no signal of its own: the outbox's goes in with each request. */
function abortable(signal: AbortSignal): FetchFunction {
  return (url, init) => {
    const signals = init?.signal === undefined ? [signal] : [signal, init.signal];
    return fetch(url, { ...init, signal: AbortSignal.any(signals) });
  };
}

function blocks({ title, lines, link }: Notification) {
  const text = cutLines(
    lines.map((line) => `• ${escapeSlack(line)}`),
    SECTION_MAX,
  );
  return [
    { type: "header" as const, text: { type: "plain_text" as const, text: cut(title, HEADER_MAX), emoji: false } },
    ...(text === "" ? [] : [{ type: "section" as const, text: { type: "mrkdwn" as const, text, verbatim: true } }]),
    ...(/^https?:\/\/[^\s<>|]+$/.test(link)
      ? [
          {
            type: "section" as const,
            text: { type: "mrkdwn" as const, text: `<${escapeSlack(link)}|Open in Driftline>` },
          },
        ]
      : []),
  ];
}

/** Slack's three control characters; with them no mention, link or command can be written by an event. */
export function escapeSlack(text: string): string {
  // A zero-width space after markup characters keeps *, _, ~ and ` from styling what is a name.
  return text
    .replace(/&/g, "&amp;")
    .replace(/</g, "&lt;")
    .replace(/>/g, "&gt;")
    .replace(/[*_~`]/g, "$&\u200b");
}

function cut(text: string, longest: number): string {
  if (text.length <= longest) return text;
  // Not in the middle of an escape or of a surrogate pair.
  return `${text.slice(0, longest - 1).replace(/&[a-z]{0,4}$|[\ud800-\udbff]$/, "")}…`;
}

/** As many whole lines as fit. */
function cutLines(lines: readonly string[], longest: number): string {
  let text = "";
  for (const line of lines) {
    const next = text === "" ? cut(line, longest) : `${text}\n${line}`;
    if (next.length > longest - 2) return `${text}\n…`;
    text = next;
  }
  return text;
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
