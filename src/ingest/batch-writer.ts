/**
 * The sink of all sources: decodes messages into the batch that fills, while at most one batch is being stored and one waits.
 * Whoever pushes while both places are taken waits, so a slow or absent store pauses the sources and memory stays bounded.
 * Nothing here must survive the process: what is not stored is read again from the store's position.
 */
import { setImmediate as nextTurn } from "node:timers/promises";
import type { Clock } from "../core/clock.ts";
import { DriftlineError, messageOf } from "../core/errors.ts";
import type { RawMessage } from "../core/event.ts";
import type { ModelSchema } from "../core/model-schema.ts";
import type { Lane } from "../store/store.ts";
import type { Log } from "../telemetry/log.ts";
import type { IngestMetrics } from "../telemetry/metrics.ts";
import { Batch, type ReceiptOutcome } from "./batch.ts";
import { tellStored } from "./batch-report.ts";
import { type BatchWait, createBatchWait } from "./batch-wait.ts";
import type { Decoder } from "./events/json-events.ts";
import { storedPosition, storedPositions } from "./positions.ts";
import type { MessageSink, StoredPosition } from "./source.ts";
import { type StoredRange, storeBatch } from "./store-batch.ts";

export interface BatchModel {
  readonly schema: ModelSchema;
  readonly paneMs: number;
}

export interface BatchWriterOptions {
  readonly lane: Lane;
  readonly clock: Clock;
  readonly log: Log;
  readonly models: readonly BatchModel[];
  /** The decoder of a source, by `Position.source`; asked once per source. */
  readonly decoderOf: (source: string) => Decoder;
  readonly batchRows: number;
  readonly batchBytes: number;
  readonly batchWaitMs: number;
  readonly deadLetterBytes: number | null;
  readonly metrics?: Pick<IngestMetrics, "events" | "deadLetters" | "batch">;
  /** Told of every batch once it is stored, for example to forward dead letters. */
  readonly onBatch?: (ranges: readonly StoredRange[], batch: Batch) => void;
  /** Told when a batch was stored that was not full, and next to nothing came meanwhile: the sources have no more at the moment. */
  readonly onCaughtUp?: () => void;
}

/** For `/ready` and `/metrics`. */
export interface BatchWriterStatus {
  /** Why nothing can be stored at the moment; null when all is well. */
  readonly problem: string | null;
  readonly waitingMessages: number;
  readonly waitingBytes: number;
}

export interface BatchWriter extends MessageSink {
  /** As `push`, but the batch is stored as soon as the store is free, and the promise waits for that and says what was refused. */
  write(messages: readonly RawMessage[]): Promise<ReceiptOutcome>;
  storedPositions(prefix: string): Promise<readonly StoredPosition[]>;
  /** Stores what is buffered. Resolves once it is; waits while the store is away. */
  flush(): Promise<void>;
  /** Stores what is buffered if that takes at most `drainMs`, then ends. */
  close(drainMs: number): Promise<void>;
  status(): BatchWriterStatus;
}

export function createBatchWriter(options: BatchWriterOptions): BatchWriter {
  return new Writer(options);
}

/** Full batches: one being stored, and one that filled meanwhile. */
const MOST_QUEUED = 2;
/** Share of a batch that may have come in while one was stored, where the sources are said to have no more. */
const CAUGHT_UP = 0.02;
/** Messages decoded before other work has its turn, a few milliseconds: evaluation and the store wait for many a turn. */
const MOST_IN_A_TURN = 500;
const FIRST_PAUSE_MS = 250;
const LONGEST_PAUSE_MS = 10_000;

const keyOf = (source: string, partition: number): string => `${partition} ${source}`;

