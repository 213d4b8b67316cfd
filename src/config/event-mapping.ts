/** `events:`: where the fields of an event lie in a payload, so that an existing flat or nested payload needs no change. */
import { z } from "zod";

const path = z.string().min(1).describe("Path of the field in the payload, with dots for nested objects.");
const fieldSource = z.union([path, z.strictObject({ value: z.string().describe("The same text for every event.") })]);

export const eventMappingSchema = z
  .strictObject({
    type: fieldSource.default("type").describe("Which of `prediction` and `label` the payload is."),
    id: fieldSource.default("id").describe("Pairs a prediction with its label."),
    model: fieldSource.default("model").describe("Name of the model."),
    version: fieldSource.default("version").describe("Version of the model; absent is ''."),
    variant: fieldSource.default("variant").describe("Champion, challenger, canary; absent is ''."),
    timestamp: fieldSource.default("timestamp").describe("Event time."),
    prediction: fieldSource.default("prediction").describe("Predicted class or number."),
    score: fieldSource.default("score").describe("Probability or score of the positive class."),
    label: fieldSource.default("label").describe("Ground truth, of label events."),
    entity: fieldSource
      .optional()
      .describe(
        "Whom or what the event is about, for labels that are joined by it (`join_labels`); left out, or absent in an event: the feature, segment or field that `join_labels.entity` names.",
      ),
    probabilities: path.default("probabilities").describe("Object of class to probability."),
    segments: path.default("segments").describe("Object of segment name to value."),
    attributions: path.default("attributions").describe("Object of feature to attribution."),
    features: z
      .union([path, z.literal("*"), z.array(path), z.record(z.string(), path)])
      .default("features")
      .describe(
        "Path of the object that holds the features; or a list of paths; or a map from feature name to path; or `*`: every top-level field that no other key of this mapping names.",
      ),
  })
  .meta({ id: "event-mapping", description: "Where the fields of an event lie in the payload." });

export type EventMapping = z.output<typeof eventMappingSchema>;
export type FieldSource = z.output<typeof fieldSource>;
