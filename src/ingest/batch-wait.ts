/** How long a batch waits to fill before it is stored. */
import type { Clock } from "../core/clock.ts";

export interface BatchWait {
  /** Resolves when a batch which begins now has waited long enough, or when `signal` aborts. `size` tells how many messages it has by now. */
  over(size: () => number, signal: AbortSignal): Promise<void>;
  /** A batch waits no longer; `full`: because it was full. */
  sealed(full: boolean): void;
  /** `models`: how many models the batch held predictions of. */
  stored(models: number): void;
}

/** What is stored after a quiet time waits this long for company, and not for the whole of `batch_wait`; so does the rest of a backlog. */
const LINGER_MS = 50;
/** By how much the wait grows with each model of a batch: each has an insert of its own, and the store's merges must keep pace. */
const WAIT_PER_MODEL_MS = 25;

/**
 * As long as makes one batch in each `batch_wait`, or longer of many models: many small inserts would cost the store dearly in merges.
 * What follows a full batch waits no longer than until nothing more comes: it is the end of a burst, and there is one such insert to a full one at most.
 */
export function createBatchWait(clock: Clock, batchWaitMs: number): BatchWait {
  let sealedAt = Number.NEGATIVE_INFINITY;
  let afterFull = false;
  let models = 0;
  const wait = () => {
    const waitMs = Math.max(batchWaitMs, models * WAIT_PER_MODEL_MS);
    return Math.min(waitMs, Math.max(LINGER_MS, waitMs - (clock.now() - sealedAt)));
  };
  return {
    async over(size, signal) {
      let leftMs = wait();
      for (let before = 0; leftMs > 0 && !signal.aborted; before = size()) {
        const napMs = afterFull ? Math.min(LINGER_MS, leftMs) : leftMs;
        await clock.sleep(napMs, signal);
        if (afterFull && before > 0 && size() === before) return;
        leftMs -= napMs;
      }
    },
    sealed(full) {
      sealedAt = clock.now();
      afterFull = full;
    },
    stored(count) {
      models = count;
    },
  };
}
