/** Signatures of outgoing webhooks, as the Standard Webhooks specification (1.0) has them: HMAC-SHA256 over `id.timestamp.body`. */
import { createHmac } from "node:crypto";

const PREFIX = "whsec_";

/** Whether a text is a secret that a receiver's library accepts: base64, with or without `whsec_` before it. */
export function isWebhookSecret(text: string): boolean {
  const encoded = text.startsWith(PREFIX) ? text.slice(PREFIX.length) : text;
  return encoded.length >= 4 && encoded.length % 4 === 0 && /^[A-Za-z0-9+/]+={0,2}$/.test(encoded);
}

/**
 * The headers `webhook-id`, `webhook-timestamp` and, with a secret, `webhook-signature`.
 *
 * @param nowMs the time of this attempt: receivers refuse what is older than some minutes
 */
export function webhookHeaders(
  id: string,
  nowMs: number,
  body: string,
  secret: string | undefined,
): Record<string, string> {
  const timestamp = String(Math.floor(nowMs / 1000));
  const headers = { "webhook-id": id, "webhook-timestamp": timestamp };
  if (secret === undefined) return headers;
  const key = Buffer.from(secret.startsWith(PREFIX) ? secret.slice(PREFIX.length) : secret, "base64");
  const signature = createHmac("sha256", key).update(`${id}.${timestamp}.${body}`).digest("base64");
  return { ...headers, "webhook-signature": `v1,${signature}` };
}
