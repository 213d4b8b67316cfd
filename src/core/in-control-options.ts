/** Options and state of control charts that know, or learn first, what the stream is like while nothing has changed. */
import { z } from "zod";

export const inControlOptions = {
  target: z.number().nullable().default(null).describe("Mean while nothing has changed; null: learned."),
  standard_deviation: z
    .number()
    .positive()
    .nullable()
    .default(null)
    .describe("Standard deviation while nothing has changed; null: learned."),
  min_values: z
    .int()
    .min(2)
    .default(100)
    .describe("Values after a start that target and standard deviation are learned from, if they are not given."),
};

export const learnedMoments = z.strictObject({ count: z.int().min(0), mean: z.number(), squares: z.number() });
