/**
 * Asks a retraining system over HTTP. The receiver answers 2xx once it has taken the request; anything it should do only once it keys
 * on `webhook-id`, which stays the same over retries.
 */
import { z } from "zod";
import { defineAction } from "../../core/action.ts";
import { postOnce } from "../../core/http-delivery.ts";
import { incidentSpan, retrainingEvidence } from "../../core/retraining-evidence.ts";
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
  body: z
    .record(z.string(), z.json())
    .default({})
    .describe("Further fields of the request, for example the branch or the job's name."),
});

export const webhook = defineAction({
  name: "webhook",
  title: "Retrain webhook",
  description:
    'Posts `{"type": "retrain", "timestamp", "model", "reason", "window", "from", "to", "retraining_id", "report_url", "features", "reference", "data", "incident"}` and the fields of `body`, with the headers of Standard Webhooks. `from` and `to` span the windows that the members fired at; the outcome is to be reported to `report_url`.',
  options,
  kind: "run",
  open: ({ url, secret, headers, body: extra }) => {
    return async (notification, signal) => {
      const now = Date.now();
      const { incident } = notification;
      const { report_url, features, reference, data } = retrainingEvidence(notification);
      const body = JSON.stringify({
        ...extra,
        ...(incident.test === undefined ? {} : { test: true }),
        type: "retrain",
        timestamp: new Date(now).toISOString(),
        model: incident.model,
        reason: incident.title,
        window: incident.window,
        ...incidentSpan(notification),
        retraining_id: notification.idempotencyKey,
        report_url,
        features,
        reference,
        data,
        incident: incidentBody(notification),
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
