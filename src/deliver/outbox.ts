/**
 * The outbox that channels and actions share: what is to be sent lies in the store, each delivery gets one attempt at a time, and
 * what came of it is written before anything else of that target is tried.
 *
 * A crash between an attempt and its record repeats the attempt under the same idempotency key: at least once, never under a new name.
 * Targets are independent: one that hangs holds up itself alone.
 */
import type { Clock } from "../core/clock.ts";
import type { Delivery, Notification, PlannedDelivery, Send } from "../core/delivery.ts";
import { messageOf } from "../core/errors.ts";
import type { Lane } from "../store/store.ts";
import type { Log } from "../telemetry/log.ts";
import type { DeliveryMetrics } from "../telemetry/metrics.ts";
import { type AttemptResult, insertAttempt, insertPlanned, type PendingDelivery, readNotification, readPending } from "./delivery-store.ts";
import { redact } from "./redact.ts";
import { nextAttempt, type RetryLimits, retryLimits } from "./retry-schedule.ts";

const ATTEMPT_MS = 15_000;
const POLL_MS = 1_000;
/** Wait before a record that the store refused is written again; until then nothing more of that target is sent. */
const RECORD_AGAIN_MS = 1_000;

export interface OutboxOptions {
  readonly lane: Lane;
  /** By key: `channel ml-oncall`, `action fraud webhook`. */
  readonly targets: ReadonlyMap<string, Send>;
  readonly clock: Clock;
  readonly log: Pick<Log, "info" | "warn" | "error">;
  readonly metrics?: DeliveryMetrics;
  /** Texts that must appear in no answer: the secrets of the configuration. */
  readonly secrets?: readonly string[];
  readonly limits?: Partial<RetryLimits>;
  /** Milliseconds after which an attempt without an answer has failed; 15 s. */
  readonly attemptMs?: number;
  /** Milliseconds between looks for what is due; 1 s. */
  readonly pollMs?: number;
}

export interface Outbox {
  /** Queues deliveries; the same one twice is one. They are stored once this resolves. */
  enqueue(deliveries: readonly PlannedDelivery[]): Promise<void>;
  /** Begins to deliver what is due, and goes on until `stop`. */
  start(): void;
  /** Waits for attempts under way (at most their time limit) and ends. What is not sent stays in the store. */
  stop(): Promise<void>;
  /**
   * One look: tries what is due now, and resolves once those attempts are recorded.
   *
   * @returns when the next delivery may be tried by the clock, or null if none waits
   */
  flush(): Promise<number | null>;
}

export function createOutbox(options: OutboxOptions): Outbox {
  const { lane, clock } = options;
  const attempts = createAttempts(options);
  /** Work under way, by target. */
  const busy = new Map<string, Promise<void>>();
  const stopping = new AbortController();
  let nap = new AbortController();
  let loop: Promise<void> | null = null;

  const look = async (): Promise<readonly PendingDelivery[]> => {
    const pending = await readPending(lane);
    for (const [target, due] of dueByTarget(pending, clock.now())) {
      if (busy.has(target) || stopping.signal.aborted) continue;
      const work = attempts.run(due, stopping.signal).finally(() => busy.delete(target));
      busy.set(target, work);
    }
    return pending;
  };

  const run = async () => {
    while (!stopping.signal.aborted) {
      nap = new AbortController();
      try {
        await look();
      } catch (thrown) {
        options.log.warn("the outbox can't read its deliveries; it goes on once the store answers", { reason: redact(messageOf(thrown), options.secrets) });
      }
      await clock.sleep(options.pollMs ?? POLL_MS, AbortSignal.any([nap.signal, stopping.signal]));
    }
  };

  return {
    async enqueue(deliveries) {
      await insertPlanned(lane, deliveries, clock.now());
      nap.abort();
    },
    start() {
      loop ??= run();
    },
    async stop() {
      stopping.abort();
      await loop;
      await Promise.all(busy.values());
    },
    async flush() {
      await look();
      await Promise.all(busy.values());
      const firsts = new Map<string, number>();
      for (const delivery of inOrder(await readPending(lane))) {
        const line = lineOf(delivery);
        if (!firsts.has(line)) firsts.set(line, delivery.due_ms);
      }
      return firsts.size === 0 ? null : Math.min(...firsts.values());
    },
  };
}

/**
 * What may be tried now, by target, in order. Of one incident at one target only the earliest waiting change may go: while the
 * opening is being retried, its end waits behind it.
 */
