/**
 * Follows every retraining that is in flight: sends what was approved, notes what came of the delivery, asks the receiver what has become
 * of the run, and gives up what nothing is heard of. One look does what is due by the clock; all it knows lies in the store, and each step
 * is written after what it does: a look that was cut off is repeated by the next, with the same ids.
 */
import type { ModelConfig } from "../config/schema.ts";
import { type Follow, runOf } from "../core/action.ts";
import type { Clock } from "../core/clock.ts";
import type { Notification, PlannedDelivery } from "../core/delivery.ts";
import { messageOf } from "../core/errors.ts";
import { isInFlight, type Retraining, type RetrainingDetail, type RetrainingEventKind } from "../core/retraining.ts";
import { parseNotification, readOutcome } from "../deliver/delivery-store.ts";
import { eventOf, insertRetrainingEvents, readRetrainings } from "../deliver/retraining-store.ts";
import type { Lane } from "../store/store.ts";
import type { Log } from "../telemetry/log.ts";
import { type NamedAction, namedActions } from "./named-actions.ts";
import { newsMessage } from "./retraining-messages.ts";

const LOOK_EVERY_MS = 2_000;
const ASK_MS = 15_000;

export interface RetrainingsOptions {
  readonly lane: Lane;
  readonly models: readonly ModelConfig[];
  /** By key in the outbox: those whose runs can be asked after. */
  readonly followers: ReadonlyMap<string, Follow>;
  readonly clock: Clock;
  readonly log: Pick<Log, "info" | "warn">;
  readonly enqueue: (deliveries: readonly PlannedDelivery[]) => Promise<void>;
  readonly everyMs?: number;
}

export interface Retrainings {
  start(): void;
  stop(): Promise<void>;
  /** Does what is due now. */
  look(): Promise<void>;
}

export function createRetrainings(options: RetrainingsOptions): Retrainings {
  const stopping = new AbortController();
  const supervise = createSupervisor(options, stopping.signal);
  const channels = new Map(options.models.map((model) => [model.name, model.alerts.channels]));
  const named = new Map(
    options.models.flatMap(namedActions).map((action) => [keyOf(action.model, action.name), action]),
  );
  let looking: Promise<void> = Promise.resolve();
  let loop: Promise<void> | null = null;

  const once = async () => {
    for (const retraining of await readRetrainings(options.lane)) {
      const action = named.get(keyOf(retraining.model, retraining.action));
      // An action that is configured no more is followed no more; its time-out in `refusal` is its configuration's.
      if (action === undefined || !isInFlight(retraining) || stopping.signal.aborted) continue;
      try {
        await supervise(retraining, action, channels.get(retraining.model) ?? []);
      } catch (thrown) {
        // One that can't be followed must not hold up the others.
        const { retraining_id } = retraining;
        options.log.warn("a retraining can't be followed; this is tried again", {
          retraining: retraining_id,
          reason: messageOf(thrown),
        });
      }
    }
  };
  const look = () => {
    looking = looking.then(once, once);
    return looking;
  };
  const run = async () => {
    while (!stopping.signal.aborted) {
      try {
        await look();
      } catch (thrown) {
        options.log.warn("retrainings can't be followed; this is tried again", { reason: messageOf(thrown) });
      }
      await options.clock.sleep(options.everyMs ?? LOOK_EVERY_MS, stopping.signal);
    }
  };
  return {
    look,
    start() {
      loop ??= run();
    },
    async stop() {
      stopping.abort();
      await loop;
      await looking.catch(() => undefined);
    },
  };
}

const keyOf = (model: string, action: string): string => JSON.stringify([model, action]);

type Supervise = (retraining: Retraining, action: NamedAction, channels: readonly string[]) => Promise<void>;

