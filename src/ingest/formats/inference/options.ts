/** Options that all formats of calls to inference services share: what features and outputs are called. */
import { z } from "zod";

const featureNames = z.array(z.string().min(1)).min(1);

/** What names are made of: `{namespace}/{inferenceservicename}`. What the call does not say is empty. */
export const template = () =>
  z
    .string()
    .regex(
      /^[^{}]*(?:\{[A-Za-z_][\w-]*\}[^{}]*)*$/,
      "text with {names}, for example {namespace}.{inferenceservicename}",
    );

/** The text of a template. */
export function filled(text: string, values: Readonly<Record<string, string>>): string {
  return text.replace(/\{([^{}]+)\}/g, (_, key: string) => (Object.hasOwn(values, key) ? (values[key] ?? "") : ""));
}

export const callOptions = {
  features: z
    .union([featureNames, z.record(z.string(), featureNames)])
    .optional()
    .describe(
      "Names of the features in the order of their columns, for inputs without names of their own: a list, or one for each model. Left out: `<input>_0`, `<input>_1`, ….",
    ),
  vectors: z
    .array(z.string().min(1))
    .optional()
    .describe(
      "Inputs that are one vector a row, such as an embedding: kept whole as the feature of that name, and no columns. `input` is one without a name.",
    ),
  prediction: z
    .string()
    .optional()
    .describe(
      "Output that is the prediction. Left out: the first with one value a row that is neither score nor probability.",
    ),
  score: z
    .string()
    .optional()
    .describe("Output that is the score of the positive class. Left out: one called score, probability or confidence."),
  probabilities: z
    .string()
    .optional()
    .describe(
      "Output that holds a probability for each class. Left out: one called so, or a lone one whose rows add up to 1.",
    ),
  classes: z
    .array(z.union([z.string(), z.number(), z.boolean()]))
    .min(2)
    .optional()
    .describe("Classes in the order of the probabilities. Left out: 0, 1, 2, …."),
  threshold: z
    .number()
    .min(0)
    .max(1)
    .default(0.5)
    .describe("Score from which on the second class is predicted, where the service answers a score alone."),
  row_ids: z
    .enum(["numbered", "plain_if_one"])
    .default("numbered")
    .describe(
      "Ids of predictions: `numbered` is `<id>/<row>`, from 0, always; `plain_if_one` leaves `/0` away where a call has one row, so that labels carry the id of the call.",
    ),
} as const;

const shape = z.object(callOptions);
export type CallOptions = z.output<typeof shape>;

/** The configured names of a model's features, or null. */
export function namesFor({ features }: Pick<CallOptions, "features">, model: string): readonly string[] | null {
  if (features === undefined) return null;
  if (Array.isArray(features)) return features;
  return Object.hasOwn(features, model) ? (features[model] ?? null) : null;
}
