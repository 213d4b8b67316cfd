/** Several streams, each in its own order, as one in the order of event time: so that a replay sees labels when they arrived. */

/** Something with the time of its event; null where it is not known (it is passed on at once). */
export interface Timed {
  readonly timestampMs: number | null;
}

/**
 * Merges by time without sorting: a stream that goes back in time keeps its own order. Hands over runs of one stream, at most
 * `longestRun` long. Of equal times the earlier stream goes first.
 */
export async function* mergeByTime<Item extends Timed>(
  streams: readonly AsyncIterable<readonly Item[]>[],
  longestRun = 2000,
): AsyncGenerator<readonly Item[]> {
  const heads = await Promise.all(streams.map((stream) => Head.of(stream)));
  try {
    for (;;) {
      const [first, second] = twoEarliest(heads);
      if (first === null) return;
      const limit = second === null ? Number.POSITIVE_INFINITY : second.time;
      const inclusive = second === null || heads.indexOf(first) < heads.indexOf(second);
      yield* first.take(limit, inclusive, longestRun);
    }
  } finally {
    await Promise.all(heads.map((head) => head.end()));
  }
}

class Head<Item extends Timed> {
  readonly #iterator: AsyncIterator<readonly Item[]>;
  #items: readonly Item[] = [];
  #at = 0;
  done = false;
  time = Number.NEGATIVE_INFINITY;

  constructor(iterator: AsyncIterator<readonly Item[]>) {
    this.#iterator = iterator;
  }

  static async of<Item extends Timed>(stream: AsyncIterable<readonly Item[]>): Promise<Head<Item>> {
    const head = new Head(stream[Symbol.asyncIterator]());
    await head.#fill();
    return head;
  }

  async #fill(): Promise<void> {
    while (!this.done && this.#at >= this.#items.length) {
      const next = await this.#iterator.next();
      if (next.done === true) this.done = true;
      else {
        this.#items = next.value;
        this.#at = 0;
      }
    }
    if (!this.done) this.time = this.#items[this.#at]?.timestampMs ?? Number.NEGATIVE_INFINITY;
  }

  /** Items up to a time, in runs; at least one, so that the merge always moves on. */
  async *take(limit: number, inclusive: boolean, longestRun: number): AsyncGenerator<readonly Item[]> {
    let forced = true;
    while (!this.done) {
      const from = this.#at;
      while (this.#at < this.#items.length && this.#at - from < longestRun) {
        const time = this.#items[this.#at]?.timestampMs ?? Number.NEGATIVE_INFINITY;
        if (!forced && (inclusive ? time > limit : time >= limit)) break;
        forced = false;
        this.#at++;
      }
      if (this.#at === from) break;
      yield this.#items.slice(from, this.#at);
      await this.#fill();
    }
  }

  async end(): Promise<void> {
    if (!this.done) await this.#iterator.return?.();
  }
}

function twoEarliest<Item extends Timed>(heads: readonly Head<Item>[]): [Head<Item> | null, Head<Item> | null] {
  let first: Head<Item> | null = null;
  let second: Head<Item> | null = null;
  for (const head of heads) {
    if (head.done) continue;
    if (first === null || head.time < first.time) {
      second = first;
      first = head;
    } else if (second === null || head.time < second.time) second = head;
  }
  return [first, second];
}
