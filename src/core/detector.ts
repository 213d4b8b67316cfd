/** The contract of a window detector: a pure function from a reference and a window to a value and its noise. */
import { z } from "zod";
import type { FeatureKind } from "./model-schema.ts";
import type { ReferenceSubject, SubjectKind, WindowSummary } from "./summary.ts";

/** What the detector would show if nothing had changed, at these sample sizes. */
export interface Noise {
  readonly expected: number;
  /** The 99 % point under no drift, in the unit of `value`. */
  readonly upper99: number;
  /** The 1 % point under no drift; only where too little is a breach as well (volume). */
  readonly lower01?: number;
}

export type DetectorResult =
  | {
      readonly status: "ok";
      /** The plain textbook value. */
      readonly value: number;
      readonly noise: Noise;
      /** The least effect that matters, in the unit of `value`: a breach exceeds both this and `noise.upper99`. */
      readonly least: number;
      /** On which side of the limit a breach lies: `above` (left out) or `below`, then under both `least` and `noise.lower01`. */
      readonly breach?: "above" | "below";
      readonly lower?: number;
      readonly upper?: number;
      /** Further numbers for people (p-value, effect size, bound of the error): snake_case keys, finite or null. */
      readonly detail?: Readonly<Record<string, number | string | null>>;
    }
  | { readonly status: "insufficient"; readonly rows: number; readonly needed: number; readonly reason: string };

type Measured = Pick<Extract<DetectorResult, { readonly status: "ok" }>, "value" | "noise" | "least" | "breach">;

/** The limit that `value` has to pass to be a breach: the stricter of the least effect and the noise. The `threshold` of a metric row. */
export function limitOf({ least, noise, breach }: Measured): number {
  return breach === "below" ? Math.min(least, noise.lower01 ?? least) : Math.max(least, noise.upper99);
}

/** Whether the value lies strictly beyond its limit; a value at the limit is no breach. */
export function hasBreached(result: Measured): boolean {
  return result.breach === "below" ? result.value < limitOf(result) : result.value > limitOf(result);
}

/** The option `min_rows`, which every detector has. `counted`: what is counted, as its description begins. */
export const minRowsOption = (counted = "Rows, missing values included,") =>
  z.int().min(1).default(200).describe(`${counted} below which a window is not judged.`);

/** The answer where reference or window hold too little to compare, else undefined: "not enough data" is never a number. */
export function insufficient(referenceRows: number, windowRows: number, needed: number): DetectorResult | undefined {
  if (!(referenceRows > 0)) {
    return { status: "insufficient", rows: windowRows, needed, reason: "The reference has no rows to compare with." };
  }
  const least = Math.max(1, needed);
  if (windowRows >= least) return undefined;
  return {
    status: "insufficient",
    rows: windowRows,
    needed: least,
    reason: `The window has ${windowRows} rows; ${least} are needed.`,
  };
}

/** A worked example, checked by the conformance tests to 1e-9. */
export interface DetectorExample {
  readonly reference: Partial<ReferenceSubject> & { readonly bins: readonly number[] };
  readonly window: Partial<WindowSummary> & { readonly bins: readonly number[] };
  readonly options?: Readonly<Record<string, unknown>>;
  readonly value: number;
  /** Where the value comes from: "scipy 1.14.1 spatial.distance.jensenshannon(base=2)", "by hand". */
  readonly source: string;
}

interface Description {
  readonly name: string;
  readonly title: string;
  /** Sentences: what it measures, when to prefer a sibling, how it behaves under no drift. */
  readonly description: string;
  readonly citation: string;
  readonly subjectKinds: readonly SubjectKind[];
  readonly featureKinds: readonly FeatureKind[];
  /** On when a model lists no detectors. */
  readonly byDefault: boolean;
  /** Least and greatest possible value. */
  readonly range: readonly [number, number];
  readonly unit: string;
  readonly examples: readonly [DetectorExample, DetectorExample, ...DetectorExample[]];
}

export type Compare = (reference: ReferenceSubject, window: WindowSummary) => DetectorResult;

export interface Detector extends Description {
  /** A strict object with at least `threshold` and `min_rows`, every key with a default and a description. */
  readonly options: z.ZodObject;
  /** Checks the options once; the pipeline calls the returned function per window. Throws ZodError. */
  bind(options: unknown): Compare;
}

export function defineDetector<const Options extends z.ZodObject>(
  detector: Description & {
    readonly options: Options;
    compare(reference: ReferenceSubject, window: WindowSummary, options: z.output<Options>): DetectorResult;
  },
): Detector {
  return {
    ...detector,
    bind(options) {
      const checked = detector.options.parse(options);
      return (reference, window) => detector.compare(reference, window, checked);
    },
  };
}
