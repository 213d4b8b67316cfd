/** Empties the queue into the target, in its order: batches, retries with back-off, and a count of all that was sent or given up. */
import type { Clock } from "../core/clock.ts";
import { messageOf } from "../core/errors.ts";
import { contentFraction } from "../core/identity.ts";
import { decodeBody } from "./body-decoding.ts";
import { decodeMessage, keyOf, type OutgoingMessage } from "./outgoing-message.ts";
import type { OutgoingQueue } from "./outgoing-queue.ts";
import type { Attempt, Target } from "./target.ts";

/** Why a message that was in the queue was given up. */
export type GivenUp = "refused" | "too_large" | "body_undecodable" | "unreadable";

export interface SenderListener {
  sent(messages: number): void;
  dropped(reason: GivenUp, messages: number): void;
  /** Events within sent messages that the target refused. */
  refused(events: number): void;
  attempt(result: "sent" | "retry" | "refused"): void;
  /** The target does not take anything; again with each further failure. */
  failing(reason: string): void;
  recovered(): void;
}

export interface SenderOptions {
  readonly queue: OutgoingQueue;
  readonly target: Target;
  readonly listener: SenderListener;
  readonly clock: Clock;
}

export interface Sender {
  start(): void;
  /** Something was put into the queue. */
  wake(): void;
  /** Goes on until the queue is empty or `withinMs` are over. */
  stop(withinMs: number): Promise<void>;
}

/** How long the first message of a batch waits for others. */
const LINGER_MS = 50;
const BATCH = { messages: 500, bytes: 1024 * 1024 };
const FIRST_WAIT_MS = 200;
const LONGEST_WAIT_MS = 30_000;
/** How long a target may take; a Driftline waits up to 30 s for its store. */
const ATTEMPT_MS = 45_000;

export function createSender({ queue, target, listener, clock }: SenderOptions): Sender {
  const cut = new AbortController();
  let attempting: AbortController | null = null;
  let awake: AbortController | null = null;
  let stopping = false;
  let running: Promise<void> = Promise.resolve();

  const attemptOnce = async (messages: readonly OutgoingMessage[]): Promise<Attempt> => {
    const attempt = new AbortController();
    const late = setTimeout(() => attempt.abort(), ATTEMPT_MS);
    attempting = attempt;
    try {
      return await target.send(messages, attempt.signal);
    } finally {
      attempting = null;
      clearTimeout(late);
    }
  };

  /** Sends what goes in one attempt until it is taken or given up; false where it was cut off. */
  const deliver = async (messages: readonly OutgoingMessage[]): Promise<boolean> => {
    for (let failures = 0; ; failures++) {
      const attempt = await attemptOnce(messages);
      if (attempt.status === "retry") {
        if (cut.signal.aborted) return false;
        listener.attempt("retry");
        listener.failing(attempt.reason);
        await clock.sleep(waitMs(keyOf(messages[0] ?? EMPTY), failures, attempt.retryAfterMs), cut.signal);
        if (cut.signal.aborted) return false;
        continue;
      }
      listener.attempt(attempt.status);
      if (failures > 0) listener.recovered();
      if (attempt.status === "refused" && messages.length > 1) {
        // One of them is why: the halves go alone.
        const half = Math.ceil(messages.length / 2);
        return (await deliver(messages.slice(0, half))) && (await deliver(messages.slice(half)));
      }
      account(attempt, messages.length);
      await queue.remove(messages.length);
      return true;
    }
  };

  const settle = async (messages: readonly OutgoingMessage[]): Promise<void> => {
    for (let left = messages; left.length > 0; ) {
      const together = target.together(left);
      if (!(await deliver(left.slice(0, together)))) return;
      left = left.slice(together);
    }
  };

  const account = (attempt: Attempt, messages: number) => {
    if (attempt.status === "refused") listener.dropped(attempt.tooLarge ? "too_large" : "refused", messages);
    else if (attempt.status === "sent") {
      listener.sent(messages);
      if (attempt.refused > 0) listener.refused(attempt.refused);
    }
  };

  /** Messages as they are sent; those that can't be are taken out of the queue and counted, which ends the list before them. */
  const readable = async (encoded: readonly Buffer[]): Promise<OutgoingMessage[]> => {
    const messages: OutgoingMessage[] = [];
    for (const bytes of encoded) {
      const message = await open(bytes);
      if (typeof message !== "string") {
        messages.push(message);
        continue;
      }
      if (messages.length > 0) break;
      listener.dropped(message, 1);
      await queue.remove(1);
    }
    return messages;
  };

  const run = async () => {
    while (!cut.signal.aborted) {
      if (queue.messages === 0) {
        if (stopping) return;
        awake = new AbortController();
        await clock.sleep(60_000, awake.signal);
        awake = null;
        continue;
      }
      if (!stopping && queue.messages < BATCH.messages) await clock.sleep(LINGER_MS);
      try {
        await settle(await readable(await queue.peek(BATCH)));
      } catch (thrown) {
        // The disk of a spool: the messages stay where they are.
        listener.failing(messageOf(thrown));
        await clock.sleep(LONGEST_WAIT_MS, cut.signal);
      }
    }
  };

  return {
    start() {
      running = run();
    },
    wake() {
      awake?.abort();
    },
    async stop(withinMs) {
      stopping = true;
      awake?.abort();
      const timer = setTimeout(() => {
        cut.abort();
        attempting?.abort();
      }, withinMs);
      await running;
      clearTimeout(timer);
      cut.abort();
      await target.close();
    },
  };
}

const EMPTY: OutgoingMessage = { kind: "posted", contentType: "", idempotencyKey: "", body: Buffer.alloc(0) };

async function open(bytes: Buffer): Promise<OutgoingMessage | GivenUp> {
  let message: OutgoingMessage;
  try {
    message = decodeMessage(bytes);
  } catch {
    // Written by another version.
    return "unreadable";
  }
  if (message.kind === "posted" || message.contentEncoding === "") return message;
  const body = await decodeBody(message.body, message.contentEncoding);
  return body === null ? "body_undecodable" : { ...message, contentEncoding: "", body };
}

/** Twice the wait before, up to half a minute, spread by a fifth either way; never less than what the target asked for. */
function waitMs(key: string, failures: number, retryAfterMs: number | null): number {
  const wait = Math.min(FIRST_WAIT_MS * 2 ** Math.min(failures, 20), LONGEST_WAIT_MS);
  return Math.max(wait * (0.8 + 0.4 * contentFraction(key, failures)), retryAfterMs ?? 0);
}
