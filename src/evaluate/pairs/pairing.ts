/**
 * Pairs the halves of calls, which may have come through different processes, into predictions: as a source of its own, whose messages go the
 * way of all others, with commit records, positions and dead letters. All it knows it finds again in the store. Killed at any point it pairs
 * some calls again, into the same rows: ids are those of the calls, times those of the requests.
 */
import type { Clock } from "../../core/clock.ts";
import { type DeadLetterReason, keptBytes, type RawMessage } from "../../core/event.ts";
import { losslessText } from "../../core/lossless-json.ts";
import { refusalOf, withheld } from "../../core/refusal.ts";
import type { Lane } from "../../store/store.ts";
import { type Marks, partitionKey, readMarks, writeMarks } from "../commit-records.ts";
import { readCalls, readNewRanges, type StoredHalf } from "./new-halves.ts";
import { callsOf, pairedEvents } from "./paired-events.ts";
import { buryUnpaired, withdraw } from "./unpaired.ts";

/** Where predictions go: the writer of batches, as far as pairing needs it. */
export interface PairSink {
  /** Takes messages of one (source, partition) in the order of offsets. */
  push(messages: readonly RawMessage[]): Promise<void>;
  /** Resolves when all is stored. */
  flush(): Promise<void>;
  /** The first offset that the store does not hold, or null. */
  position(source: string, partition: number): Promise<number | null>;
}

export interface PairingOptions {
  readonly lane: Lane;
  readonly sink: PairSink;
  readonly clock: Clock;
  /** How long a half waits for the other, ms. */
  readonly withinMs: number;
  readonly deadLetterBytes: number;
  /** Where a model has `privacy`: of halves that were stored before it had, nothing is kept in dead letters. */
  readonly keepsRedactedAlone: boolean;
  readonly metrics?: { deadLetters(source: string, format: string, reason: DeadLetterReason, count: number): void };
}

export interface Pairing {
  /**
   * Pairs what has come since the last run, one run after the other. `final`: nothing more will come, and what is alone now is a dead letter.
   *
   * @throws DriftlineError where the store is away; the next run begins from what is stored
   */
  run(options?: { readonly final?: boolean }): Promise<{ readonly calls: number; readonly rows: number }>;
}

/** No model has this name: names of models begin with a letter or a digit. */
const MARKS_OF = " pairs";
/** Under this source stands up to when lonely halves have been buried, ms. */
const BURIED = { source: " unpaired", partition: 0 };
/** Of more calls in one run some are paired twice, into the same rows. */
const CALLS_REMEMBERED = 100_000;
/** Lonely halves are looked for so often within the time that they have. */
const LOOKS = 20;
const MOST_OFTEN_MS = 1_000;
const LEAST_OFTEN_MS = 60_000;

/** The source of the predictions whose answers came from `source`, read as `format`. */
export const pairSource = (format: string, source: string): string => `pairs:${format}:${source}`;

/** The format in the name of such a source. */
export const formatOfPairs = (source: string): string => source.split(":")[1] ?? "";

export function createPairing(options: PairingOptions): Pairing {
  const pairing = new PairingStation(options);
  let last: Promise<unknown> = Promise.resolve();
  return {
    run({ final = false } = {}) {
      const next = last.then(() => pairing.run(final));
      last = next.catch(() => undefined);
      return next;
    },
  };
}

class PairingStation {
  readonly #options: PairingOptions;
  #marks: Marks | null = null;
  /** Next offset by source and partition. */
  readonly #next = new Map<string, number>();
  #lookedAt = Number.NEGATIVE_INFINITY;

  constructor(options: PairingOptions) {
    this.#options = options;
  }

