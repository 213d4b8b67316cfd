/** What channels (to people) and actions (to machines) are asked to do, and what they answer. One attempt each. */
import type { z } from "zod";
import type { DigestMessage } from "./digest.ts";
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

/** What a target can be told, by its kind: news of an incident, a digest, or how a model is. */
interface Messages {
  readonly incident: Notification;
  readonly digest: DigestMessage;
  readonly state: StateNotification;
}
export type MessageKind = keyof Messages;
export type Message = Messages[MessageKind];
/** What people are told. */
export type HumanMessage = Notification | DigestMessage;

export const isDigest = (message: Message): message is DigestMessage => "digest" in message;
export const isState = (message: Message): message is StateNotification => "state" in message;
const kindOf = (message: Message): MessageKind =>
  isDigest(message) ? "digest" : isState(message) ? "state" : "incident";

/** @param thread what this target answered as `thread` to an earlier notification of the incident; left out where there is none */
export type Send<Kind extends MessageKind = "incident"> = (
  message: Messages[Kind],
  signal: AbortSignal,
  thread?: string,
) => Promise<Delivery>;
/** Takes a message of any kind; what its target can't be told has failed for good. */
export type SendMessage = Send<MessageKind>;

/** Sends messages of its kinds; any other has failed for good. */
export function takingOnly<Kind extends MessageKind>(
  name: string,
  kinds: ReadonlySet<MessageKind>,
  send: Send<Kind>,
): SendMessage {
  const isTaken = (message: Message): message is Messages[Kind] => kinds.has(kindOf(message));
  return async (message, signal, thread) =>
    isTaken(message)
      ? await send(message, signal, thread)
      : { status: "failed", retryable: false, reason: `${name} can't be told of this: ${kindOf(message)}` };
}

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
  /** What it can be told. What wakes people, or asks machines for something, shows no digest; only machines go by a model's state. */
  readonly takes: ReadonlySet<MessageKind>;
  /** Checks the options once. Throws ZodError. */
  open(options: unknown, tools?: TargetTools): SendMessage;
  /** Milliseconds after which an open incident is told again, since the receiver forgets by itself; null: once is enough. */
  refreshMs(options: unknown): number | null;
}

interface TargetDefinition<Options extends z.ZodObject, Kinds extends readonly MessageKind[]> extends Description {
  readonly options: Options;
  readonly mirrors?: boolean;
  /** Left out: news of incidents alone. */
  readonly takes?: Kinds;
  open(options: z.output<Options>, tools: TargetTools): Send<Kinds[number]>;
  refreshMs?(options: z.output<Options>): number;
}

export function defineTarget<
  const Options extends z.ZodObject,
  const Kinds extends readonly MessageKind[] = readonly ["incident"],
>(target: TargetDefinition<Options, Kinds>): Target {
  const { name, title, description, options } = target;
  const kinds = new Set<MessageKind>(target.takes ?? ["incident"]);
  return {
    name,
    title,
    description,
    options,
    mirrors: target.mirrors ?? false,
    takes: kinds,
    open: (written, tools = {}) => takingOnly(name, kinds, target.open(options.parse(written), tools)),
    refreshMs: (written) => target.refreshMs?.(options.parse(written)) ?? null,
  };
}

/** `state`: a model's state, to a machine that goes by it. */
export const deliveryKinds = ["channel", "action", "digest", "state"] as const;
export type DeliveryKind = (typeof deliveryKinds)[number];

/** A delivery as it is put into the outbox, before any attempt. */
export interface PlannedDelivery {
  /** UUID made from a hash of (incident, transition, occurrence, target); the idempotency key too. */
  readonly deliveryId: string;
  readonly kind: "channel" | "action";
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
  readonly target: string;
  readonly message: StateNotification;
}

/** A digest as it is put into the outbox. */
export interface PlannedDigest {
  /** UUID made from a hash of (digest's name, local date, target); the idempotency key too. */
  readonly deliveryId: string;
  readonly kind: "digest";
  readonly target: string;
  readonly message: DigestMessage;
}

export type Planned = PlannedDelivery | PlannedState | PlannedDigest;
