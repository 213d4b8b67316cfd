/** `join_labels:`: how a label finds its prediction. */
import { z } from "zod";
import { duration } from "./duration.ts";

export const joinLabelsSchema = z.discriminatedUnion("by", [
  z.strictObject({ by: z.literal("id").describe("A label carries the id of its prediction.") }),
  z.strictObject({
    by: z
      .literal("entity")
      .describe(
        "A label without an id is of the latest prediction of its entity at or before its time, in each version and variant.",
      ),
    entity: z
      .string()
      .min(1)
      .describe(
        "The feature, segment or field that holds the entity's key, for example customer_id; `events.entity` goes before it.",
      ),
    within: duration({ least: 1 }).prefault("30d").describe("How long before its label such a prediction may lie."),
  }),
]);
