/**
 * What a source and the rest of ingestion ask of each other. A source reads and hands over; the sink batches, stores
 * and says what is stored. Positions live in the store alone, so a source keeps nothing that must survive it.
 */
import type { RawMessage } from "../core/event.ts";

/** Where a source puts what it reads. One sink serves all sources of a process. */
export interface MessageSink {
  /**
   * Takes messages of ONE (source, partition) in offset order. Resolves once these are buffered; waits (back-pressure)
   * while the buffer is full or the store is away.
   */
  push(messages: readonly RawMessage[]): Promise<void>;
  /**
   * Tells after each flush how far a (source, partition) is stored: `nextOffset` is the first offset that the store
   * does not hold. Returns the function that ends the telling.
   */
  onStored(listener: (source: string, partition: number, nextOffset: number) => void): () => void;
  /**
   * Moves a position over offsets that hold no message (transaction markers, aborted or compacted records), in order
   * with what was pushed before, so that it is stored and committed too.
   */
  skipTo(source: string, partition: number, nextOffset: number): Promise<void>;
  /** The first offset that the store does not hold, or null where it knows nothing of the (source, partition). */
  position(source: string, partition: number): Promise<number | null>;
  /**
   * Drops what is buffered but not stored of a partition that was revoked (its new owner reads it again), after
   * waiting for a write in flight.
   */
  revoke(source: string, partition: number): Promise<void>;
  /**
   * What the store holds of sources whose name begins with `prefix`. With it a source tells that a topic was made anew;
   * a sink without it costs that message and nothing else.
   */
  storedPositions?(prefix: string): Promise<readonly StoredPosition[]>;
}

/** One row of what the store holds. */
export interface StoredPosition {
  readonly source: string;
  readonly partition: number;
  readonly nextOffset: number;
}

/** How far one partition has been read and stored. */
export interface PartitionStatus {
  /** As in `Position.source`. */
  readonly source: string;
  readonly topic: string;
  readonly partition: number;
  /** First offset that is not stored yet; null before the store has answered. */
  readonly position: number | null;
  /** End of the log, open transactions included; null until the broker has answered. */
  readonly highWatermark: number | null;
  /** Records between the two; null while either is unknown. */
  readonly lag: number | null;
}

/** A range of records that the log no longer held when they were asked for. */
export interface SourceGap {
  readonly source: string;
  readonly topic: string;
  readonly partition: number;
  /** First offset that was lost. */
  readonly from: number;
  /** First offset after the loss. */
  readonly to: number;
}

/** A snapshot for `/ready`, `/metrics` and the page. */
export interface SourceStatus {
  /** `kafka ml.predictions, ml.labels`: names the source to a person. */
  readonly name: string;
  /** True when nothing hinders reading; false while starting, without a broker, or without an existing topic. */
  readonly connected: boolean;
  /** Why nothing can be read at the moment, in one sentence; null when all is well. */
  readonly problem: string | null;
  /** The newest error, also after it has passed. */
  readonly lastError: { readonly message: string; readonly atMs: number } | null;
  /** Assigned partitions only. */
  readonly partitions: readonly PartitionStatus[];
  /** Ranges lost to retention since the start of the process, newest last, at most 100 of them. */
  readonly gaps: readonly SourceGap[];
  /** Records lost in all gaps since the start of the process. */
  readonly recordsLost: number;
  /** How often a topic started over (was made anew under its name) since the start of the process. */
  readonly topicRestarts: number;
  /** Records without a value (tombstones) since the start of the process. They carry no event and are skipped. */
  readonly tombstones: number;
}

/** Something that reads raw messages and pushes them into a sink. */
export interface Source {
  /** Begins to read and returns at once; an absent broker is told by `status()` and is waited for. */
  start(): Promise<void>;
  /** Ends reading within seconds, also when the broker is gone. What was pushed stays with the sink. */
  stop(): Promise<void>;
  status(): SourceStatus;
}
