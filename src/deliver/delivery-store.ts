/** The `deliveries` table: one row a delivery, the greatest attempt is the present. */
import { z } from "zod";
import {
  type DeliveryKind,
  deliveryKinds,
  isDigest,
  isState,
  type Message,
  type Notification,
  type Planned,
} from "../core/delivery.ts";
import { contentUuid } from "../core/identity.ts";
import { incidentTransitions } from "../core/incident.ts";
import { digestMessageSchema, notificationSchema } from "../core/message-schema.ts";
import { stateNotificationSchema } from "../core/model-state.ts";
import { sql, time } from "../store/sql.ts";
import type { Lane } from "../store/store.ts";

/** `superseded`: never sent, since a newer state of the model was there. */
export const deliveryStates = ["due", "sent", "failed", "dead", "superseded"] as const;
export type DeliveryState = (typeof deliveryStates)[number];

/** What stands in place of an incident's transition where a delivery is a digest, or a model's state. */
const DIGEST = "digest";
const STATE = "state";

/** Waiting deliveries that are looked at, of each target, oldest first: one that is down must not hide the others. */
const PENDING_MAX = 1_000;

const pendingSchema = z.object({
  delivery_id: z.string(),
  attempt: z.number(),
  incident_id: z.string(),
  model: z.string(),
  kind: z.enum(deliveryKinds),
  target: z.string(),
  transition: z.enum([...incidentTransitions, DIGEST, STATE]),
  due_ms: z.number(),
  queued_ms: z.number(),
  opened_ms: z.number(),
  sequence: z.number(),
});
/** A delivery that is not settled: due for the first time, or to be tried again. */
export type PendingDelivery = z.output<typeof pendingSchema>;

/** What an attempt came to. */
export interface AttemptResult {
  readonly state: DeliveryState;
  /** Clock time of the next attempt; of this one where there is none. */
  readonly dueAt: number;
  readonly at: number;
  readonly answer: string;
  /** Handed to the later notifications of the incident at this target; '' for none. */
  readonly thread: string;
}

/** What a delivery is about: an incident's changes, or a model's states, stay in their order at a target. A digest waits behind nothing. */
function lineOf(planned: Planned) {
  if (planned.kind === "digest") {
    const { deliveryId, message } = planned;
    return { incident_id: deliveryId, model: "", sequence: 1, transition: DIGEST, opened_at: message.digest.to };
  }
  if (planned.kind === "state") {
    const { state, sequence, changed_at } = planned.message;
    const line = contentUuid("model state", state.model);
    return { incident_id: line, model: state.model, sequence, transition: STATE, opened_at: changed_at };
  }
  const { incident, transition } = planned.notification;
  const { incident_id, model, opened_at } = incident;
  return { incident_id, model, sequence: planned.sequence, transition, opened_at };
}

export async function insertPlanned(lane: Lane, deliveries: readonly Planned[], now: number): Promise<void> {
  await lane.insertRows(
    "deliveries",
    deliveries.map((planned) => {
      const message = "message" in planned ? planned.message : planned.notification;
      return {
        ...lineOf(planned),
        delivery_id: planned.deliveryId,
        attempt: 0,
        kind: planned.kind,
        target: planned.target,
        state: "due",
        due_at: now,
        at: now,
        queued_at: now,
        idempotency_key: message.idempotencyKey,
        body: JSON.stringify(message),
        answer: "",
      };
    }),
  );
}

/** Everything that waits, in the order in which an incident's changes happened. */
export function readPending(lane: Lane): Promise<PendingDelivery[]> {
  return lane.query(
    sql`SELECT toString(delivery_id) AS delivery_id, attempt, toString(incident_id) AS incident_id, model, kind, target, transition,
        toUnixTimestamp64Milli(due_at) AS due_ms, toUnixTimestamp64Milli(queued_at) AS queued_ms,
        toUnixTimestamp64Milli(opened_at) AS opened_ms, sequence
      FROM deliveries FINAL WHERE state IN ('due', 'failed')
      ORDER BY queued_at, opened_at, sequence, delivery_id LIMIT ${PENDING_MAX} BY target`,
    pendingSchema,
  );
}

/** A delivery as it stands now: its text (as it was queued last before the first attempt), null if there is none, and how often it has been tried. */
export async function readPresent(
  lane: Lane,
  deliveryId: string,
): Promise<{ readonly message: Message | null; readonly attempt: number }> {
  const rows = await lane.query(
    sql`SELECT kind, body, attempt FROM deliveries WHERE delivery_id = ${deliveryId} ORDER BY attempt DESC, sequence DESC LIMIT 1`,
    z.object({ kind: z.enum(deliveryKinds), body: z.string(), attempt: z.number() }),
  );
  const row = rows[0];
  if (row === undefined || row.body === "") return { message: null, attempt: row?.attempt ?? 0 };
  return { message: parseMessage(row.kind, row.body), attempt: row.attempt };
}

