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
const LONGEST_WAIT_MS = 10_000;
/** How long a target may take; a Driftline waits up to 30 s for its store. */
const ATTEMPT_MS = 45_000;

export const createSender = (options: SenderOptions): Sender => new QueueSender(options);

class QueueSender implements Sender {
  readonly #options: SenderOptions;
  readonly #cut = new AbortController();
  #attempting: AbortController | null = null;
  #awake: AbortController | null = null;
  #stopping = false;
  #running: Promise<void> = Promise.resolve();

  constructor(options: SenderOptions) {
    this.#options = options;
  }

  start(): void {
    this.#running = this.#run();
  }

  wake(): void {
    this.#awake?.abort();
  }

  async stop(withinMs: number): Promise<void> {
    this.#stopping = true;
    this.#awake?.abort();
    const timer = setTimeout(() => {
      this.#cut.abort();
      this.#attempting?.abort();
    }, withinMs);
    await this.#running;
    clearTimeout(timer);
    this.#cut.abort();
    await this.#options.target.close();
  }

  async #run(): Promise<void> {
    const { queue, clock, listener } = this.#options;
    while (!this.#cut.signal.aborted) {
      if (queue.messages === 0) {
        if (this.#stopping) return;
        this.#awake = new AbortController();
        await clock.sleep(60_000, this.#awake.signal);
        this.#awake = null;
        continue;
      }
      if (!this.#stopping && queue.messages < BATCH.messages) await clock.sleep(LINGER_MS);
      try {
        await this.#settle(await this.#readable(await queue.peek(BATCH)));
      } catch (thrown) {
        // The disk of a spool: the messages stay where they are.
        listener.failing(messageOf(thrown));
        await clock.sleep(LONGEST_WAIT_MS, this.#cut.signal);
      }
    }
  }

  async #settle(messages: readonly OutgoingMessage[]): Promise<void> {
    for (let left = messages; left.length > 0; ) {
      const together = this.#options.target.together(left);
      if (!(await this.#deliver(left.slice(0, together)))) return;
      left = left.slice(together);
    }
  }

  /** Sends what goes in one attempt until it is taken or given up; false where it was cut off. */
  async #deliver(messages: readonly OutgoingMessage[]): Promise<boolean> {
    const { queue, listener, clock } = this.#options;
    for (let failures = 0; ; failures++) {
      const attempt = await this.#attempt(messages);
      if (attempt.status === "retry") {
        if (this.#cut.signal.aborted) return false;
        listener.attempt("retry");
        listener.failing(attempt.reason);
        await clock.sleep(waitMs(keyOf(messages[0] ?? EMPTY), failures, attempt.retryAfterMs), this.#cut.signal);
        if (this.#cut.signal.aborted) return false;
        continue;
      }
      listener.attempt(attempt.status);
      if (failures > 0) listener.recovered();
      if (attempt.status === "refused" && messages.length > 1) {
        // One of them is why: the halves go alone.
        const half = Math.ceil(messages.length / 2);
        return (await this.#deliver(messages.slice(0, half))) && (await this.#deliver(messages.slice(half)));
      }
      this.#account(attempt, messages.length);
      await queue.remove(messages.length);
      return true;
    }
  }

  async #attempt(messages: readonly OutgoingMessage[]): Promise<Attempt> {
    const attempt = new AbortController();
    const late = setTimeout(() => attempt.abort(), ATTEMPT_MS);
    this.#attempting = attempt;
    try {
      return await this.#options.target.send(messages, attempt.signal);
    } finally {
      this.#attempting = null;
      clearTimeout(late);
    }
  }

  #account(attempt: Attempt, messages: number): void {
    const { listener } = this.#options;
    if (attempt.status === "refused") listener.dropped(attempt.tooLarge ? "too_large" : "refused", messages);
    else if (attempt.status === "sent") {
      listener.sent(messages);
      if (attempt.refused > 0) listener.refused(attempt.refused);
    }
  }

  /** Messages as they are sent; one that can't be is taken out of the queue and counted, and ends the list before it. */
  async #readable(encoded: readonly Buffer[]): Promise<OutgoingMessage[]> {
    const { queue, listener } = this.#options;
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
  }
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

/** Twice the wait before, up to ten seconds, spread by a fifth either way; never less than what the target asked for. */
function waitMs(key: string, failures: number, retryAfterMs: number | null): number {
  const wait = Math.min(FIRST_WAIT_MS * 2 ** Math.min(failures, 20), LONGEST_WAIT_MS);
  return Math.max(wait * (0.8 + 0.4 * contentFraction(key, failures)), retryAfterMs ?? 0);
}
