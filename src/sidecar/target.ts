/** Where messages are sent: one attempt for some of them, and what came of it. Retries and counting are the sender's. */
import type { OutgoingMessage } from "./outgoing-message.ts";

export type Attempt =
  /** Taken; of its events so many were refused, which the target keeps as dead letters. */
  | { readonly status: "sent"; readonly refused: number }
  /** Not taken now. */
  | { readonly status: "retry"; readonly reason: string; readonly retryAfterMs: number | null }
  /** Not taken in this form, and it would not help to try again: too long, or one of them is refused. */
  | { readonly status: "refused"; readonly reason: string; readonly tooLarge: boolean };

export interface Target {
  /** Named in metrics and the log; holds no secret. */
  readonly name: string;
  /** How many of these messages, from the first on, go in one attempt; at least 1. */
  together(messages: readonly OutgoingMessage[]): number;
  /** Never throws. */
  send(messages: readonly OutgoingMessage[], signal: AbortSignal): Promise<Attempt>;
  close(): Promise<void>;
}
