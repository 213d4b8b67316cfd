/**
 * A batch on its way into the store: the messages it was read from, their rows, and how far it takes each (source, partition).
 * Messages are kept until the batch is stored, because a row that the store refuses is given back as the bytes it came as.
 */
import type { RawMessage } from "../core/event.ts";
import type { ModelSchema } from "../core/model-schema.ts";
import { EventRows } from "./events/event-rows.ts";

/** How far a batch takes one partition. */
export interface BatchRange {
  readonly source: string;
  readonly partition: number;
  readonly firstOffset: number;
  lastOffset: number;
}

/** Someone who waits for messages `from` up to `to` of a batch to be stored. */
export interface Receipt {
  readonly from: number;
  readonly to: number;
  readonly resolve: (outcome: ReceiptOutcome) => void;
  readonly reject: (reason: unknown) => void;
}

/** What became of the messages of one `write`: dead letters by their index in it; all others are events. */
export interface ReceiptOutcome {
  readonly rejected: readonly { readonly index: number; readonly reason: string; readonly detail: string }[];
}

/** What is done of a batch, so that a further attempt does not begin anew. */
export interface BatchProgress {
  readonly done: Set<string>;
  /** Rows that the store refused, by block. */
  readonly refused: Map<string, Set<number>>;
}

const keyOf = (source: string, partition: number): string => `${partition} ${source}`;

export class Batch {
  readonly rows: EventRows;
  readonly messages: RawMessage[] = [];
  readonly ranges = new Map<string, BatchRange>();
  readonly receipts: Receipt[] = [];
  readonly progress: BatchProgress = { done: new Set(), refused: new Map() };
  /** Bytes of the raw messages. */
  bytes = 0;

  constructor(schemas: Iterable<ModelSchema>) {
    this.rows = new EventRows(schemas);
  }

  get empty(): boolean {
    return this.ranges.size === 0;
  }

  /** Takes a message in; its rows are decoded by the caller under the index that is returned. */
  add(message: RawMessage): number {
    this.bytes += message.value?.length ?? 0;
    this.reach(message.source, message.partition, message.offset, message.offset);
    return this.messages.push(message) - 1;
  }

  /** Notes that all offsets up to `last` are dealt with once this batch is stored. */
  reach(source: string, partition: number, first: number, last: number): void {
    const range = this.#lastRange;
    if (range !== null && range.partition === partition && range.source === source) {
      if (last > range.lastOffset) range.lastOffset = last;
      return;
    }
    const key = keyOf(source, partition);
    let found = this.ranges.get(key);
    if (found === undefined) {
      found = { source, partition, firstOffset: first, lastOffset: last };
      this.ranges.set(key, found);
    } else if (last > found.lastOffset) found.lastOffset = last;
    this.#lastRange = found;
  }

  #lastRange: BatchRange | null = null;

  has(source: string, partition: number): boolean {
    return this.ranges.has(keyOf(source, partition));
  }

  /** Tells those who wait what became of their messages. Call it once the batch is stored. */
  settle(): void {
    for (const { from, to, resolve } of this.receipts) {
      const refused = new Map<number, { readonly index: number; readonly reason: string; readonly detail: string }>();
      // A message of several events is told of once, with the first that was refused.
      for (const { message, reason, detail } of this.rows.dead)
        if (message >= from && message < to && !refused.has(message))
          refused.set(message, { index: message - from, reason, detail });
      resolve({ rejected: [...refused.values()] });
    }
  }

  /** Takes partitions out by decoding what remains anew: a rebalance is rare. */
  drop(
    isGone: (source: string, partition: number) => boolean,
    decode: (message: RawMessage, index: number) => void,
  ): void {
    const ranges = [...this.ranges.values()];
    if (!ranges.some(({ source, partition }) => isGone(source, partition))) return;
    const messages = [...this.messages];
    const receipts = [...this.receipts];
    const place: number[] = [];
    this.clear();
    for (const message of messages) {
      place.push(this.messages.length);
      if (!isGone(message.source, message.partition)) decode(message, this.add(message));
    }
    place.push(this.messages.length);
    for (const { source, partition, firstOffset, lastOffset } of ranges)
      if (!isGone(source, partition)) this.reach(source, partition, firstOffset, lastOffset);
    for (const receipt of receipts)
      this.receipts.push({ ...receipt, from: place[receipt.from] ?? 0, to: place[receipt.to] ?? 0 });
  }

  clear(): void {
    this.rows.clear();
    this.messages.length = 0;
    this.ranges.clear();
    this.receipts.length = 0;
    this.progress.done.clear();
    this.progress.refused.clear();
    this.bytes = 0;
    this.#lastRange = null;
  }
}
