/** What channels (to people) and actions (to machines) are asked to do, and what they answer. One attempt each. */
import type { z } from "zod";
import type { Incident, IncidentTransition } from "./incident.ts";
import type { RetrainingRequest } from "./retraining-evidence.ts";

/** What every channel is asked to tell. Already plain text: a channel escapes for its own medium. */
export interface Notification {
  /** Stable over retries: the delivery's id. */
  readonly idempotencyKey: string;
  readonly transition: IncidentTransition;
  readonly incident: Incident;
  readonly title: string;
  readonly lines: readonly string[];
  /** Link to the page, or '' where the service has no public address. */
  readonly link: string;
  /** To machines only: what they are asked for. */
  readonly retraining?: RetrainingRequest;
}

/** What the outbox does next depends on this alone; a channel never retries by itself. */
export type Delivery =
  | { readonly status: "delivered"; readonly receipt?: string }
  | { readonly status: "failed"; readonly retryable: boolean; readonly reason: string; readonly retryAfterMs?: number };

export type Send = (notification: Notification, signal: AbortSignal) => Promise<Delivery>;

interface Description {
  readonly name: string;
  readonly title: string;
  readonly description: string;
}

/** A channel tells people; an action tells machines. Both have the same shape, so that one outbox serves both. */
export interface Target extends Description {
  readonly options: z.ZodObject;
  /** Checks the options once. Throws ZodError. */
  open(options: unknown): Send;
}

export function defineTarget<const Options extends z.ZodObject>(
  target: Description & { readonly options: Options; open(options: z.output<Options>): Send },
): Target {
  return { ...target, open: (options) => target.open(target.options.parse(options)) };
}

export const deliveryKinds = ["channel", "action"] as const;
export type DeliveryKind = (typeof deliveryKinds)[number];

/** A delivery as it is put into the outbox, before any attempt. */
export interface PlannedDelivery {
  /** UUID made from a hash of (incident, transition, occurrence, target); the idempotency key too. */
  readonly deliveryId: string;
  readonly kind: DeliveryKind;
  /** Key of the target in the outbox: `channel ml-oncall`, `action fraud webhook`. */
  readonly target: string;
  /** Sequence of the incident's change: a later change of one incident never overtakes an earlier one at a target. */
  readonly sequence: number;
  readonly notification: Notification;
}
