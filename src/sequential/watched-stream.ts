/**
 * One stream under one online detector, value by value: the detector's own state, the unit that its options are in, and what the stream was
 * like since it last changed. Values are taken window by window, and each window gives one answer.
 */
import { z } from "zod";
import {
  LARGEST,
  type SequentialDetector,
  type SequentialRun,
  type SequentialState,
} from "../core/sequential-detector.ts";
import { noMoments, type RunningMoments, standardDeviation, withValue } from "../math/running-moments.ts";
import {
  addValue,
  changeOf,
  type MeanChange,
  type MeanHistory,
  meanHistorySchema,
  newHistory,
} from "./mean-history.ts";

/** What the options of the detector take for 1: a number, or the standard deviation of the first so many values. */
export type StreamUnit = number | { readonly learnFrom: number };

export interface FoundChange extends MeanChange {
  /** Time of the value that showed it, ms. */
  readonly foundAt: number;
}

/** What a detector says of the values of one window. */
export interface WindowAnswer {
  /** Values taken; those that are none of the detector's domain are not among them. */
  readonly n: number;
  /** The detector's number and limit where they came closest, or first passed, in this window; null where none was judged. */
  readonly nearest: { readonly score: number; readonly limit: number } | null;
  /** Values since the start, and how many the detector needs, as of the last that was not judged. */
  readonly learning: { readonly seen: number; readonly needed: number } | null;
  readonly warning: boolean;
  /** The first ones; `changeCount` counts all. */
  readonly changes: readonly FoundChange[];
  readonly changeCount: number;
}

export interface WatchedStream {
  /** Takes one value. `at`: its time, ms. */
  take(value: number, at: number): void;
  /** The answer for the values since the last call. */
  endWindow(): WindowAnswer;
  /** Plain data, as of the last value. */
  save(): unknown;
}

/** Changes of one window that are told apart. */
const MOST_CHANGES = 20;

const savedSchema = z.strictObject({
  detector: z.unknown(),
  learned: z.strictObject({ count: z.int().min(0), mean: z.number(), squares: z.number() }),
  unit: z.number().positive().nullable(),
  history: meanHistorySchema,
});

/**
 * A stream from its start, or as it was saved.
 *
 * @throws ZodError on options that the detector does not have, and on what was not saved by such a stream
 */
export function watchStream(
  detector: SequentialDetector,
  options: unknown,
  unit: StreamUnit,
  saved?: unknown,
): WatchedStream {
  const run = detector.bind(options);
  if (saved === undefined) return new Watched(run, unit, run.start(), noMoments, null, newHistory());
  const state = savedSchema.parse(saved);
  return new Watched(run, unit, detector.restore(state.detector), state.learned, state.unit, state.history);
}

const nothing = (): { -readonly [Key in keyof WindowAnswer]: WindowAnswer[Key] } & { changes: FoundChange[] } => ({
  n: 0,
  nearest: null,
  learning: null,
  warning: false,
  changes: [],
  changeCount: 0,
});

class Watched implements WatchedStream {
  readonly #run: SequentialRun;
  readonly #unit: StreamUnit;
  #state: SequentialState;
  #learned: RunningMoments;
  /** Once it is known. */
  #divisor: number | null;
  #history: MeanHistory;
  #answer = nothing();

  constructor(
    run: SequentialRun,
    unit: StreamUnit,
    state: SequentialState,
    learned: RunningMoments,
    divisor: number | null,
    history: MeanHistory,
  ) {
    this.#run = run;
    this.#unit = unit;
    this.#state = state;
    this.#learned = learned;
    this.#divisor = typeof unit === "number" ? unit : divisor;
    this.#history = history;
  }

  take(given: number, at: number): void {
    if (!Number.isFinite(given)) return;
    const value = Math.min(LARGEST, Math.max(-LARGEST, given));
    if (this.#divisor === null) {
      this.#learn(value);
      return;
    }
    const { state, verdict } = this.#run.step(this.#state, value / this.#divisor);
    this.#state = state;
    if (verdict.status === "skipped") return;
    const answer = this.#answer;
    answer.n++;
    addValue(this.#history, value, at);
    if (verdict.status === "insufficient") {
      answer.learning = { seen: verdict.seen, needed: verdict.needed };
      return;
    }
    if (verdict.warning) answer.warning = true;
    if (answer.changeCount === 0 && isNearer(verdict, answer.nearest))
      answer.nearest = { score: verdict.score, limit: verdict.limit };
    if (!verdict.drifted) return;
    if (answer.changeCount === 0) answer.nearest = { score: verdict.score, limit: verdict.limit };
    const change = changeOf(this.#history);
    answer.changeCount++;
    if (change !== null && answer.changes.length < MOST_CHANGES) answer.changes.push({ ...change, foundAt: at });
    this.#history = newHistory();
  }

  /** The first values say what the unit is; a stream that never varies has none. */
  #learn(value: number): void {
    const { learnFrom } = typeof this.#unit === "number" ? { learnFrom: 0 } : this.#unit;
    this.#learned = withValue(this.#learned, value);
    this.#answer.n++;
    this.#answer.learning = { seen: this.#learned.count, needed: learnFrom };
    const deviation = standardDeviation(this.#learned);
    if (this.#learned.count >= learnFrom && deviation > 0) this.#divisor = deviation;
  }

  endWindow(): WindowAnswer {
    const answer = this.#answer;
    this.#answer = nothing();
    return answer;
  }

  save(): unknown {
    return {
      detector: this.#state,
      learned: this.#learned,
      unit: this.#divisor,
      history: structuredClone(this.#history),
    };
  }
}

/** By the share of the limit that is reached. A limit of 0 is not reached by a score of 0. */
function isNearer(
  a: { readonly score: number; readonly limit: number },
  b: { readonly score: number; readonly limit: number } | null,
): boolean {
  if (b === null) return true;
  const share = ({ score, limit }: { readonly score: number; readonly limit: number }) =>
    limit > 0 ? score / limit : score > limit ? Number.POSITIVE_INFINITY : 0;
  return share(a) > share(b);
}
