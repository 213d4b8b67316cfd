import { z } from "zod";
import { defineDetector } from "../src/core/detector.ts";

export const totalVariation = defineDetector({
  name: "total-variation", title: "t", description: "d", citation: "c", subjectKinds: ["feature"], featureKinds: ["numeric"], byDefault: false, range: [0, 1], unit: "share",
  options: z.strictObject({ threshold: z.number().default(0.05).describe("x"), min_rows: z.int().default(200).describe("x") }),
  examples: [{ reference: { bins: [1] }, window: { bins: [1] }, value: 0, source: "x" }, { reference: { bins: [1] }, window: { bins: [1] }, value: 0, source: "x" }],
  compare: () => ({ status: "insufficient", rows: 0, needed: 1, reason: "" }),
});