export function dueByTarget(pending: readonly PendingDelivery[], now: number): Map<string, PendingDelivery[]> {
  const targets = new Map<string, PendingDelivery[]>();
  const held = new Set<string>();
  for (const delivery of inOrder(pending)) {
    if (held.has(lineOf(delivery))) continue;
    if (delivery.due_ms > now) {
      held.add(lineOf(delivery));
      continue;
    }
    targets.set(delivery.target, [...(targets.get(delivery.target) ?? []), delivery]);
  }
  for (const due of targets.values()) due.sort((a, b) => a.queued_ms - b.queued_ms || a.opened_ms - b.opened_ms || a.sequence - b.sequence);
  return targets;
}

/** Changes of an incident in the order in which they happened. */
const inOrder = (pending: readonly PendingDelivery[]): PendingDelivery[] => [...pending].sort((a, b) => a.sequence - b.sequence);

/** What waits in one line: the messages of one incident to one target. */
const lineOf = (delivery: PendingDelivery): string => JSON.stringify([delivery.target, delivery.incident_id]);

/** Attempts at one target, one after the other. */
function createAttempts(options: OutboxOptions) {
  const { lane, clock, log } = options;
  const limits = { ...retryLimits, ...options.limits };

  const attempt = async (delivery: PendingDelivery, notification: Notification | null): Promise<AttemptResult> => {
    const send = options.targets.get(delivery.target);
    const outcome: Delivery =
      notification === null
        ? { status: "failed", retryable: false, reason: "its text is no longer in the store" }
        : send === undefined
          ? { status: "failed", retryable: false, reason: `the configuration has no ${delivery.target} any more` }
          : await sendOnce(send, notification, options.attemptMs ?? ATTEMPT_MS);
    const now = clock.now();
    if (outcome.status === "delivered") return { state: "sent", dueAt: now, at: now, answer: redact(outcome.receipt ?? "", options.secrets) };
    const counted = { id: delivery.delivery_id, queuedAt: delivery.queued_ms, attempt: delivery.attempt + 1 };
    const next = outcome.retryable ? nextAttempt(counted, now, outcome.retryAfterMs, limits) : null;
    const answer = redact(outcome.reason, options.secrets);
    return next === null ? { state: "dead", dueAt: now, at: now, answer } : { state: "failed", dueAt: next, at: now, answer };
  };

  const tell = (delivery: PendingDelivery, result: AttemptResult) => {
    const { target, transition, delivery_id: delivery_, incident_id: incident } = delivery;
    const fields = { target, transition, incident, delivery: delivery_, attempt: delivery.attempt + 1, answer: result.answer };
    if (result.state === "sent") log.info("delivered", fields);
    else if (result.state === "failed") log.warn("a delivery failed and will be tried again", { ...fields, next: new Date(result.dueAt).toISOString() });
    else log.error("a delivery was given up", fields);
    options.metrics?.delivery(target, result.state === "sent" ? "delivered" : result.state === "failed" ? "retry" : "dead");
  };

  /** A message that was sent must not be sent again because the store was away for a moment. */
  const write = async (delivery: PendingDelivery, notification: Notification | null, result: AttemptResult, stop: AbortSignal) => {
    while (true) {
      try {
        return await insertAttempt(lane, delivery, notification, result);
      } catch (thrown) {
        log.warn("what came of a delivery can't be stored; this is tried until it can", { target: delivery.target, reason: redact(messageOf(thrown), options.secrets) });
        if (stop.aborted) return;
        await clock.sleep(RECORD_AGAIN_MS, stop);
      }
    }
  };

  return {
    async run(due: readonly PendingDelivery[], stop: AbortSignal): Promise<void> {
      const waiting = new Set<string>();
      for (const delivery of due) {
        if (stop.aborted) return;
        if (waiting.has(delivery.incident_id)) continue;
        try {
          const notification = await readNotification(lane, delivery.delivery_id);
          const result = await attempt(delivery, notification);
          await write(delivery, notification, result, stop);
          if (result.state === "failed") waiting.add(delivery.incident_id);
          tell(delivery, result);
        } catch (thrown) {
          log.warn("a delivery can't be read; it is looked for again", { target: delivery.target, reason: redact(messageOf(thrown), options.secrets) });
          return;
        }
      }
    },
  };
}

/** One attempt. Whatever a target throws is a failure worth another try: a target should never throw. */
async function sendOnce(send: Send, notification: Notification, attemptMs: number): Promise<Delivery> {
  const limit = new AbortController();
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<Delivery>((resolve) => {
    timer = setTimeout(() => {
      limit.abort();
      resolve({ status: "failed", retryable: true, reason: `no answer within ${attemptMs} ms` });
    }, attemptMs);
  });
  try {
    return await Promise.race([send(notification, limit.signal), late]);
  } catch (thrown) {
    return { status: "failed", retryable: true, reason: messageOf(thrown) };
  } finally {
    clearTimeout(timer);
  }
}
