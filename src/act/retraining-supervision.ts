/** The next step of one retraining that is in flight: what is done of it now, by its state. First something is done, then it is noted. */
import { type Follow, runOf } from "../core/action.ts";
import type { Clock } from "../core/clock.ts";
import type { Notification, PlannedDelivery } from "../core/delivery.ts";
import type { Severity } from "../core/incident.ts";
import type { Retraining, RetrainingDetail, RetrainingEventKind } from "../core/retraining.ts";
import { parseNotification, readOutcome } from "../deliver/delivery-store.ts";
import { eventOf, insertRetrainingEvents } from "../deliver/retraining-store.ts";
import type { Lane } from "../store/store.ts";
import type { Log } from "../telemetry/log.ts";
import type { NamedAction } from "./named-actions.ts";
import { newsMessage } from "./retraining-messages.ts";

/** How long the question for a run may take. */
const ASK_MS = 15_000;

export interface SupervisionOptions {
  readonly lane: Lane;
  readonly followers: ReadonlyMap<string, Follow>;
  readonly clock: Clock;
  readonly log: Pick<Log, "info">;
  readonly enqueue: (deliveries: readonly PlannedDelivery[]) => Promise<void>;
}

interface Supervision extends SupervisionOptions {
  readonly stop: AbortSignal;
  /** When a run was asked after last, by retraining. */
  readonly askedAfter: Map<string, number>;
}

export const createSupervision = (options: SupervisionOptions, stop: AbortSignal): Supervision => ({
  ...options,
  stop,
  askedAfter: new Map(),
});

interface Supervised {
  readonly retraining: Retraining;
  readonly action: NamedAction;
  /** Channels that are told of the model's incidents of a severity. */
  readonly channels: (severity: Severity) => readonly string[];
}

export async function supervise(supervision: Supervision, one: Supervised): Promise<void> {
  const { state } = one.retraining;
  if (state === "awaiting_approval") await whileAwaited(supervision, one);
  else if (state === "approved") await onceApproved(supervision, one);
  else if (state === "requested") await whileRequested(supervision, one);
  else await whileRunning(supervision, one);
}

async function write(
  { lane, clock, log }: Supervision,
  { retraining }: Supervised,
  event: RetrainingEventKind,
  detail: RetrainingDetail,
): Promise<void> {
  await insertRetrainingEvents(lane, [eventOf(retraining, { event, at: clock.now(), detail })]);
  const { model, action, retraining_id } = retraining;
  const said = detail.message === undefined ? {} : { message: detail.message };
  log.info("a retraining goes on", { model, action, retraining: retraining_id, event, ...said });
}

/** Tells people; told twice it is one message. */
async function tell(
  supervision: Supervision,
  one: Supervised,
  news: "waiting" | "given_up" | "timed_out" | "failed" | "expired",
  text: string,
): Promise<void> {
  const { retraining, action, channels } = one;
  const asked = askedOf(retraining);
  if (asked !== null) {
    const told = channels(asked.notification.incident.severity);
    await supervision.enqueue(
      told.map((channel) => newsMessage({ channel, retraining, action, news, text, ...asked })),
    );
  }
  await write(supervision, one, news, { message: text });
}

async function whileAwaited(supervision: Supervision, one: Supervised): Promise<void> {
  const until = one.retraining.events.find(({ event }) => event === "asked")?.detail.approval_until ?? 0;
  if (supervision.clock.now() >= until)
    await tell(supervision, one, "expired", "nobody approved it in time; nothing was sent");
}

async function onceApproved(supervision: Supervision, one: Supervised): Promise<void> {
  const asked = askedOf(one.retraining);
  if (asked === null) return;
  const { notification, sequence } = asked;
  const { target } = one.action;
  await supervision.enqueue([
    { deliveryId: one.retraining.retraining_id, kind: "action", target, sequence, notification },
  ]);
  await write(supervision, one, "requested", {});
}

async function whileRequested(supervision: Supervision, one: Supervised): Promise<void> {
  const { retraining, action } = one;
  const outcome = await readOutcome(supervision.lane, retraining.retraining_id);
  if (outcome?.state === "sent") {
    const run = runOf(outcome.answer);
    await write(supervision, one, "accepted", { message: outcome.answer, run_id: run ?? "" });
    if (action.action.kind === "immediate") await write(supervision, one, "done", { message: outcome.answer });
  } else if (outcome?.state === "dead") {
    await tell(supervision, one, "given_up", `the request was given up: ${outcome.answer}`);
  } else if (outcome === null && supervision.clock.now() - retraining.asked_at >= action.rules.timeout) {
    // It was decided, and a crash came before anything was queued; the incident may never have come about.
    await write(supervision, one, "timed_out", { message: "it was never sent" });
  }
}

async function whileRunning(supervision: Supervision, one: Supervised): Promise<void> {
  const { retraining, action } = one;
  if (action.action.kind === "immediate") return await write(supervision, one, "done", {});
  if (await askAfter(supervision, one)) return;
  const since = retraining.accepted_at ?? retraining.asked_at;
  if (supervision.clock.now() - since >= action.rules.timeout)
    await tell(supervision, one, "timed_out", "nothing was heard of the run in its time");
}

/** Asks the receiver where that is due. @returns whether the run has come to its end */
async function askAfter(supervision: Supervision, one: Supervised): Promise<boolean> {
  const { retraining, action } = one;
  const { retraining_id, run_id, state, accepted_at } = retraining;
  const follow = supervision.followers.get(action.target);
  const asked = askedOf(retraining);
  const now = supervision.clock.now();
  if (follow === undefined || asked === null || run_id === "") return false;
  const last = supervision.askedAfter.get(retraining_id) ?? Number.NEGATIVE_INFINITY;
  if (now - last < action.rules.poll_every) return false;
  supervision.askedAfter.set(retraining_id, now);
  const signal = AbortSignal.any([supervision.stop, AbortSignal.timeout(ASK_MS)]);
  const { status, word } = await follow(asked.notification, run_id, signal);
  const text = `the run is ${word}`;
  if (status === "succeeded") await write(supervision, one, "succeeded", { message: text });
  else if (status === "failed") await tell(supervision, one, "failed", text);
  else if (status === "running" && state !== "running") await write(supervision, one, "running", { message: text });
  else if (status === "waiting" && state === "accepted" && now - (accepted_at ?? now) >= action.rules.stuck_after)
    await tell(supervision, one, "waiting", `accepted, but not begun: the run is still ${word}`);
  return status === "succeeded" || status === "failed";
}

/** What was to be sent, and its place among the incident's changes. */
function askedOf({ events }: Retraining): { readonly notification: Notification; readonly sequence: number } | null {
  const detail = events.find(({ event }) => event === "asked")?.detail;
  if (detail?.notification === undefined) return null;
  return { notification: parseNotification(detail.notification), sequence: detail.sequence ?? 1 };
}
