/**
 * Posts every notification as JSON, signed as the Standard Webhooks specification says, so that a receiver can check where it comes from
 * and tell a repetition by `webhook-id`.
 */
import { z } from "zod";
import { type Delivery, defineTarget } from "../../core/delivery.ts";
import { postOnce } from "../../core/http-delivery.ts";
import { headersOption, secretUrl } from "../../core/http-options.ts";
import { stateBody } from "../../core/model-state.ts";
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
    'Posts `{"type": "incident.opened", "timestamp": …, "data": {"title", "summary", "facts", "lines", "changed", "why", "links", "incident"}}`, with the headers of Standard Webhooks. The type ends in the transition: opened, escalated, widened, data_missing, reminder, confirmed, revised, resolved or withdrawn. The state of a model comes as the type `model.state`.',
  options,
  open: (chosen) => {
    return async (notification, signal) => {
      const now = Date.now();
      const body = JSON.stringify({
        type: `incident.${notification.transition}`,
        timestamp: new Date(now).toISOString(),
        data: messageBody(notification),
      });
      return await postSigned(chosen, notification.idempotencyKey, now, body, signal);
    };
  },
  openStates: (chosen) => {
    return async (notification, signal) => {
      const body = JSON.stringify({
        type: "model.state",
        timestamp: new Date(notification.changed_at).toISOString(),
        data: stateBody(notification),
      });
      return await postSigned(chosen, notification.idempotencyKey, Date.now(), body, signal);
    };
  },
});

/** @param now the time of this attempt, ms */
async function postSigned(
  { url, secret, headers }: z.output<typeof options>,
  id: string,
  now: number,
  body: string,
  signal: AbortSignal,
): Promise<Delivery> {
  const signed = webhookHeaders(id, now, body, secret);
  return await postOnce(
    fetch,
    { url, headers: { ...headers, "content-type": "application/json", ...signed }, body },
    signal,
  );
}