class Writer implements BatchWriter {
  readonly #options: BatchWriterOptions;
  readonly #schemas: readonly ModelSchema[];
  readonly #paneOf: (model: string) => number;
  readonly #decoders = new Map<string, Decoder>();
  readonly #listeners = new Set<(source: string, partition: number, nextOffset: number) => void>();
  readonly #wait: BatchWait;
  readonly #queue: Batch[] = [];
  readonly #spare: Batch[] = [];
  readonly #closed = new AbortController();
  /** Raised when a partition is revoked, so that a push which waits for room knows that it is out of date. */
  readonly #generations = new Map<string, number>();
  readonly #revoked = new Set<string>();
  #current: Batch | null = null;
  #currentTimer = new AbortController();
  /** The batch that fills has waited long enough, or someone waits for it. */
  #due = false;
  #storing: Promise<void> | null = null;
  #attempt: Promise<unknown> | null = null;
  #problem: string | null = null;
  #waiters: (() => void)[] = [];

  constructor(options: BatchWriterOptions) {
    this.#options = options;
    this.#wait = createBatchWait(options.clock, options.batchWaitMs);
    this.#schemas = options.models.map((model) => model.schema);
    const panes = new Map(options.models.map((model) => [model.schema.model, model.paneMs]));
    this.#paneOf = (model) => panes.get(model) ?? 60_000;
  }

  async push(messages: readonly RawMessage[]): Promise<void> {
    await this.#take(messages, null);
  }

  write(messages: readonly RawMessage[]): Promise<ReceiptOutcome> {
    if (messages.length === 0) return Promise.resolve({ rejected: [] });
    return new Promise((resolve, reject) => {
      const rejected: { index: number; reason: string; detail: string }[] = [];
      let stored = 0;
      // A long request may be spread over several batches; it is answered after the last.
      const part = (from: number) => (outcome: ReceiptOutcome, count: number) => {
        rejected.push(...outcome.rejected.map((letter) => ({ ...letter, index: letter.index + from })));
        stored += count;
        if (stored === messages.length) resolve({ rejected: rejected.sort((a, b) => a.index - b.index) });
      };
      this.#take(messages, { part, reject }).catch(reject);
    });
  }

