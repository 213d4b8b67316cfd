/** A model's detectors of several features together, with their options checked. */
import { z } from "zod";
import { sampleDetectors } from "../../../detectors/multivariate/index.ts";
import type { ModelConfig } from "../../config/schema.ts";
import type { SampledColumn } from "../../core/row-sample.ts";
import type { CompareSamples } from "../../core/sample-detector.ts";
import type { ReferenceSubject } from "../../core/summary.ts";

export interface BoundSampleDetector {
  readonly name: string;
  readonly compare: CompareSamples;
  /** Rows of each sample at most. */
  readonly sampleRows: number;
  watches(column: Pick<SampledColumn, "name" | "kind">): boolean;
}

/** Those that the model lists; none without a reference. */
export function bindSampleDetectors(
  config: ModelConfig,
  subjects: readonly ReferenceSubject[],
): readonly BoundSampleDetector[] {
  return sampleDetectors.flatMap((detector): BoundSampleDetector[] => {
    const kinds = new Set(detector.featureKinds);
    const written = config.detectors?.find(({ use }) => use === detector.name);
    if (written === undefined || subjects.length === 0) return [];
    const { use: _use, subjects: chosen, ...options }: Readonly<Record<string, unknown>> = { ...written };
    const wanted = Array.isArray(chosen) ? new Set<unknown>(chosen) : null;
    const checked = { ...options, min_rows: options["min_rows"] ?? config.min_rows };
    return [
      {
        name: detector.name,
        compare: detector.bind(checked),
        sampleRows: z.looseObject({ sample_rows: z.number() }).parse(detector.options.parse(checked)).sample_rows,
        watches: ({ name, kind }) => kinds.has(kind) && (wanted === null || wanted.has(name)),
      },
    ];
  });
}