  async run(final: boolean): Promise<{ calls: number; rows: number }> {
    try {
      const marks = (this.#marks ??= await readMarks(this.#options.lane, MARKS_OF));
      const done = await this.#pairNew(marks);
      await this.#bury(marks, final);
      return done;
    } catch (thrown) {
      // What is known in memory may be ahead of the store.
      this.#marks = null;
      this.#next.clear();
      throw thrown;
    }
  }

  async #pairNew(marks: Marks): Promise<{ calls: number; rows: number }> {
    const { lane, sink } = this.#options;
    const done = { calls: 0, rows: 0 };
    const ranges = await readNewRanges(lane, marks);
    // Of a call whose sides lie in two of the ranges both are read with each.
    const paired = new Set<string>();
    for (const range of ranges) {
      const late: StoredHalf[] = [];
      const groups = new Map<string, { source: string; partition: number; texts: string[] }>();
      for (const { request, response } of callsOf(await readCalls(lane, range))) {
        const call = JSON.stringify([request.exchange, request.id]);
        if (paired.has(call)) continue;
        if (paired.size < CALLS_REMEMBERED) paired.add(call);
        const rows = await this.#joined(request, response);
        if (rows === null) continue;
        const source = pairSource(response.format, response.source);
        const { partition } = response;
        const key = partitionKey({ source, partition });
        if (Math.abs(request.storedAt - response.storedAt) > this.#options.withinMs) late.push(request, response);
        const group = groups.get(key) ?? { source, partition, texts: [] };
        group.texts.push(...rows);
        groups.set(key, group);
        done.calls++;
        done.rows += rows.length;
      }
      for (const { source, partition, texts } of groups.values())
        await sink.push(await this.#placed(source, partition, texts));
      await withdraw(lane, late);
    }
    if (ranges.length === 0) return done;
    // Rows and their commit records first: a crash before the marks pairs the same calls again, one after them never loses any.
    await sink.flush();
    await writeMarks(lane, MARKS_OF, marks);
    return done;
  }

  /** The predictions of a call as native JSON; null where its halves do not fit each other, which makes a dead letter. */
  async #joined(request: StoredHalf, response: StoredHalf): Promise<string[] | null> {
    const { lane, deadLetterBytes, keepsRedactedAlone, metrics } = this.#options;
    try {
      return pairedEvents(request, response);
    } catch (thrown) {
      const { source, partition, offset, format } = response;
      const { reason, detail } = refusalOf(thrown);
      const isKept = !keepsRedactedAlone || (request.body.redacted && response.body.redacted);
      const { id, exchange } = request;
      const sides = losslessText({ exchange, id, request: request.body, response: response.body });
      const kept = isKept
        ? { detail: `the call ${id}: ${detail}`, raw: keptBytes(sides, deadLetterBytes).toString() }
        : { detail: withheld(reason), raw: "" };
      await lane.insertRows("dead_letters", [{ source, partition, offset, item: 0, format, reason, ...kept }]);
      metrics?.deadLetters(source, format, reason, 1);
      return null;
    }
  }

  async #placed(source: string, partition: number, texts: readonly string[]): Promise<RawMessage[]> {
    const key = partitionKey({ source, partition });
    let next = this.#next.get(key) ?? (await this.#options.sink.position(source, partition)) ?? 0;
    const messages = texts.map((value) => ({ source, partition, offset: next++, value }));
    this.#next.set(key, next);
    return messages;
  }

  async #bury(marks: Marks, final: boolean): Promise<void> {
    const { lane, clock, withinMs, deadLetterBytes, keepsRedactedAlone, metrics } = this.#options;
    const now = clock.now();
    const pause = Math.min(LEAST_OFTEN_MS, Math.max(MOST_OFTEN_MS, withinMs / LOOKS));
    if (!final && now - this.#lookedAt < pause) return;
    const key = partitionKey(BURIED);
    const from = marks.get(key)?.nextOffset ?? 0;
    const due = Math.max(from, now - withinMs);
    const to = final ? now + 1 : due;
    const limits = { from, to, withinMs, deadLetterBytes, keepsRedactedAlone };
    for (const { source, format, halves } of await buryUnpaired(lane, limits))
      metrics?.deadLetters(source, format, "unpaired", halves);
    marks.set(key, { ...BURIED, nextOffset: due });
    await writeMarks(lane, MARKS_OF, new Map([[key, { ...BURIED, nextOffset: due }]]));
    this.#lookedAt = now;
  }
}