  async #take(messages: readonly RawMessage[], waiting: Waiting | null): Promise<void> {
    const [first] = messages;
    if (first === undefined) return;
    const key = keyOf(first.source, first.partition);
    const generation = this.#generations.get(key) ?? 0;
    const decoder = this.#decoderOf(first.source);
    const ready = waiting === null ? (decoder.prepare?.(messages) ?? null) : null;
    if (ready !== null) {
      await ready;
      this.#stillOwned(key, generation);
    }
    for (let from = 0; from < messages.length; ) {
      // Requests share a partition, and what came first must be stored first: only sources, which push one after the other, give way.
      if (from > 0 && waiting === null) {
        await nextTurn();
        this.#stillOwned(key, generation);
      }
      const batch = this.#fillable();
      if (batch === null) {
        await this.#room();
        this.#stillOwned(key, generation);
        continue;
      }
      const start = batch.messages.length;
      let to = from;
      const end = waiting === null ? Math.min(messages.length, from + MOST_IN_A_TURN) : messages.length;
      for (; to < end && !this.#isFull(batch); to++) {
        const message = messages[to];
        if (message !== undefined) decoder.decode(message, batch.add(message), batch.rows);
      }
      if (waiting !== null) {
        const part = waiting.part(from);
        const count = batch.messages.length - start;
        batch.receipts.push({
          from: start,
          to: start + count,
          resolve: (outcome) => part(outcome, count),
          reject: waiting.reject,
        });
        this.#due = true;
      }
      from = to;
      this.#sealIf(this.#isFull(batch) || (this.#due && this.#queue.length === 0));
    }
  }

  async skipTo(source: string, partition: number, nextOffset: number): Promise<void> {
    if (nextOffset < 1) return;
    const key = keyOf(source, partition);
    const generation = this.#generations.get(key) ?? 0;
    let batch = this.#fillable();
    while (batch === null) {
      await this.#room();
      this.#stillOwned(key, generation);
      batch = this.#fillable();
    }
    batch.reach(source, partition, nextOffset - 1, nextOffset - 1);
  }

  onStored(listener: (source: string, partition: number, nextOffset: number) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  position(source: string, partition: number): Promise<number | null> {
    return storedPosition(this.#options.lane, source, partition);
  }

  storedPositions(prefix: string): Promise<readonly StoredPosition[]> {
    return storedPositions(this.#options.lane, prefix);
  }

  async revoke(source: string, partition: number): Promise<void> {
    const key = keyOf(source, partition);
    this.#generations.set(key, (this.#generations.get(key) ?? 0) + 1);
    this.#revoked.add(key);
    this.#wake();
    for (const batch of [...this.#queue.slice(1), this.#current]) if (batch !== null) this.#withoutRevoked(batch);
    // The batch in hand may be half written; the attempt ends by itself, and a further one leaves the partition out.
    await this.#attempt?.catch(() => undefined);
    const [head] = this.#queue;
    if (head !== undefined && this.#attempt === null) this.#withoutRevoked(head);
    this.#revoked.delete(key);
  }

  async flush(): Promise<void> {
    while (this.#current !== null || this.#storing !== null) {
      if (this.#current !== null) {
        this.#due = true;
        this.#sealIf(this.#queue.length < MOST_QUEUED);
      }
      await this.#storing;
      if (this.#closed.signal.aborted)
        throw new DriftlineError("store_unavailable", "ingestion has ended before everything was stored", {
          retryable: true,
        });
    }
  }

  async close(drainMs: number): Promise<void> {
    const drained = this.flush().catch(() => undefined);
    const timer = new AbortController();
    await Promise.race([drained, this.#options.clock.sleep(drainMs, timer.signal)]);
    timer.abort();
    this.#closed.abort();
    this.#currentTimer.abort();
    this.#wake();
    await this.#storing?.catch(() => undefined);
    const ended = new DriftlineError("store_unavailable", "the service is stopping", { retryable: true });
    for (const batch of [...this.#queue, this.#current])
      for (const receipt of batch?.receipts ?? []) receipt.reject(ended);
    this.#listeners.clear();
  }

  status(): BatchWriterStatus {
    const batches = this.#current === null ? this.#queue : [...this.#queue, this.#current];
    return {
      problem: this.#problem,
      waitingMessages: batches.reduce((sum, batch) => sum + batch.messages.length, 0),
      waitingBytes: batches.reduce((sum, batch) => sum + batch.bytes, 0),
    };
  }

  #decoderOf(source: string): Decoder {
    let decoder = this.#decoders.get(source);
    if (decoder === undefined) {
      decoder = this.#options.decoderOf(source);
      this.#decoders.set(source, decoder);
    }
    return decoder;
  }

  /** An error, so that whoever pushed does not go on to move the position over what was not taken. */
  #stillOwned(key: string, generation: number): void {
    if ((this.#generations.get(key) ?? 0) !== generation)
      throw new DriftlineError("source_failed", "the partition was given up while its messages waited for room", {
        retryable: true,
      });
  }

  #room(): Promise<void> {
    return new Promise((resolve) => this.#waiters.push(resolve));
  }

  /** The batch that fills, or null where there is no room. It must be filled before the next `await`: it may be sealed then. */
  #fillable(): Batch | null {
    if (this.#closed.signal.aborted)
      throw new DriftlineError("store_unavailable", "ingestion has ended", { retryable: true });
    if (this.#current !== null || this.#queue.length >= MOST_QUEUED) return this.#current;
    const batch = this.#spare.pop() ?? new Batch(this.#schemas);
    this.#current = batch;
    this.#due = false;
    this.#currentTimer = new AbortController();
    const { signal } = this.#currentTimer;
    void this.#wait
      .over(() => batch.messages.length, signal)
      .then(() => {
        if (signal.aborted || this.#current !== batch) return;
        this.#due = true;
        this.#sealIf(this.#queue.length === 0);
      });
    return batch;
  }

  #isFull({ messages, bytes }: Batch): boolean {
    return messages.length >= this.#options.batchRows || bytes >= this.#options.batchBytes;
  }

  #sealIf(full: boolean): void {
    const batch = this.#current;
    if (!full || batch === null) return;
    this.#wait.sealed(this.#isFull(batch));
    this.#current = null;
    this.#due = false;
    this.#currentTimer.abort();
    this.#queue.push(batch);
    this.#storing ??= this.#drain();
  }

  #wake(): void {
    const waiters = this.#waiters;
    this.#waiters = [];
    for (const wake of waiters) wake();
  }

  async #drain(): Promise<void> {
    try {
      for (let batch = this.#queue[0]; batch !== undefined && !this.#closed.signal.aborted; batch = this.#queue[0]) {
        const full = this.#isFull(batch);
        await this.#store(batch);
        if (this.#closed.signal.aborted && this.#queue[0] === batch && batch.messages.length > 0) return;
        this.#queue.shift();
        batch.clear();
        if (this.#spare.length < MOST_QUEUED) this.#spare.push(batch);
        if (this.#due) this.#sealIf(this.#queue.length === 0);
        const waiting = this.status().waitingMessages;
        if (!full && waiting < this.#options.batchRows * CAUGHT_UP) this.#options.onCaughtUp?.();
        this.#wake();
      }
    } finally {
      this.#storing = null;
    }
  }

  /** Stores a batch, however long the store is away. */
  async #store(batch: Batch): Promise<void> {
    const { clock, log, metrics } = this.#options;
    const began = clock.now();
    const ranges = await this.#storeInTheEnd(batch);
    if (ranges === null) return;
    if (this.#problem !== null) log.info("the store takes events again");
    this.#problem = null;
    if (ranges.length > 0) metrics?.batch((clock.now() - began) / 1000);
    this.#announce(batch, ranges);
    this.#wait.stored([...batch.rows.predictions.values()].filter(({ rows }) => rows > 0).length);
    batch.messages.length = 0;
  }

  /** Tries until the batch is stored; null where the service ends before. */
  async #storeInTheEnd(batch: Batch): Promise<StoredRange[] | null> {
    const { clock, log } = this.#options;
    for (let pause = FIRST_PAUSE_MS; ; pause = Math.min(pause * 2, LONGEST_PAUSE_MS)) {
      this.#withoutRevoked(batch);
      if (batch.empty) return [];
      try {
        return await this.#try(batch);
      } catch (thrown) {
        this.#problem = messageOf(thrown);
        log.warn("events can't be stored; ingestion waits", { problem: this.#problem });
        await clock.sleep(pause, this.#closed.signal);
        if (this.#closed.signal.aborted) return null;
      }
    }
  }

  async #try(batch: Batch): Promise<StoredRange[]> {
    const { lane, clock, deadLetterBytes } = this.#options;
    const attempt = storeBatch(batch, { lane, clock, deadLetterBytes, paneMs: this.#paneOf });
    this.#attempt = attempt;
    try {
      return await attempt;
    } finally {
      this.#attempt = null;
    }
  }

  #announce(batch: Batch, ranges: readonly StoredRange[]): void {
    const { metrics, log, onBatch } = this.#options;
    tellStored(batch, ranges, log, metrics);
    for (const { source, partition, lastOffset } of ranges)
      for (const listener of this.#listeners) listener(source, partition, lastOffset + 1);
    onBatch?.(ranges, batch);
    batch.settle();
  }

  #withoutRevoked(batch: Batch): void {
    batch.drop(
      (source, partition) => this.#revoked.has(keyOf(source, partition)),
      (message, index) => this.#decoderOf(message.source).decode(message, index, batch.rows),
    );
  }
}

/** A `write` that waits for its messages. */
interface Waiting {
  readonly part: (from: number) => (outcome: ReceiptOutcome, count: number) => void;
  readonly reject: (reason: unknown) => void;
}
