/**
 * Posts every notification as JSON, signed as the Standard Webhooks specification says, so that a receiver can check where it comes from
 * and tell a repetition by `webhook-id`.
 */
import { z } from "zod";
import { defineTarget } from "../../core/delivery.ts";
import { postOnce } from "../../core/http-delivery.ts";
import { incidentBody } from "../../core/webhook-body.ts";
import { isWebhookSecret, webhookHeaders } from "../../core/webhook-signature.ts";

const options = z.strictObject({
  url: z
    .url({ protocol: /^https?$/ })
    .meta({ secret: true })
    .describe("Address that is posted to; it may hold a token, so it is shown nowhere."),
  secret: z
    .string()
    .min(1)
    .refine(isWebhookSecret, "a base64 secret, usually with whsec_ before it")
    .meta({ secret: true })
    .optional()
    .describe("Key of the signature (`whsec_…`); left out: not signed."),
  headers: z
    .record(
      z.string().regex(/^[A-Za-z0-9!#$%&'*+.^_`|~-]+$/, "a header name"),
      z
        .string()
        .regex(/^[\t\x20-\x7e]*$/, "printable ASCII")
        .meta({ secret: true }),
    )
    .default({})
    .describe("Further headers, for example an Authorization."),
});

export const webhook = defineTarget({
  name: "webhook",
  title: "Webhook",
  description:
    'Posts `{"type": "incident.opened", "timestamp": …, "data": {"title", "lines", "incident"}}`, with the headers of Standard Webhooks. The type ends in the transition: opened, escalated, data_missing, reminder, resolved or withdrawn.',
  options,
  open: ({ url, secret, headers }) => {
    return async (notification, signal) => {
      const now = Date.now();
      const body = JSON.stringify({
        type: `incident.${notification.transition}`,
        timestamp: new Date(now).toISOString(),
        data: { title: notification.title, lines: notification.lines, incident: incidentBody(notification) },
      });
      const signed = webhookHeaders(notification.idempotencyKey, now, body, secret);
      return await postOnce(
        fetch,
        { url, headers: { ...headers, "content-type": "application/json", ...signed }, body },
        signal,
      );
    };
  },
});
