/** The window detectors of a model, their options checked and bound. */
import { detectors as registry } from "../../detectors/index.ts";
import { graceOf, labelDelay } from "../../detectors/label-delay.ts";
import { sampleDetectors } from "../../detectors/multivariate/index.ts";
import { onlineDetectors } from "../../detectors/online/index.ts";
import type { DetectorConfig } from "../config/detectors.ts";
import type { ModelConfig } from "../config/schema.ts";
import type { Compare, Detector } from "../core/detector.ts";
import { DriftlineError } from "../core/errors.ts";
import type { ReferenceSubject, SubjectKind } from "../core/summary.ts";

export interface BoundDetector {
  readonly name: string;
  readonly compare: Compare;
  watches(subject: Pick<ReferenceSubject, "subjectKind" | "subject" | "kind">): boolean;
}

/** `label-delay` looks at other rows than those of the window, and not in every window. */
export interface LabelDelayWatch extends BoundDetector {
  /** How long labels may come after the time that they carry, ms. */
  readonly grace: number;
}

/** All but `label-delay`, in the order of the configuration. */
export const windowDetectors = (config: ModelConfig): BoundDetector[] =>
  bindDetectors(config).filter(({ name }) => name !== labelDelay.name);

function bindDetectors(config: ModelConfig): BoundDetector[] {
  const byName = new Map(registry.map((detector) => [detector.name, detector]));
  const chosen: readonly (DetectorConfig | { readonly use: string })[] =
    config.detectors ?? registry.filter((detector) => detector.byDefault).map((detector) => ({ use: detector.name }));
  const others = new Set([...sampleDetectors, ...onlineDetectors].map((detector) => detector.name));
  return chosen
    .filter(({ use }) => !others.has(use))
    .map((choice) => {
      const detector = byName.get(choice.use);
      if (detector === undefined)
        throw new DriftlineError("config_invalid", `model ${config.name}: there is no detector "${choice.use}"`);
      const { use: _use, subjects, ...options }: Readonly<Record<string, unknown>> = choice;
      return bound(
        detector,
        { ...options, min_rows: options["min_rows"] ?? config.min_rows },
        Array.isArray(subjects) ? new Set<unknown>(subjects) : null,
      );
    });
}

/** `label-delay` of a model; null where it is not watched. */
export function watchLabelDelay(config: ModelConfig): LabelDelayWatch | null {
  const detector = bindDetectors(config).find(({ name }) => name === labelDelay.name);
  if (detector === undefined) return null;
  const written = config.detectors?.find(({ use }) => use === labelDelay.name);
  return { ...detector, grace: graceOf(written ?? {}) };
}

/** A feature that never mattered has attributions of 0, all of them. */
const NOT_OF_ATTRIBUTIONS: ReadonlySet<string> = new Set(["missing-rate", "invalid-rate", "constant-value"]);

function bound(detector: Detector, options: unknown, subjects: ReadonlySet<unknown> | null): BoundDetector {
  const kinds: ReadonlySet<SubjectKind> = new Set(detector.subjectKinds);
  return {
    name: detector.name,
    compare: detector.bind(options),
    watches: ({ subjectKind, subject, kind }) =>
      // Labels are watched like the predictions that they judge, attributions like scores; of these none is ever missing or invalid.
      kinds.has(subjectKind === "label" ? "prediction" : subjectKind === "attribution" ? "score" : subjectKind) &&
      !(subjectKind === "attribution" && NOT_OF_ATTRIBUTIONS.has(detector.name)) &&
      detector.featureKinds.includes(kind) &&
      (subjects === null || subjectKind === "model" || subjects.has(subject)),
  };
}
