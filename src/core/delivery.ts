/** What channels (to people) and actions (to machines) are asked to do, and what they answer. One attempt each. */
import type { z } from "zod";
import type { DigestMessage } from "./digest.ts";
import type { Incident, IncidentTransition } from "./incident.ts";
import type { MessageContent } from "./message.ts";
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

/** What the outbox can hold: news of an incident, or a digest. */
export type Message = Notification | DigestMessage;

export const isDigest = (message: Message): message is DigestMessage => "digest" in message;

/** Sends whatever people are told: for channels that can show a digest too. */
export type SendMessage = (message: Message, signal: AbortSignal, thread?: string) => Promise<Delivery>;
export type SendDigest = (digest: DigestMessage, signal: AbortSignal) => Promise<Delivery>;

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
  /** Checks the options once. Throws ZodError. */
  open(options: unknown, tools?: TargetTools): Send;
  /** Whether it can show a digest: what wakes people, or asks machines for something, can't. */
  readonly digests: boolean;
  /** The same for digests; null where it has none. Throws ZodError. */
  openDigests(options: unknown, tools?: TargetTools): SendDigest | null;
  /** Milliseconds after which an open incident is told again, since the receiver forgets by itself; null: once is enough. */
  refreshMs(options: unknown): number | null;
}

interface AnyTarget<Options extends z.ZodObject> extends Description {
  readonly options: Options;
  readonly mirrors?: boolean;
  refreshMs?(options: z.output<Options>): number;
}
type Open<Options extends z.ZodObject, Sends> = (options: z.output<Options>, tools: TargetTools) => Sends;
type TargetDefinition<Options extends z.ZodObject> = AnyTarget<Options> &
  (
    | { readonly digests: true; readonly open: Open<Options, SendMessage> }
    | { readonly digests?: false; readonly open: Open<Options, Send> }
  );

export function defineTarget<const Options extends z.ZodObject>(target: TargetDefinition<Options>): Target {
  const { name, title, description, options } = target;
  return {
    name,
    title,
    description,
    options,
    mirrors: target.mirrors ?? false,
    digests: target.digests === true,
    open: (written, tools = {}) => target.open(options.parse(written), tools),
    openDigests: (written, tools = {}) => (target.digests === true ? target.open(options.parse(written), tools) : null),
    refreshMs: (written) => target.refreshMs?.(options.parse(written)) ?? null,
  };
}

export const deliveryKinds = ["channel", "action", "digest"] as const;
export type DeliveryKind = (typeof deliveryKinds)[number];

/** A delivery as it is put into the outbox, before any attempt. */
export interface PlannedDelivery {
  /** UUID made from a hash of (incident, transition, occurrence, target); the idempotency key too. */
  readonly deliveryId: string;
  readonly kind: Exclude<DeliveryKind, "digest">;
  /** Key of the target in the outbox: `channel ml-oncall`, `action fraud webhook`. */
  readonly target: string;
  /** Sequence of the incident's change: a later change of one incident never overtakes an earlier one at a target. */
  readonly sequence: number;
  readonly notification: Notification;
}

/** A digest as it is put into the outbox. */
export interface PlannedDigest {
  /** UUID made from a hash of (digest's name, local date, target); the idempotency key too. */
  readonly deliveryId: string;
  readonly kind: "digest";
  readonly target: string;
  readonly message: DigestMessage;
}
