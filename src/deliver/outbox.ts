/**
 * The outbox that channels and actions share: what is to be sent lies in the store, each delivery gets one attempt at a time, and
 * what came of it is written before anything else of that target is tried.
 *
 * A crash between an attempt and its record repeats the attempt under the same idempotency key: at least once, never under a new name.
 * Targets are independent: one that hangs holds up itself alone.
 */
import type { PlannedDelivery, PlannedDigest } from "../core/delivery.ts";
import { messageOf } from "../core/errors.ts";
import { type AttemptOptions, runAttempts } from "./attempts.ts";
import { insertPlanned, type PendingDelivery, readPending } from "./delivery-store.ts";
import { redact } from "./redact.ts";
import { refreshStanding } from "./refresh.ts";

const POLL_MS = 1_000;

export interface OutboxOptions extends AttemptOptions {
  /** Targets whose receivers forget an incident unless it is told again, and after how many milliseconds it is. */
  readonly refreshMs?: ReadonlyMap<string, number>;
  /** Milliseconds between looks for what is due; 1 s. */
  readonly pollMs?: number;
}

export interface Outbox {
  /** Queues deliveries; the same one twice is one. They are stored once this resolves. */
  enqueue(deliveries: readonly (PlannedDelivery | PlannedDigest)[]): Promise<void>;
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
  /** Work under way, by target. */
  const busy = new Map<string, Promise<void>>();
  /** Clock time until which a target wants to be left alone. A restart forgets it, and asks once too early. */
  const held = new Map<string, number>();
  /** When a target was last told again what still stands. */
  const refreshed = new Map<string, number>();
  const stopping = new AbortController();
  let nap = new AbortController();
  let loop: Promise<void> | null = null;

  const serve = async (target: string, due: readonly PendingDelivery[], refreshes: boolean): Promise<void> => {
    const until = await runAttempts(options, due, stopping.signal);
    if (until !== null) held.set(target, until);
    else if (refreshes) await refreshStanding(options, target, stopping.signal);
  };

  const look = async (): Promise<readonly PendingDelivery[]> => {
    const pending = await readPending(lane);
    const now = clock.now();
    const due = dueByTarget(pending, now);
    const stale = new Set<string>();
    for (const [target, everyMs] of options.refreshMs ?? [])
      if (now - (refreshed.get(target) ?? Number.NEGATIVE_INFINITY) >= everyMs) stale.add(target);
    for (const target of new Set([...due.keys(), ...stale])) {
      if (busy.has(target) || stopping.signal.aborted || now < (held.get(target) ?? 0)) continue;
      if (stale.has(target)) refreshed.set(target, now);
      const work = serve(target, due.get(target) ?? [], stale.has(target)).finally(() => busy.delete(target));
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
        options.log.warn("the outbox can't read its deliveries; it goes on once the store answers", {
          reason: redact(messageOf(thrown), options.secrets),
        });
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
  for (const due of targets.values())
    due.sort((a, b) => a.queued_ms - b.queued_ms || a.opened_ms - b.opened_ms || a.sequence - b.sequence);
  return targets;
}

/** Changes of an incident in the order in which they happened. */
const inOrder = (pending: readonly PendingDelivery[]): PendingDelivery[] =>
  [...pending].sort((a, b) => a.sequence - b.sequence);

/** What waits in one line: the messages of one incident to one target. */
const lineOf = (delivery: PendingDelivery): string => JSON.stringify([delivery.target, delivery.incident_id]);
