/** `fairness:`: groups of people (or of anything) between which a model's decisions are compared, window by window. */
import { z } from "zod";

export const fairnessNames = [
  "demographic_parity_difference",
  "demographic_parity_ratio",
  "equal_opportunity_difference",
  "equalised_odds_difference",
  "predictive_parity_difference",
] as const;
export type FairnessName = (typeof fairnessNames)[number];

/** What needs labels, estimated from calibrated scores until they come, and the measure that it stands for. */
export const estimatedFairness = {
  estimated_equal_opportunity_difference: "equal_opportunity_difference",
  estimated_equalised_odds_difference: "equalised_odds_difference",
  estimated_predictive_parity_difference: "predictive_parity_difference",
} as const satisfies Record<string, FairnessName>;
export type EstimatedFairnessName = keyof typeof estimatedFairness;
export const estimatedFairnessNames = [
  "estimated_equal_opportunity_difference",
  "estimated_equalised_odds_difference",
  "estimated_predictive_parity_difference",
] as const satisfies readonly EstimatedFairnessName[];

export const fairnessSchema = z.strictObject({
  groups: z
    .array(z.string())
    .min(1)
    .max(20)
    .describe(
      "Categorical features whose values are the groups, for example [sex, region]; each is compared for itself.",
    ),
  positive: z
    .union([z.string(), z.number(), z.boolean()])
    .optional()
    .describe("The class that is the favourable decision; default for `binary`: the positive one."),
  min_rows: z
    .int()
    .min(1)
    .default(30)
    .describe(
      "Rows that bear on a rate (predictions for demographic parity, positive labels for equal opportunity, …) below which a group is left out of the comparison.",
    ),
  max_difference: z
    .number()
    .min(0)
    .max(1)
    .default(0.1)
    .describe("A difference breaches when its whole confidence interval lies above this."),
  min_ratio: z
    .number()
    .min(0)
    .max(1)
    .default(0.8)
    .describe(
      "The ratio of demographic parity breaches when its whole confidence interval lies below this (four-fifths rule).",
    ),
});
