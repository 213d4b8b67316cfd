/** The names of the metrics that a model has, from its configuration alone. */
import { detectors } from "../../detectors/index.ts";
import { onlineDetectors } from "../../detectors/online/index.ts";
import { detectorChoices } from "./detectors.ts";
import { estimatedFairnessNames, fairnessNames } from "./fairness.ts";
import { impliedEstimates } from "./kpis.ts";
import type { ModelConfig } from "./schema.ts";

/** Names of the detectors that run for a model: the written ones, or those that are on by default. */
const detectorNames = (model: ModelConfig): readonly string[] =>
  model.detectors === undefined
    ? detectorChoices.filter((detector) => detector.byDefault).map((detector) => detector.name)
    : [...new Set(model.detectors.map((detector) => detector.use))];

/** Of those that compare windows: the ones with a row for each subject, or with one for the whole model. */
export function windowDetectorNames(model: ModelConfig, rows: "subject" | "model"): readonly string[] {
  const ofModel = (name: string) =>
    detectors.find((detector) => detector.name === name)?.subjectKinds.includes("model") ?? true;
  const online = new Set(onlineDetectors.map(({ name }) => name));
  return detectorNames(model).filter((name) => !online.has(name) && ofModel(name) === (rows === "model"));
}

/** Every metric that a rule may name. */
export const modelMetrics = (model: ModelConfig): readonly string[] => [
  ...detectorNames(model),
  ...[...model.kpis, ...impliedEstimates(model)].map((kpi) => ("use" in kpi ? kpi.use : kpi.name)),
  ...(model.fairness === undefined ? [] : fairnessNames),
  ...(model.fairness !== undefined && model.estimates && model.task === "binary" ? estimatedFairnessNames : []),
  // Where the reference has what they compare with.
  ...(model.reference === undefined ? [] : ["attribution-ranking"]),
  ...(model.reference === undefined || model.task !== "binary" ? [] : ["concept-drift"]),
];
