/** What channels (to people) and actions (to machines) are asked to do, and what they answer. One attempt each. */
import type { z } from "zod";
import type { Incident, IncidentTransition } from "./incident.ts";
import type { MessageContent } from "./message.ts";
import type { StateNotification } from "./model-state.ts";
import type { DrawPng } from "./picture/png.ts";
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
  /** The same in parts, for media that can lay them out. */
  readonly content?: MessageContent;
  /** To machines only: what they are asked for. */
  readonly retraining?: RetrainingRequest;
}

/** Whether it is told of something that is over: its end, or what late data change of it. */
export const isOver = ({ transition, incident }: Pick<Notification, "transition" | "incident">): boolean =>
  transition === "resolved" || transition === "withdrawn" || incident.state === "resolved";

/** What the outbox does next depends on this alone; a channel never retries by itself. */
export type Delivery =
  | {
      readonly status: "delivered";
      readonly receipt?: string;
      /** Where the conversation about this incident goes on: handed to its later notifications. At most 500 characters, no secret. */
      readonly thread?: string;
    }
  | { readonly status: "failed"; readonly retryable: boolean; readonly reason: string; readonly retryAfterMs?: number };

/** @param thread what this target answered as `thread` to an earlier notification of the incident; left out where there is none */
export type Send = (notification: Notification, signal: AbortSignal, thread?: string) => Promise<Delivery>;

/** The same for the state of a model. */
export type SendState = (notification: StateNotification, signal: AbortSignal) => Promise<Delivery>;

/** What a target may be handed by the service. */
export interface TargetTools {
  /** Draws a picture as PNG; null where that can't be done on this machine. */
  readonly draw?: DrawPng;
}

interface Description {
  readonly name: string;
  readonly title: string;
  readonly description: string;
}

/** A channel tells people; an action tells machines. Both have the same shape, so that one outbox serves both. */
export interface Target extends Description {
  readonly options: z.ZodObject;
  /** It shows the state of incidents and not only news of them: their end is told to it also where `send_resolved` is off. */
  readonly mirrors: boolean;
  /** Whether it can take the states of models: it speaks to machines. */
  readonly takesStates: boolean;
  /** Checks the options once. Throws ZodError. */
  open(options: unknown, tools?: TargetTools): Send;
  /** null where it takes no states. Throws ZodError. */
  openStates(options: unknown): SendState | null;
  /** Milliseconds after which an open incident is told again, since the receiver forgets by itself; null: once is enough. */
  refreshMs(options: unknown): number | null;
}

interface TargetDefinition<Options extends z.ZodObject> extends Description {
  readonly options: Options;
  readonly mirrors?: boolean;
  open(options: z.output<Options>, tools: TargetTools): Send;
  openStates?(options: z.output<Options>): SendState;
  refreshMs?(options: z.output<Options>): number;
}

export function defineTarget<const Options extends z.ZodObject>(target: TargetDefinition<Options>): Target {
  const { name, title, description, options } = target;
  return {
    name,
    title,
    description,
    options,
    mirrors: target.mirrors ?? false,
    takesStates: target.openStates !== undefined,
    open: (written, tools = {}) => target.open(options.parse(written), tools),
    openStates: (written) => target.openStates?.(options.parse(written)) ?? null,
    refreshMs: (written) => target.refreshMs?.(options.parse(written)) ?? null,
  };
}

/** `state`: a model's state, to a machine that goes by it. */
export const deliveryKinds = ["channel", "action", "state"] as const;
export type DeliveryKind = (typeof deliveryKinds)[number];

/** A delivery as it is put into the outbox, before any attempt. */
export interface PlannedDelivery {
  /** UUID made from a hash of (incident, transition, occurrence, target); the idempotency key too. */
  readonly deliveryId: string;
  readonly kind: Exclude<DeliveryKind, "state">;
  /** Key of the target in the outbox: `channel ml-oncall`, `action fraud webhook`. */
  readonly target: string;
  /** Sequence of the incident's change: a later change of one incident never overtakes an earlier one at a target. */
  readonly sequence: number;
  readonly notification: Notification;
}

/** A model's state that is put into the outbox: of those that wait for one target only the newest is sent. */
export interface PlannedState {
  /** UUID made from a hash of (model, sequence, target); the idempotency key too. */
  readonly deliveryId: string;
  readonly kind: "state";
  /** Key of the target in the outbox: `state switch`. */
  readonly target: string;
  readonly notification: StateNotification;
}
