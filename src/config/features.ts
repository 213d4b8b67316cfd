/** `features:` of a model: what each is, where the reference would be read otherwise. */
import { z } from "zod";
import { DEFAULT_DIRECTIONS, LEAST_DIMENSION, MOST_DIMENSION, MOST_DIRECTIONS } from "../core/vector.ts";

const plain = z.strictObject({
  kind: z
    .enum(["numeric", "categorical", "ignore"])
    .describe("A number, or one of some values; `ignore` leaves it unwatched."),
});
const vector = z.strictObject({
  kind: z.literal("vector").describe("A list of numbers, such as an embedding."),
  directions: z
    .int()
    .min(0)
    .max(MOST_DIRECTIONS)
    .default(DEFAULT_DIRECTIONS)
    .describe("How many principal directions of the reference are followed."),
  dimension: z
    .int()
    .min(LEAST_DIMENSION)
    .max(MOST_DIMENSION)
    .optional()
    .describe("How many numbers it has. Left out: as many as most vectors of the reference."),
});

/** A kind alone stands for its defaults. */
export const featureSchema = z
  .preprocess(
    (value) => (typeof value === "string" ? { kind: value } : value),
    z.discriminatedUnion("kind", [plain, vector]),
  )
  .meta({ short: { enum: ["numeric", "categorical", "vector", "ignore"] } })
  .describe("Kind of the feature where the reference would be read otherwise; `ignore` leaves it unwatched.");
export type FeaturePin = z.output<typeof featureSchema>;

/** The features as hashes know them: a kind that has no options is its name. */
export const featureParts = (features: Readonly<Record<string, FeaturePin>>): Record<string, unknown> =>
  Object.fromEntries(Object.entries(features).map(([name, pin]) => [name, pin.kind === "vector" ? pin : pin.kind]));

/** What is written of a feature; undefined where nothing is. */
export const pinOf = (features: Readonly<Record<string, FeaturePin>>, feature: string): FeaturePin | undefined =>
  Object.hasOwn(features, feature) ? features[feature] : undefined;
