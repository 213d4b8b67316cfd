/**
 * How many bytes of request bodies are held at once. Each body has a limit of its own, but many at the same time would add up to any
 * amount; whoever finds the budget spent waits before its body is read, and the connection's own flow control holds the client back.
 */
import type { Clock } from "../core/clock.ts";

export interface ByteBudget {
  /**
   * Waits its turn for so many bytes; the answer gives them back. null after `waitMs` without a turn. A single request may take
   * the whole budget and no more.
   */
  take(bytes: number): Promise<(() => void) | null>;
}

interface Waiting {
  readonly bytes: number;
  readonly enter: () => void;
}

export function createByteBudget(options: {
  readonly bytes: number;
  readonly waitMs: number;
  readonly clock: Clock;
}): ByteBudget {
  let free = options.bytes;
  const queue: Waiting[] = [];
  const admit = () => {
    for (let first = queue[0]; first !== undefined && first.bytes <= free; first = queue[0]) {
      queue.shift();
      free -= first.bytes;
      first.enter();
    }
  };
  return {
    async take(wanted) {
      const bytes = Math.min(wanted, options.bytes);
      const timer = new AbortController();
      const turn = await new Promise<boolean>((resolve) => {
        const waiting = { bytes, enter: () => resolve(true) };
        queue.push(waiting);
        admit();
        if (!queue.includes(waiting)) return;
        void options.clock.sleep(options.waitMs, timer.signal).then(() => {
          const at = queue.indexOf(waiting);
          if (at === -1) return;
          queue.splice(at, 1);
          // It may have been what kept a smaller one from its turn.
          admit();
          resolve(false);
        });
      });
      timer.abort();
      if (!turn) return null;
      let held = true;
      return () => {
        if (!held) return;
        held = false;
        free += bytes;
        admit();
      };
    },
  };
}
