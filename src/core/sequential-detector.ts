/**
 * The contract of an online detector: a reducer that takes a stream of numbers one at a time and says after which of them the stream has
 * changed. What all of them share is here, once: numbers that are none are passed over, a change starts the next value anew.
 */
import { z } from "zod";

/** What a detector says of one value. A change is told once, at the value that shows it; the next value starts the detector anew. */
export type SequentialVerdict =
  | {
      readonly status: "ok";
      readonly drifted: boolean;
      /** Short of a change, but on the way; false for detectors that have no such level. */
      readonly warning: boolean;
      /** What is compared: a change has been found when it is above `limit`. Finite. */
      readonly score: number;
      readonly limit: number;
    }
  /** Too few values since the start to judge. */
  | { readonly status: "insufficient"; readonly drifted: false; readonly seen: number; readonly needed: number }
  /** Not a number of the detector's domain: passed over, and counted in the state. */
  | { readonly status: "skipped"; readonly drifted: false };

export type JudgedVerdict = Exclude<SequentialVerdict, { readonly status: "skipped" }>;

/** What is carried from value to value: plain data, the same after a round trip through JSON. */
export interface SequentialState<Own = unknown> {
  /** The last value showed a change: the next one meets a detector that has seen nothing. */
  readonly drifted: boolean;
  /** Values passed over, in all. */
  readonly skipped: number;
  /** The detector's own: O(1) in size, or O(log n). */
  readonly own: Own;
}

export interface SequentialRun<Own = unknown> {
  start(): SequentialState<Own>;
  /** Never throws and never changes `state`; the same arguments give the same answer. */
  step(state: SequentialState<Own>, value: number): { state: SequentialState<Own>; verdict: SequentialVerdict };
}

interface Description {
  readonly name: string;
  readonly title: string;
  /** Sentences: what it finds, when to prefer a sibling, how often it alarms under no change. */
  readonly description: string;
  readonly citation: string;
  /** Least and greatest value it takes; values outside are passed over. Left out: all numbers. */
  readonly domain?: readonly [number, number];
  /** Whether the unit of the stream matters; what to do about it is in `scaleNote`. */
  readonly scaleFree: boolean;
  readonly scaleNote: string;
  /** Options that are other by default where values are few: one a window. */
  readonly ofWindows?: Readonly<Record<string, number>>;
}

/** Whether it takes values of any unit, and its options are in that unit: then somebody has to say what the unit is. */
export const takesAnyNumber = ({ scaleFree, domain }: Pick<Description, "scaleFree" | "domain">): boolean =>
  !scaleFree && domain === undefined;

export interface SequentialDetector<Own = unknown> extends Description {
  /** A strict object, every key with a default and a description. */
  readonly options: z.ZodObject;
  /** Checks a state that was stored. Throws ZodError on what this detector cannot have written. */
  restore(stored: unknown): SequentialState<Own>;
  /** Checks the options once. Throws ZodError. */
  bind(options: unknown): SequentialRun<Own>;
}

const carried = z.strictObject({ drifted: z.boolean(), skipped: z.int().min(0), own: z.unknown() });

/**
 * Numbers beyond it count as it: it is larger than any quantity of this world, and a sum of squares of 10^28 such numbers is still finite.
 */
export const LARGEST = 1e140;

export function defineSequentialDetector<const Options extends z.ZodObject, const Own extends z.ZodObject>(
  detector: Description & {
    readonly options: Options;
    readonly state: Own;
    start(options: z.output<Options>): z.output<Own>;
    step(input: { readonly state: z.output<Own>; readonly value: number; readonly options: z.output<Options> }): {
      readonly state: z.output<Own>;
      readonly verdict: JudgedVerdict;
    };
  },
): SequentialDetector<z.output<Own>> {
  const [least, greatest] = detector.domain ?? [Number.NEGATIVE_INFINITY, Number.POSITIVE_INFINITY];
  return {
    ...detector,
    restore(stored) {
      const { drifted, skipped, own } = carried.parse(stored);
      return { drifted, skipped, own: detector.state.parse(own) };
    },
    bind(given) {
      const options = detector.options.parse(given);
      const fresh = detector.start(options);
      return {
        start: () => ({ drifted: false, skipped: 0, own: fresh }),
        step({ drifted, skipped, own }, value) {
          if (!Number.isFinite(value) || value < least || value > greatest) {
            return { state: { drifted, skipped: skipped + 1, own }, verdict: { status: "skipped", drifted: false } };
          }
          const { state, verdict } = detector.step({
            state: drifted ? fresh : own,
            value: Math.min(LARGEST, Math.max(-LARGEST, value)),
            options,
          });
          return { state: { drifted: verdict.drifted, skipped, own: state }, verdict };
        },
      };
    },
  };
}
