/** `alerts.rules:`: thresholds on any metric for N of M windows. */
import { z } from "zod";
import { duration } from "./duration.ts";

/** Shared with the limits of KPIs. */
export const clearAfterSchema = z
  .int()
  .min(1)
  .max(100)
  .optional()
  .describe(
    "Good windows in a row before it clears. Left out: 2, and twice as many each time it goes back and forth, up to 16, so that flapping is told once.",
  );
export const keepFiringSchema = duration()
  .prefault("0s")
  .describe("Least time since the last window that breached before it clears.");

const written = z
  .strictObject({
    name: z.string().optional().describe("Shown to people; default: the rule in words."),
    metric: z.string().describe("Name of a detector or KPI."),
    subjects: z.array(z.string()).optional().describe("Features (or prediction, score) it applies to; left out: all."),
    segments: z
      .array(z.string().min(1))
      .min(1)
      .optional()
      .describe(
        "Of a KPI: the segments that it applies to, each for itself, such as `country=DE`, or one of the model's `segments` for all of its values, such as `country`; left out: the whole alone.",
      ),
    windows: z.array(z.string()).optional().describe("Windows it applies to; left out: all of the model."),
    above: z.number().optional().describe("Fires above this value."),
    below: z.number().optional().describe("Fires below this value."),
    for: z
      .string()
      .regex(/^\d+ of \d+$/, 'write for example "2 of 3"')
      .default("1 of 1")
      .describe("N of M windows."),
    clear: z.number().optional().describe("Clears on this side only; default: the firing threshold."),
    clear_after: clearAfterSchema,
    keep_firing: keepFiringSchema,
    severity: z.enum(["info", "ticket", "page"]).default("ticket").describe("How urgent it is."),
    min_coverage: z
      .number()
      .min(0)
      .max(1)
      .default(0.8)
      .describe("Windows with a smaller share of labels are not judged (KPIs only)."),
  })
  .describe("Without `above` and `below` the rule fires where the metric has breached its own threshold.");

const SHORT = /^(\S+)\s+(?:(breached)|([<>])\s*(-?\d+(?:\.\d+)?))(?:\s+for\s+(\d+ of \d+)(?:\s+windows?)?)?$/;

const EXAMPLES =
  'write for example "accuracy < 0.8 for 2 of 3 windows", "psi breached" or { metric: accuracy, below: 0.8 }';

/** `accuracy < 0.8 for 2 of 3 windows` is short for `{ metric: accuracy, below: 0.8, for: 2 of 3 }`. */
export const ruleSchema = z
  .preprocess((value, context) => {
    if (typeof value !== "string") return value;
    const match = SHORT.exec(value.trim());
    if (match === null) {
      context.addIssue({ code: "custom", message: `"${value}" is no rule; ${EXAMPLES}` });
      return z.NEVER;
    }
    const [, metric, , sign, limit, times] = match;
    return {
      metric,
      ...(sign === "<" ? { below: Number(limit) } : sign === ">" ? { above: Number(limit) } : {}),
      ...(times === undefined ? {} : { for: times }),
    };
  }, written)
  .meta({ short: { type: "string", examples: ["accuracy < 0.8 for 2 of 3 windows", "psi breached"] } });
