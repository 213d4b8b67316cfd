/** What waits to be sent, in its order: in memory or on disk. */

/** Why something was not taken. */
export type Refused = "buffer_full" | "spool_full" | "spool_failed";

export interface BatchLimits {
  readonly messages: number;
  /** One message may be longer than this. */
  readonly bytes: number;
}

export interface OutgoingQueue {
  /** Takes all of the messages or none, at once; null where it took them. */
  push(messages: readonly Buffer[]): Refused | null;
  /** The oldest messages; empty where there are none. They stay until `remove`. */
  peek(limits: BatchLimits): Promise<readonly Buffer[]>;
  /** Forgets the oldest `count` messages: they were delivered, or given up. */
  remove(count: number): Promise<void>;
  readonly messages: number;
  readonly bytes: number;
  close(): Promise<void>;
}

/** A queue in memory that holds `limitBytes` at most. */
export function createMemoryQueue(limitBytes: number): OutgoingQueue {
  let waiting: Buffer[] = [];
  let first = 0;
  let bytes = 0;
  return {
    push(messages) {
      const more = messages.reduce((sum, { length }) => sum + length, 0);
      if (bytes + more > limitBytes) return "buffer_full";
      bytes += more;
      waiting.push(...messages);
      return null;
    },
    peek: (limits) => Promise.resolve(firstWithin(waiting, first, limits)),
    remove(count) {
      for (const end = first + count; first < end; first++) bytes -= waiting[first]?.length ?? 0;
      // Shifting each off would move all that wait each time.
      if (first > 1024 || first === waiting.length) {
        waiting = waiting.slice(first);
        first = 0;
      }
      return Promise.resolve();
    },
    get messages() {
      return waiting.length - first;
    },
    get bytes() {
      return bytes;
    },
    close: () => Promise.resolve(),
  };
}

function firstWithin(waiting: readonly Buffer[], first: number, limits: BatchLimits): Buffer[] {
  const batch: Buffer[] = [];
  let bytes = 0;
  for (let at = first; at < waiting.length && batch.length < limits.messages; at++) {
    const message = waiting[at];
    if (message === undefined) break;
    bytes += message.length;
    if (batch.length > 0 && bytes > limits.bytes) break;
    batch.push(message);
  }
  return batch;
}
