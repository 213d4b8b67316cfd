/** When a failed delivery is tried again, and when it is given up. A pure function, so that a restart goes on as before. */
import { contentFraction } from "../core/identity.ts";

export interface RetryLimits {
  /** Milliseconds before the second attempt; each further wait is twice the one before. */
  readonly firstWaitMs: number;
  readonly longestWaitMs: number;
  /** Attempts after which a delivery is given up. */
  readonly attempts: number;
  /** Milliseconds after queueing beyond which nobody is told any more. */
  readonly giveUpAfterMs: number;
}

export const retryLimits: RetryLimits = {
  firstWaitMs: 5_000,
  longestWaitMs: 3_600_000,
  attempts: 100,
  giveUpAfterMs: 3 * 86_400_000,
};

/**
 * Clock time of the next attempt, or null if there is none. The wait is spread by up to a fifth either way, by the delivery's id, so
 * that what failed together does not come back together. A receiver's own `Retry-After` is never undercut.
 *
 * @param attempt number of the attempt that has just failed, from 1
 */
export function nextAttempt(
  delivery: { readonly id: string; readonly queuedAt: number; readonly attempt: number },
  now: number,
  retryAfterMs: number | undefined,
  limits: RetryLimits,
): number | null {
  if (delivery.attempt >= limits.attempts) return null;
  const wait = Math.min(limits.firstWaitMs * 2 ** Math.min(delivery.attempt - 1, 30), limits.longestWaitMs);
  const spread = wait * (0.8 + 0.4 * contentFraction(delivery.id, delivery.attempt));
  const next = now + Math.ceil(Math.max(spread, retryAfterMs ?? 0));
  return next - delivery.queuedAt > limits.giveUpAfterMs ? null : next;
}
