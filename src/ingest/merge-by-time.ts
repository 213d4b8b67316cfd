/** Several streams, each in its own order, as one in the order of event time: so that a replay sees labels when they arrived. */

/** One stream and how to read the time of its items: milliseconds, or -Infinity where there is none (passed on at once). */
export interface TimedStream<Item> {
  readonly chunks: AsyncIterable<readonly Item[]>;
  readonly timeOf: (item: Item) => number;
}

/**
 * Merges by time without sorting: a stream that goes back in time keeps its own order. Hands over runs of one stream, at most
 * `longestRun` long. Of equal times the earlier stream goes first.
 */
export async function* mergeByTime<Item>(
  streams: readonly TimedStream<Item>[],
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

class Head<Item> {
  readonly #iterator: AsyncIterator<readonly Item[]>;
  readonly #timeOf: (item: Item) => number;
  #items: readonly Item[] = [];
  #at = 0;
  done = false;
  time = Number.NEGATIVE_INFINITY;

  constructor(stream: TimedStream<Item>) {
    this.#iterator = stream.chunks[Symbol.asyncIterator]();
    this.#timeOf = stream.timeOf;
  }

  static async of<Item>(stream: TimedStream<Item>): Promise<Head<Item>> {
    const head = new Head(stream);
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
    const item = this.#items[this.#at];
    if (!this.done && item !== undefined) this.time = this.#timeOf(item);
  }

  /** Items up to a time, in runs; at least one, so that the merge always moves on. */
  async *take(limit: number, inclusive: boolean, longestRun: number): AsyncGenerator<readonly Item[]> {
    let forced = true;
    while (!this.done) {
      const from = this.#at;
      while (this.#at < this.#items.length && this.#at - from < longestRun) {
        const item = this.#items[this.#at];
        if (!forced && limit !== Number.POSITIVE_INFINITY && item !== undefined) {
          const time = this.#timeOf(item);
          if (inclusive ? time > limit : time >= limit) break;
        }
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

function twoEarliest<Item>(heads: readonly Head<Item>[]): [Head<Item> | null, Head<Item> | null] {
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
