/** How long a batch waits to fill before it is stored. */
import type { Clock } from "../core/clock.ts";

export interface BatchWait {
  /** Milliseconds that a batch waits which begins now. */
  ms(): number;
  /** A batch waits no longer. */
  sealed(): void;
  /** `models`: how many models the batch held predictions of. */
  stored(models: number): void;
}

/** What is stored after a quiet time waits this long for company, and not for the whole of `batch_wait`. */
const LINGER_MS = 50;
/** By how much the wait grows with each model of a batch: each has an insert of its own, and the store's merges must keep pace. */
const WAIT_PER_MODEL_MS = 25;

/** As long as makes one batch in each `batch_wait`, or longer of many models: many small inserts would cost the store dearly in merges. */
export function createBatchWait(clock: Pick<Clock, "now">, batchWaitMs: number): BatchWait {
  let sealedAt = Number.NEGATIVE_INFINITY;
  let models = 0;
  return {
    ms() {
      const waitMs = Math.max(batchWaitMs, models * WAIT_PER_MODEL_MS);
      return Math.min(waitMs, Math.max(LINGER_MS, waitMs - (clock.now() - sealedAt)));
    },
    sealed() {
      sealedAt = clock.now();
    },
    stored(count) {
      models = count;
    },
  };
}
