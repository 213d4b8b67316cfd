/**
 * The outbox that channels and actions share: what is to be sent lies in the store, each delivery gets one attempt at a time, and
 * what came of it is written before anything else of that target is tried.
 *
 * A crash between an attempt and its record repeats the attempt under the same idempotency key: at least once, never under a new name.
 * Targets are independent: one that hangs holds up itself alone.
 */
import type { Planned } from "../core/delivery.ts";
import { messageOf } from "../core/errors.ts";
import { type AttemptOptions, dropSuperseded, runAttempts } from "./attempts.ts";
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
  enqueue(deliveries: readonly Planned[]): Promise<void>;
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
  /** When it last looked for what is due, clock time in ms; null before the first time. */
  cameRoundAt(): number | null;
}

export function createOutbox(options: OutboxOptions): Outbox {
  const { lane, clock } = options;
  let lookedAt: number | null = null;
  /** Work under way, by target. */
  const busy = new Map<string, Promise<void>>();
  /** Clock time until which a target wants to be left alone. A restart forgets it, and asks once too early. */
  const held = new Map<string, number>();
  /** When a target was last told again what still stands. */
  const refreshed = new Map<string, number>();
  const stopping = new AbortController();
  let nap = new AbortController();
  let loop: Promise<void> | null = null;

  const serve = async (target: string, { due, superseded }: Work, refreshes: boolean): Promise<void> => {
    await dropSuperseded(options, superseded, stopping.signal);
    const until = await runAttempts(options, due, stopping.signal);
    if (until !== null) held.set(target, until);
    else if (refreshes) await refreshStanding(options, target, stopping.signal);
  };

  const look = async (): Promise<void> => {
    const now = clock.now();
    const works = workByTarget(await readPending(lane), now);
    const stale = new Set<string>();
    for (const [target, everyMs] of options.refreshMs ?? [])
      if (now - (refreshed.get(target) ?? Number.NEGATIVE_INFINITY) >= everyMs) stale.add(target);
    for (const target of new Set([...works.keys(), ...stale])) {
      if (busy.has(target) || stopping.signal.aborted || now < (held.get(target) ?? 0)) continue;
      if (stale.has(target)) refreshed.set(target, now);
      const work = works.get(target) ?? { due: [], superseded: [] };
      busy.set(
        target,
        serve(target, work, stale.has(target)).finally(() => busy.delete(target)),
      );
    }
  };

  const run = async () => {
    while (!stopping.signal.aborted) {
      nap = new AbortController();
      try {
        await look();
        lookedAt = clock.now();
      } catch (thrown) {
        const reason = redact(messageOf(thrown), options.secrets);
        options.log.warn("the outbox can't read its deliveries; it goes on once the store answers", { reason });
      }
      await clock.sleep(options.pollMs ?? POLL_MS, AbortSignal.any([nap.signal, stopping.signal]));
    }
  };

  return {
    cameRoundAt: () => lookedAt,
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

/** States of models that wait although a newer one of the model waits for the same target: the newest alone says how it is. */
export function supersededStates(pending: readonly PendingDelivery[]): ReadonlySet<PendingDelivery> {
  const states = pending.filter(({ kind }) => kind === "state");
  const newest = new Map(inOrder(states).map((delivery) => [lineOf(delivery), delivery.sequence]));
  return new Set(states.filter((delivery) => delivery.sequence < (newest.get(lineOf(delivery)) ?? 0)));
}

interface Work {
  readonly due: readonly PendingDelivery[];
  /** Not to be sent any more. */
  readonly superseded: readonly PendingDelivery[];
}

/** What is to be done now, by target; targets of which nothing is due are left out. */
function workByTarget(pending: readonly PendingDelivery[], now: number): ReadonlyMap<string, Work> {
  const old = supersededStates(pending);
  const due = dueByTarget(
    pending.filter((delivery) => !old.has(delivery)),
    now,
  );
  const targets = new Set([...due.keys(), ...[...old].map(({ target }) => target)]);
  return new Map(
    [...targets].map((target) => [
      target,
      { due: due.get(target) ?? [], superseded: [...old].filter((delivery) => delivery.target === target) },
    ]),
  );
}

/** Changes of an incident in the order in which they happened. */
const inOrder = (pending: readonly PendingDelivery[]): PendingDelivery[] =>
  [...pending].sort((a, b) => a.sequence - b.sequence);

/** What waits in one line: the messages of one incident, or the states of one model, to one target. */
const lineOf = (delivery: PendingDelivery): string => JSON.stringify([delivery.target, delivery.incident_id]);
