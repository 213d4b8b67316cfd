/**
 * Posts every message as JSON, signed as the Standard Webhooks specification says, so that a receiver can check where it comes from
 * and tell a repetition by `webhook-id`.
 */
import { z } from "zod";
import { defineTarget, isDigest, isState, type Message } from "../../core/delivery.ts";
import { postOnce } from "../../core/http-delivery.ts";
import { headersOption, secretUrl } from "../../core/http-options.ts";
import { messageBody } from "../../core/webhook-body.ts";
import { isWebhookSecret, webhookHeaders } from "../../core/webhook-signature.ts";

const options = z.strictObject({
  url: secretUrl("Address that is posted to; it may hold a token, so it is shown nowhere."),
  secret: z
    .string()
    .min(1)
    .refine(isWebhookSecret, "a base64 secret, usually with whsec_ before it")
    .meta({ secret: true })
    .optional()
    .describe("Key of the signature (`whsec_…`); left out: not signed."),
  headers: headersOption(),
});

export const webhook = defineTarget({
  name: "webhook",
  title: "Webhook",
  description:
    'Posts `{"type": "incident.opened", "timestamp": …, "data": {"title", "summary", "facts", "lines", "changed", "why", "links", "incident"}}`, with the headers of Standard Webhooks. The type ends in the transition: opened, escalated, widened, data_missing, reminder, confirmed, revised, resolved or withdrawn. Of a digest the type is `digest`, and `data` holds its models; the state of a model comes as `model.state`.',
  options,
  takes: ["incident", "digest", "state"],
  open: ({ url, secret, headers }) => {
    return async (message, signal) => {
      const now = Date.now();
      const body = JSON.stringify({
        type: typeOf(message),
        timestamp: new Date(isState(message) ? message.changed_at : now).toISOString(),
        data: messageBody(message),
      });
      const signed = webhookHeaders(message.idempotencyKey, now, body, secret);
      return await postOnce(
        fetch,
        { url, headers: { ...headers, "content-type": "application/json", ...signed }, body },
        signal,
      );
    };
  },
});

function typeOf(message: Message): string {
  if (isDigest(message)) return "digest";
  return isState(message) ? "model.state" : `incident.${message.transition}`;
}