function createSupervisor({ lane, followers, clock, log, enqueue }: RetrainingsOptions, stop: AbortSignal): Supervise {
  /** When a run was asked after last, by retraining. */
  const askedAt = new Map<string, number>();

  const write = async (retraining: Retraining, event: RetrainingEventKind, detail: RetrainingDetail, key = "") => {
    await insertRetrainingEvents(lane, [eventOf(retraining, { event, at: clock.now(), key, detail })]);
    log.info("a retraining goes on", {
      model: retraining.model,
      action: retraining.action,
      retraining: retraining.retraining_id,
      event,
      ...(detail.message === undefined ? {} : { message: detail.message }),
    });
  };
  /** First told, then noted: told twice it is one message. */
  const tell = async (
    retraining: Retraining,
    channels: readonly string[],
    news: "waiting" | "given_up" | "timed_out" | "failed" | "expired",
    text: string,
    detail: RetrainingDetail = {},
  ) => {
    const asked = askedOf(retraining);
    if (asked !== null)
      await enqueue(channels.map((channel) => newsMessage({ channel, retraining, news, text, ...asked })));
    await write(retraining, news, { message: text, ...detail });
  };

  const awaited: Supervise = async (retraining, _, channels) => {
    const until = retraining.events.find(({ event }) => event === "asked")?.detail.approval_until ?? 0;
    if (clock.now() >= until)
      await tell(retraining, channels, "expired", "nobody approved it in time; nothing was sent");
  };

  const approved: Supervise = async (retraining, action) => {
    const asked = askedOf(retraining);
    if (asked === null) return;
    const { notification, sequence } = asked;
    const { target } = action;
    await enqueue([{ deliveryId: retraining.retraining_id, kind: "action", target, sequence, notification }]);
    await write(retraining, "requested", {});
  };

  const requested: Supervise = async (retraining, action, channels) => {
    const outcome = await readOutcome(lane, retraining.retraining_id);
    if (outcome?.state === "sent") {
      const detail = { message: outcome.answer, run_id: runOf(outcome.answer) ?? "" };
      await write(retraining, "accepted", detail);
      if (action.action.kind === "immediate") await write(retraining, "done", { message: outcome.answer });
    } else if (outcome?.state === "dead") {
      await tell(retraining, channels, "given_up", `the request was given up: ${outcome.answer}`);
    } else if (outcome === null && clock.now() - retraining.asked_at >= action.rules.timeout) {
      // It was decided, and a crash came before anything was queued; the incident may never have come about.
      await write(retraining, "timed_out", { message: "it was never sent" });
    }
  };

  const poll = async (retraining: Retraining, action: NamedAction, channels: readonly string[]): Promise<boolean> => {
    const follow = followers.get(action.target);
    const asked = askedOf(retraining);
    const { rules } = action;
    const now = clock.now();
    if (follow === undefined || asked === null || retraining.run_id === "") return false;
    if (now - (askedAt.get(retraining.retraining_id) ?? Number.NEGATIVE_INFINITY) < rules.poll_every) return false;
    askedAt.set(retraining.retraining_id, now);
    const signal = AbortSignal.any([stop, AbortSignal.timeout(ASK_MS)]);
    const { status, word } = await follow(asked.notification, retraining.run_id, signal);
    if (status === "succeeded") await write(retraining, "succeeded", { message: `the run is ${word}` });
    else if (status === "failed") await tell(retraining, channels, "failed", `the run is ${word}`);
    else if (status === "running" && retraining.state !== "running")
      await write(retraining, "running", { message: `the run is ${word}` });
    else if (
      status === "waiting" &&
      retraining.state === "accepted" &&
      now - (retraining.accepted_at ?? now) >= rules.stuck_after
    )
      await tell(retraining, channels, "waiting", `accepted, but not begun: the run is still ${word}`);
    return status === "succeeded" || status === "failed";
  };

  const flying: Supervise = async (retraining, action, channels) => {
    if (await poll(retraining, action, channels)) return;
    const since = retraining.accepted_at ?? retraining.asked_at;
    if (clock.now() - since >= action.rules.timeout)
      await tell(retraining, channels, "timed_out", "nothing was heard of the run in its time");
  };

  return async (retraining, action, channels) => {
    if (retraining.state === "awaiting_approval") await awaited(retraining, action, channels);
    else if (retraining.state === "approved") await approved(retraining, action, channels);
    else if (retraining.state === "requested") await requested(retraining, action, channels);
    else await flying(retraining, action, channels);
  };
}

/** What was to be sent, and its place among the incident's changes. */
function askedOf({ events }: Retraining): { readonly notification: Notification; readonly sequence: number } | null {
  const detail = events.find(({ event }) => event === "asked")?.detail;
  if (detail?.notification === undefined) return null;
  return { notification: parseNotification(detail.notification), sequence: detail.sequence ?? 1 };
}
