/**
 * Attempts at one target: one delivery after the other, each tried once, and what came of it written before the next is tried.
 */
import type { Clock } from "../core/clock.ts";
import { type Delivery, isDigest, isState, type Message, type SendMessage } from "../core/delivery.ts";
import { messageOf } from "../core/errors.ts";
import type { Lane } from "../store/store.ts";
import type { Log } from "../telemetry/log.ts";
import type { DeliveryMetrics } from "../telemetry/metrics.ts";
import { type AttemptResult, insertAttempt, type PendingDelivery, readPresent, readThread } from "./delivery-store.ts";
import { redact } from "./redact.ts";
import { nextAttempt, type RetryLimits, retryLimits } from "./retry-schedule.ts";

const ATTEMPT_MS = 15_000;
/** Wait before a record that the store refused is written again; until then nothing more of that target is sent. */
const RECORD_AGAIN_MS = 1_000;
const THREAD_CHARACTERS_MAX = 500;

export interface AttemptOptions {
  readonly lane: Lane;
  /** By key: `channel ml-oncall`, `action fraud webhook`. */
  readonly targets: ReadonlyMap<string, SendMessage>;
  readonly clock: Clock;
  readonly log: Pick<Log, "info" | "warn" | "error">;
  readonly metrics?: DeliveryMetrics;
  /** Texts that must appear in no answer: the secrets of the configuration. */
  readonly secrets?: readonly string[];
  readonly limits?: Partial<RetryLimits>;
  /** Milliseconds after which an attempt without an answer has failed; 15 s. */
  readonly attemptMs?: number;
}

/**
 * Tries deliveries of one target in their order. What fails holds back the later messages of its incident; a receiver that says when to
 * come back is not asked again before, for any of its incidents.
 *
 * @returns clock time until which the target wants to be left alone, null where it did not say so
 */
export async function runAttempts(
  options: AttemptOptions,
  due: readonly PendingDelivery[],
  stop: AbortSignal,
): Promise<number | null> {
  const waiting = new Set<string>();
  for (const delivery of due) {
    if (stop.aborted) return null;
    if (waiting.has(delivery.incident_id)) continue;
    try {
      const { message, attempt: tried } = await readPresent(options.lane, delivery.delivery_id);
      // The list of what is due may have been read while the attempt before was being recorded.
      if (tried !== delivery.attempt) continue;
      const outcome = await outcomeOf(options, delivery, message);
      const result = resultOf(options, delivery, outcome);
      await record(options, delivery, message, result, stop);
      if (result.state === "failed") waiting.add(delivery.incident_id);
      tell(options, delivery, result);
      if (outcome.status === "failed" && outcome.retryAfterMs !== undefined) return result.at + outcome.retryAfterMs;
    } catch (thrown) {
      const reason = redact(messageOf(thrown), options.secrets);
      options.log.warn("a delivery can't be read; it is looked for again", { target: delivery.target, reason });
      return null;
    }
  }
  return null;
}

/** Writes down of states that a newer one waits behind that they are not sent any more; one that is gone by now is left alone. */
export async function dropSuperseded(
  options: AttemptOptions,
  superseded: readonly PendingDelivery[],
  stop: AbortSignal,
): Promise<void> {
  try {
    for (const delivery of superseded) {
      const { message, attempt } = await readPresent(options.lane, delivery.delivery_id);
      if (attempt !== delivery.attempt) continue;
      const at = options.clock.now();
      const answer = "a newer state was there before it was sent";
      await record(options, delivery, message, { state: "superseded", dueAt: at, at, answer, thread: "" }, stop);
    }
  } catch (thrown) {
    const reason = redact(messageOf(thrown), options.secrets);
    options.log.warn("a delivery can't be read; it is looked for again", { target: superseded[0]?.target, reason });
  }
}

function resultOf(options: AttemptOptions, delivery: PendingDelivery, outcome: Delivery): AttemptResult {
  const now = options.clock.now();
  if (outcome.status === "delivered") {
    const answer = redact(outcome.receipt ?? "", options.secrets);
    const thread = (outcome.thread ?? "").slice(0, THREAD_CHARACTERS_MAX);
    return { state: "sent", dueAt: now, at: now, answer, thread };
  }
  const counted = { id: delivery.delivery_id, queuedAt: delivery.queued_ms, attempt: delivery.attempt + 1 };
  const limits = { ...retryLimits, ...options.limits };
  const next = outcome.retryable ? nextAttempt(counted, now, outcome.retryAfterMs, limits) : null;
  const answer = redact(outcome.reason, options.secrets);
  return next === null
    ? { state: "dead", dueAt: now, at: now, answer, thread: "" }
    : { state: "failed", dueAt: next, at: now, answer, thread: "" };
}

async function outcomeOf(
  options: AttemptOptions,
  delivery: PendingDelivery,
  message: Message | null,
): Promise<Delivery> {
  const lost = (reason: string): Delivery => ({ status: "failed", retryable: false, reason });
  if (message === null) return lost("its text is no longer in the store");
  const send = options.targets.get(delivery.target);
  if (send === undefined) return lost(`the configuration has no ${delivery.target} any more`);
  const thread = isDigest(message) || isState(message) ? undefined : await readThread(options.lane, delivery);
  return await sendOnce((signal) => send(message, signal, thread), options.attemptMs);
}

/** One attempt. Whatever a target throws is a failure worth another try: a target should never throw. */
export async function sendOnce(
  send: (signal: AbortSignal) => Promise<Delivery>,
  attemptMs = ATTEMPT_MS,
): Promise<Delivery> {
  const limit = new AbortController();
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<Delivery>((resolve) => {
    timer = setTimeout(() => {
      limit.abort();
      resolve({ status: "failed", retryable: true, reason: `no answer within ${attemptMs} ms` });
    }, attemptMs);
  });
  try {
    return await Promise.race([send(limit.signal), late]);
  } catch (thrown) {
    return { status: "failed", retryable: true, reason: messageOf(thrown) };
  } finally {
    clearTimeout(timer);
  }
}

/** A message that was sent must not be sent again because the store was away for a moment. */
async function record(
  options: AttemptOptions,
  delivery: PendingDelivery,
  message: Message | null,
  result: AttemptResult,
  stop: AbortSignal,
): Promise<void> {
  while (true) {
    try {
      await insertAttempt(options.lane, delivery, message, result);
      return;
    } catch (thrown) {
      const reason = redact(messageOf(thrown), options.secrets);
      options.log.warn("what came of a delivery can't be stored; this is tried until it can", {
        target: delivery.target,
        reason,
      });
      if (stop.aborted) return;
      await options.clock.sleep(RECORD_AGAIN_MS, stop);
    }
  }
}

function tell({ log, metrics }: AttemptOptions, delivery: PendingDelivery, result: AttemptResult): void {
  const { target, transition, delivery_id, incident_id } = delivery;
  const about = { target, transition, incident: incident_id, delivery: delivery_id };
  const fields = { ...about, attempt: delivery.attempt + 1, answer: result.answer };
  if (result.state === "sent") log.info("delivered", fields);
  else if (result.state === "failed")
    log.warn("a delivery failed and will be tried again", { ...fields, next: new Date(result.dueAt).toISOString() });
  else log.error("a delivery was given up", fields);
  metrics?.delivery(target, result.state === "sent" ? "delivered" : result.state === "failed" ? "retry" : "dead");
}
