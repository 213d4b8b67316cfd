/** `kpis:`: a built-in by its name, or a ClickHouse expression over the window's joined rows. */
import { z } from "zod";
import { onFailureSchema } from "./kpi-plans.ts";
import { clearAfterSchema, keepFiringSchema } from "./rules.ts";

export const kpiNames = [
  "accuracy",
  "precision",
  "recall",
  "specificity",
  "false_positive_rate",
  "f1",
  "roc_auc",
  "log_loss",
  "brier",
  "mae",
  "rmse",
  "r2",
  "bias",
  "mape",
  "median_absolute_error",
  "pinball_loss",
  "label_coverage",
  "label_delay",
  "label_delay_p90",
  "ece",
  "weighted_precision",
  "weighted_recall",
  "weighted_f1",
  "top_2_accuracy",
  "top_3_accuracy",
  "top_5_accuracy",
  "estimated_accuracy",
  "estimated_precision",
  "estimated_recall",
  "estimated_specificity",
  "estimated_f1",
  "estimated_roc_auc",
  "estimated_mae",
  "estimated_rmse",
] as const;
export type KpiName = (typeof kpiNames)[number];

const estimates = {
  estimated_accuracy: "accuracy",
  estimated_precision: "precision",
  estimated_recall: "recall",
  estimated_specificity: "specificity",
  estimated_f1: "f1",
  estimated_roc_auc: "roc_auc",
  estimated_mae: "mae",
  estimated_rmse: "rmse",
} as const satisfies Partial<Record<KpiName, KpiName>>;
type EstimateName = keyof typeof estimates;

export const isEstimate = (kpi: KpiName): kpi is EstimateName => Object.hasOwn(estimates, kpi);

/** The KPI that an estimate stands for until labels come. */
export const estimatedBy = (estimate: EstimateName): (typeof estimates)[EstimateName] => estimates[estimate];

const limits = {
  min: z.number().optional().describe("Below this the KPI has breached, and an incident opens."),
  max: z.number().optional().describe("Above this the KPI has breached, and an incident opens."),
  min_rows: z
    .int()
    .min(1)
    .optional()
    .describe("Labelled rows below which the KPI is not judged; default: the model's."),
  min_coverage: z.number().min(0).max(1).default(0.8).describe("Share of labels below which the limit is not judged."),
  clear: z.number().optional().describe("The incident clears on this side of the limit only; default: the limit."),
  for: z
    .string()
    .regex(/^\d+ of \d+$/)
    .default("1 of 1")
    .describe("N of M windows."),
  clear_after: clearAfterSchema,
  keep_firing: keepFiringSchema,
  severity: z.enum(["info", "ticket", "page"]).default("ticket").describe("How urgent a breach is."),
  on_failure: onFailureSchema.optional(),
};

const builtIn = z.strictObject({
  use: z.enum(kpiNames).describe("Name of the KPI."),
  quantile: z
    .number()
    .gt(0)
    .lt(1)
    .optional()
    .describe("Of `pinball_loss` alone: the quantile that the model predicts; default 0.5."),
  ...limits,
});
const custom = z.strictObject({
  name: z
    .string()
    .regex(/^[a-z][a-z0-9_]*$/)
    .describe("Name of the KPI: snake_case."),
  sql: z
    .string()
    .min(1)
    .describe(
      "ClickHouse aggregate over the window's rows: columns prediction, prediction_text, score, label, label_text, features.<name>, segments.",
    ),
  needs_labels: z
    .boolean()
    .optional()
    .describe("Only rows that have a label count; default: whether the expression names `label`."),
  ...limits,
});

export const kpiSchema = z
  .preprocess((value) => (typeof value === "string" ? { use: value } : value), z.union([builtIn, custom]))
  .meta({ short: { enum: kpiNames } });
export type KpiConfig = z.output<typeof kpiSchema>;

/**
 * The estimates that come with the KPIs of a model without being listed: one of each that has one, under the same limits. No incident comes
 * of them: for that an estimate has to be listed, or a rule written.
 */
export function impliedEstimates({
  kpis,
  estimates: wanted,
  task,
  reference,
}: {
  readonly kpis: readonly KpiConfig[];
  readonly estimates: boolean;
  readonly task: string;
  readonly reference?: unknown;
}): Extract<KpiConfig, { use: KpiName }>[] {
  if (!wanted || reference === undefined) return [];
  const listed = new Set(kpis.flatMap((kpi) => ("use" in kpi ? [kpi.use] : [])));
  return kpis.flatMap((kpi) => {
    const name =
      "use" in kpi ? kpiNames.filter(isEstimate).find((estimate) => estimates[estimate] === kpi.use) : undefined;
    if (name === undefined || listed.has(name) || (name === "estimated_roc_auc" && task !== "binary")) return [];
    return [{ ...kpi, use: name }];
  });
}
