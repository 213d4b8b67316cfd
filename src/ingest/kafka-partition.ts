/**
 * One assigned partition: where it is read, what was fetched and waits for the sink, and how far it is stored. Fetched
 * chunks queue here and are pushed one after the other, so that the next fetch runs while the sink is busy.
 */

import type { Clock } from "../core/clock.ts";
import { messageOf } from "../core/errors.ts";
import type { RawMessage } from "../core/event.ts";
import type { Location } from "./kafka-locate.ts";
import { sourceName } from "./kafka-locate.ts";
import type { Wake } from "./kafka-wake.ts";
import type { MessageSink } from "./source.ts";

interface Chunk {
  readonly source: string;
  readonly messages: readonly RawMessage[];
  readonly nextOffset: number;
  readonly bytes: number;
}

/** What a message costs besides its value. */
const messageOverheadBytes = 150;
/** Chunks beyond the one that is being pushed; more would not make it faster. */
const chunksAhead = 2;
const pushRetryMs = 1_000;

export class PartitionReader {
  readonly topic: string;
  readonly partition: number;
  /** null where the brokers are too old to tell. */
  topicId: string | null;
  epoch = 1;
  source: string;
  /** Node id of the broker to fetch from; -1 while there is none. */
  leader = -1;
  /** Where the next fetch begins; null while that is being found out. */
  fetchOffset: number | null = null;
  /** First offset that is not stored. */
  stored: number | null = null;
  /** What the broker was told of it last. */
  committed: number | null = null;
  /** End of the log as the last fetch told it; null until a fetch from the present place has answered. */
  highWatermark: number | null = null;
  /** Why it can't be read at the moment. */
  problem: string | null = null;
  /** Not to be fetched before this time. */
  retryAtMs = 0;
  /** Counts the questions where to read from, so that an answer that came too late is dropped. */
  locating = 0;
  queuedBytes = 0;
  /** When an answer last brought something. */
  servedAtMs = 0;
  revoked = false;
  readonly #sources = new Set<string>();
  readonly #queue: Chunk[] = [];
  readonly #sink: MessageSink;
  readonly #wake: Wake;
  readonly #clock: Clock;
  readonly #stop = new AbortController();
  #pump: Promise<void> | null = null;

  constructor(topic: string, topicId: string | null, partition: number, sink: MessageSink, wake: Wake, clock: Clock) {
    this.topic = topic;
    this.topicId = topicId;
    this.partition = partition;
    this.source = sourceName(topic, topicId, 1);
    this.#sink = sink;
    this.#wake = wake;
    this.#clock = clock;
  }

  /** True while its queue is full. */
  get held(): boolean {
    return this.#queue.length > chunksAhead;
  }

  get lag(): number | null {
    return this.highWatermark === null || this.stored === null ? null : Math.max(0, this.highWatermark - this.stored);
  }

  /** Goes on from a new place. A position that the store does not know yet is recorded with the sink. */
  moveTo(location: Location): void {
    const sameLog = location.source === this.source && this.stored !== null;
    this.source = location.source;
    this.epoch = location.epoch;
    this.fetchOffset = location.offset;
    // What was known of the log's end belongs to another place or another log, and could say "no lag" wrongly.
    this.highWatermark = null;
    this.problem = null;
    if (!sameLog) {
      this.stored = location.offset;
      this.committed = null;
    }
    if (location.toBeRecorded && location.offset > 0) this.take([], location.offset, 0);
    this.#wake.ring();
  }

  /** Reads nothing before it is located anew; what was read already is still pushed. */
  halt(): void {
    this.fetchOffset = null;
    this.locating += 1;
  }

  /** Takes what a fetch brought. `nextOffset` may lie beyond the last message: the offsets between hold none. */
  take(messages: readonly RawMessage[], nextOffset: number, bytes: number): void {
    const size = bytes + messages.length * messageOverheadBytes;
    this.fetchOffset = nextOffset;
    this.queuedBytes += size;
    this.#sources.add(this.source);
    this.#queue.push({ source: this.source, messages, nextOffset, bytes: size });
    this.#pump ??= this.#run();
  }

  async #run(): Promise<void> {
    try {
      for (let chunk = this.#queue[0]; chunk !== undefined && !this.#stop.signal.aborted; chunk = this.#queue[0]) {
        await this.#push(chunk);
        if (this.#stop.signal.aborted) return;
        this.#queue.shift();
        this.queuedBytes -= chunk.bytes;
        this.#wake.ring();
      }
    } finally {
      this.#pump = null;
    }
  }

  /** A sink that fails is asked again: nothing that was read is dropped for it. */
  async #push(chunk: Chunk): Promise<void> {
    const last = chunk.messages.at(-1);
    let pushed = chunk.messages.length === 0;
    while (!this.#stop.signal.aborted) {
      try {
        if (!pushed) await this.#sink.push(chunk.messages);
        pushed = true;
        if (last === undefined || last.offset + 1 < chunk.nextOffset) {
          await this.#sink.skipTo(chunk.source, this.partition, chunk.nextOffset);
        }
        return;
      } catch (error) {
        this.problem = `what was read can't be handed on: ${messageOf(error)}`;
        await this.#clock.sleep(pushRetryMs, this.#stop.signal);
        this.problem = null;
      }
    }
  }

  /** Stops pushing and leaves with the sink what it has. */
  stop(): void {
    this.revoked = true;
    this.#stop.abort();
    this.#queue.length = 0;
    this.queuedBytes = 0;
  }

  /** Gives the partition up: what is not stored is dropped, here and in the sink. Resolves once nothing is in flight. */
  async revoke(): Promise<void> {
    const pump = this.#pump;
    this.stop();
    await Promise.all([pump, ...[...this.#sources].map((source) => this.#sink.revoke(source, this.partition))]);
  }
}