/** Writes what came of an attempt. The body goes along, since the newest row replaces the others. */
export async function insertAttempt(
  lane: Lane,
  delivery: PendingDelivery,
  message: Message | null,
  result: AttemptResult,
): Promise<void> {
  const { delivery_id, incident_id, model, kind, target, transition, sequence, queued_ms, opened_ms } = delivery;
  await lane.insertRows("deliveries", [
    {
      delivery_id,
      incident_id,
      model,
      kind,
      target,
      transition,
      sequence,
      attempt: delivery.attempt + 1,
      state: result.state,
      due_at: result.dueAt,
      at: result.at,
      queued_at: queued_ms,
      opened_at: opened_ms,
      idempotency_key: message?.idempotencyKey ?? delivery_id,
      body: message === null ? "" : JSON.stringify(message),
      answer: result.answer,
      thread: result.thread,
    },
  ]);
}

/** Where the conversation about an incident goes on at a target: what the first notification that it took was answered with. */
export async function readThread(
  lane: Lane,
  of: { readonly incident_id: string; readonly target: string },
): Promise<string | undefined> {
  const rows = await lane.query(
    sql`SELECT thread FROM deliveries WHERE incident_id = ${of.incident_id} AND target = ${of.target} AND thread != ''
      ORDER BY sequence, attempt DESC LIMIT 1`,
    z.object({ thread: z.string() }),
  );
  return rows[0]?.thread;
}

/**
 * The newest notification that a target took of each incident that is still open, and of whose end nothing was queued: what a receiver
 * that forgets by itself is told again.
 */
export async function readStanding(
  lane: Lane,
  target: string,
): Promise<readonly { readonly incident_id: string; readonly delivery_id: string }[]> {
  return await lane.query(
    sql`SELECT toString(incident_id) AS incident_id, toString(argMaxIf(delivery_id, sequence, state = 'sent')) AS delivery_id
      FROM deliveries FINAL WHERE target = ${target}
        AND incident_id IN (SELECT incident_id FROM incidents GROUP BY incident_id HAVING argMax(state, sequence) != 'resolved')
      GROUP BY incident_id HAVING countIf(state = 'sent') > 0 AND argMax(transition, sequence) NOT IN ('resolved', 'withdrawn')
        AND argMaxIf(transition, sequence, state = 'sent') NOT IN ('resolved', 'withdrawn')
      ORDER BY incident_id LIMIT ${PENDING_MAX}`,
    z.object({ incident_id: z.string(), delivery_id: z.string() }),
  );
}

/**
 * The opening (event time) of the incident for which an action was last asked, of those within `cooldownMs` of an opening; null if
 * there is none. Requests that no receiver has accepted so far don't count, and neither does the delivery `except`.
 */
export async function readLastRequest(
  lane: Lane,
  of: { readonly target: string; readonly openedAt: number; readonly cooldownMs: number; readonly except: string },
): Promise<number | null> {
  const rows = await lane.query(
    sql`SELECT toUnixTimestamp64Milli(max(opened_at)) AS opened_ms, count() AS found FROM deliveries FINAL
      WHERE target = ${of.target} AND kind = 'action' AND state IN ('due', 'sent') AND delivery_id != ${of.except}
        AND opened_at > ${time(of.openedAt - of.cooldownMs)} AND opened_at < ${time(of.openedAt + of.cooldownMs)}`,
    z.object({ opened_ms: z.number(), found: z.number() }),
  );
  const row = rows[0];
  return row === undefined || row.found === 0 ? null : row.opened_ms;
}

/** Channels to which something of an incident was queued, as keys of the outbox. */
export async function readTargets(lane: Lane, incidentId: string): Promise<readonly string[]> {
  const rows = await lane.query(
    sql`SELECT DISTINCT target FROM deliveries WHERE incident_id = ${incidentId} AND kind = 'channel' ORDER BY target`,
    z.object({ target: z.string() }),
  );
  return rows.map(({ target }) => target);
}

/** How a delivery stands; null where it was never queued. */
export async function readOutcome(
  lane: Lane,
  deliveryId: string,
): Promise<{ readonly state: DeliveryState; readonly answer: string; readonly at: number } | null> {
  const rows = await lane.query(
    sql`SELECT toString(state) AS state, answer, toUnixTimestamp64Milli(at) AS at FROM deliveries
      WHERE delivery_id = ${deliveryId} ORDER BY attempt DESC LIMIT 1`,
    z.object({ state: z.enum(deliveryStates), answer: z.string(), at: z.number() }),
  );
  return rows[0] ?? null;
}

function parseMessage(kind: DeliveryKind, text: string): Message {
  if (kind === "digest") return digestMessageSchema.parse(JSON.parse(text));
  return kind === "state" ? stateNotificationSchema.parse(JSON.parse(text)) : parseNotification(text);
}

/** The notification that was stored; null where the delivery has none, or is no news of an incident. */
export async function readNotification(lane: Lane, deliveryId: string): Promise<Notification | null> {
  const { message } = await readPresent(lane, deliveryId);
  return message === null || isDigest(message) || isState(message) ? null : message;
}

/** A notification as it was stored. */
export const parseNotification = (text: string): Notification => notificationSchema.parse(JSON.parse(text));
