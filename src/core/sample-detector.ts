/** The contract of a detector of several features together: a pure function from two samples of rows to a value and its noise. */
import type { z } from "zod";
import type { DetectorResult } from "./detector.ts";
import type { FeatureKind } from "./model-schema.ts";
import type { RowSample } from "./row-sample.ts";

interface Description {
  readonly name: string;
  readonly title: string;
  /** Sentences: what it measures, when to prefer a sibling, how it behaves under no drift, what it costs. */
  readonly description: string;
  readonly citation: string;
  /** Kinds of features that it looks at; others are left out of its samples. */
  readonly featureKinds: readonly FeatureKind[];
  /** Off: a window costs as much as thousands of events, so that people should choose. */
  readonly byDefault: false;
  /** Least and greatest possible value. */
  readonly range: readonly [number, number];
  readonly unit: string;
}

type Measured = Extract<DetectorResult, { readonly status: "ok" }>;

/** As of a detector of one subject, but that the detail may hold lists of names, and of names with a number each. */
export type SampleResult =
  | Exclude<DetectorResult, Measured>
  | (Omit<Measured, "detail"> & {
      readonly detail?: Readonly<
        Record<string, number | string | readonly string[] | readonly (readonly [string, number])[]>
      >;
    });

export type CompareSamples = (reference: RowSample, window: RowSample) => SampleResult;

export interface SampleDetector extends Description {
  /** A strict object with at least `threshold`, `min_rows` and `sample_rows`, every key with a default and a description. */
  readonly options: z.ZodObject;
  /** Checks the options once; the pipeline calls the returned function per window. Throws ZodError. */
  bind(options: unknown): CompareSamples;
}

export function defineSampleDetector<const Options extends z.ZodObject>(
  detector: Description & {
    readonly options: Options;
    compare(reference: RowSample, window: RowSample, options: z.output<Options>): SampleResult;
  },
): SampleDetector {
  return {
    ...detector,
    bind(options) {
      const checked = detector.options.parse(options);
      return (reference, window) => detector.compare(reference, window, checked);
    },
  };
}
