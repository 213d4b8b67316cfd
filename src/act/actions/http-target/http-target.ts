/**
 * What all actions over HTTP share: one attempt by a specification, and the question what has become of a run.
 *
 * A success is an answer that names our run. A conflict is one too if the run that is there is ours: the first answer was lost.
 * Everything unclear is worth another try under the same id, since the same id starts nothing twice.
 */

import type { z } from "zod";
import {
  type Action,
  type ActionKind,
  type ActionPurpose,
  defineAction,
  type Follow,
  type RunState,
  runReceipt,
} from "../../../core/action.ts";
import type { Delivery, Send } from "../../../core/delivery.ts";
import { answerWords, failureOf, type HttpAnswer, isSuccess } from "../../../core/http-delivery.ts";
import { valueAtPath } from "./answer-path.ts";
import { type Caller, createCaller } from "./caller.ts";
import type { RunPlace, Specification } from "./specification.ts";
import { renderText, type Values, valuesOf } from "./template.ts";

export function defineHttpAction<const Options extends z.ZodObject>(action: {
  readonly name: string;
  readonly title: string;
  readonly description: string;
  readonly options: Options;
  readonly kind: ActionKind;
  readonly does?: ActionPurpose;
  specification(options: z.output<Options>): Specification;
}): Action {
  const { name, title, description, options, kind } = action;
  return defineAction({
    name,
    title,
    description,
    options,
    kind,
    ...(action.does === undefined ? {} : { does: action.does }),
    open: (chosen) => sendBy(action.specification(chosen)),
    openFollow: (chosen) => followBy(action.specification(chosen)),
  });
}

export function sendBy(specification: Specification): Send {
  const caller = createCaller(specification.credentials, fetch, Date.now);
  const attempt: Send = async (notification, signal) => {
    const values = valuesOf(notification);
    const found = await findRun(caller, specification, values, signal);
    if (found !== null) return found;
    const outcome = await caller.call(specification.request, values, signal);
    if ("failure" in outcome) return outcome.failure;
    const { answer } = outcome;
    if (specification.duplicate.includes(answer.status))
      return await confirmed(caller, specification, values, answer, signal);
    const accepted =
      specification.success === null ? isSuccess(answer.status) : specification.success.includes(answer.status);
    if (!accepted) return isSuccess(answer.status) ? unexpected(answer) : failureOf(answer);
    return delivered(specification.run, values, answer);
  };
  return async (notification, signal) => {
    const delivery = await attempt(notification, signal);
    return delivery.status === "failed" ? { ...delivery, reason: caller.hide(delivery.reason) } : delivery;
  };
}

/** A run of ours that is there already; null where there is none, or nothing is to be looked for. */
async function findRun(
  caller: Caller,
  { find }: Specification,
  values: Values,
  signal: AbortSignal,
): Promise<Delivery | null> {
  if (find === null) return null;
  const outcome = await caller.call(find.call, values, signal);
  if ("failure" in outcome) return outcome.failure;
  if (!isSuccess(outcome.answer.status)) return failureOf(outcome.answer);
  const run = valueAtPath(outcome.answer, find.path);
  return run === null ? null : { status: "delivered", receipt: runReceipt(run, "an earlier request had come through") };
}

function delivered(place: RunPlace | null, values: Values, answer: HttpAnswer): Delivery {
  if (place === null) return { status: "delivered", receipt: `HTTP ${answer.status}` };
  const run = valueAtPath(answer, place.path);
  if (run === null)
    return { status: "failed", retryable: true, reason: notOurs(answer, `but no run at ${place.path}`) };
  const expected = place.expected === null ? run : renderText(place.expected, values);
  if (run !== expected)
    return { status: "failed", retryable: true, reason: notOurs(answer, `but the run is not ${expected}`) };
  return { status: "delivered", receipt: runReceipt(run, `HTTP ${answer.status}`) };
}

const notOurs = (answer: HttpAnswer, what: string): string => `HTTP ${answer.status}, ${what}${answerWords(answer)}`;

const unexpected = (answer: HttpAnswer): Delivery => ({
  status: "failed",
  retryable: false,
  reason: `HTTP ${answer.status} is none of the expected statuses${answerWords(answer)}`,
});

/** A conflict: with our own run, then an earlier request had come through; with something else, then it may pass. */
async function confirmed(
  caller: Caller,
  { run, poll }: Specification,
  values: Values,
  conflict: HttpAnswer,
  signal: AbortSignal,
): Promise<Delivery> {
  const again = (why: string): Delivery => {
    const failure = failureOf(conflict);
    return { ...failure, retryable: true, reason: `${failure.reason} (${why})` };
  };
  const trigger = renderText("{{trigger_id}}", values);
  const ours = run?.expected == null ? trigger : renderText(run.expected, values);
  const note = `HTTP ${conflict.status}: an earlier request had come through`;
  if (poll === null || run?.expected == null) {
    return conflict.text.includes(trigger)
      ? { status: "delivered", receipt: runReceipt(ours, note) }
      : again("it does not name our run");
  }
  const outcome = await caller.call(poll.call, new Map([...values, ["run_id", ours]]), signal);
  if ("failure" in outcome) return again(`asked for our run: ${outcome.failure.reason}`);
  const { answer } = outcome;
  if (answer.status === 404) return again("there is no run of ours");
  if (!isSuccess(answer.status)) return again(`asked for our run: HTTP ${answer.status}`);
  if (valueAtPath(answer, poll.state) === null) return again("asked for our run: the answer names no state");
  return { status: "delivered", receipt: runReceipt(ours, note) };
}

export function followBy({ credentials, poll }: Specification): Follow | null {
  if (poll === null) return null;
  const caller = createCaller(credentials, fetch, Date.now);
  return async (notification, runId, signal): Promise<RunState> => {
    const values = new Map([...valuesOf(notification), ["run_id", runId] as const]);
    const outcome = await caller.call(poll.call, values, signal);
    if ("failure" in outcome) return { status: "unknown", word: caller.hide(outcome.failure.reason) };
    const { answer } = outcome;
    if (!isSuccess(answer.status)) return { status: "unknown", word: `HTTP ${answer.status}` };
    const word = valueAtPath(answer, poll.state);
    if (word === null) return { status: poll.waiting.includes("") ? "waiting" : "unknown", word: "no state" };
    const has = (list: readonly string[]) => list.includes(word);
    const status = has(poll.succeeded)
      ? "succeeded"
      : has(poll.failed)
        ? "failed"
        : has(poll.waiting)
          ? "waiting"
          : "running";
    return { status, word: word.replace(/[^\x21-\x7e]+/g, " ").slice(0, 80) };
  };
}
