/** The state of a model as machines ask for it and are told of it: the same body and the same tag in both. */
import { createHash } from "node:crypto";
import { z } from "zod";

export const modelStates = ["healthy", "degraded", "failing"] as const;

export const modelStateSchema = z.object({
  model: z.string(),
  /** failing: it should not be relied on; degraded: something of it is an incident of severity ticket or page; else healthy. */
  state: z.enum(modelStates),
  /** One sentence. */
  reason: z.string(),
  /** Event time since which it is so, ISO 8601; null while healthy. */
  since: z.string().nullable(),
  /** The open incidents behind it, the worst first. */
  incidents: z.array(z.string()),
});
export type ModelState = Readonly<z.output<typeof modelStateSchema>>;

/** The `ETag`: changes with what is said, and not with the time. */
export const tagOf = ({ model, state, reason, since, incidents }: ModelState): string =>
  `"${createHash("sha256").update(JSON.stringify({ model, state, reason, since, incidents })).digest("base64url").slice(0, 22)}"`;

/** What a receiver is told when the state has changed. */
export const stateNotificationSchema = z.object({
  /** Stable over retries: the delivery's id. */
  idempotencyKey: z.string(),
  state: modelStateSchema,
  /** Of the model: grows by one with each change, so that a receiver can drop what comes late. */
  sequence: z.number(),
  /** What it was before. */
  previous: z.enum(modelStates),
  /** Clock time at which the change was seen, ms. */
  changed_at: z.number(),
});
export type StateNotification = Readonly<z.output<typeof stateNotificationSchema>>;

const iso = (ms: number): string => new Date(ms).toISOString();

/** What `GET /v1/models/{model}/state` answers, its tag, and the place of the change among the model's changes. */
export const stateBody = ({ state, sequence, previous, changed_at }: StateNotification): Record<string, unknown> => ({
  ...state,
  etag: tagOf(state),
  sequence,
  previous,
  changed_at: iso(changed_at),
});
