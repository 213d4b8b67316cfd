/** `compare:`: one version or variant of a model against another, on their KPIs. */
import { z } from "zod";
import type { KpiName } from "./kpis.ts";

/** KPIs that are shares or means of events, so that two versions' can be tested against each other. */
export const comparableKpis = [
  "accuracy",
  "precision",
  "recall",
  "specificity",
  "false_positive_rate",
  "brier",
] as const satisfies readonly KpiName[];
export type ComparableKpi = (typeof comparableKpis)[number];

/** Those that are over the same events for both, whatever each decides. */
const PAIRED: ReadonlySet<string> = new Set<ComparableKpi>([
  "accuracy",
  "recall",
  "specificity",
  "false_positive_rate",
]);
export const isPaired = (kpi: string): boolean => PAIRED.has(kpi);

const side = z.strictObject({
  version: z.string().optional().describe("Version of its events; left out: any."),
  variant: z.string().optional().describe("Variant of its events; left out: any."),
});
export type ComparedSide = z.output<typeof side>;

export const compareSchema = z.strictObject({
  champion: side.describe("Which events are those of the version that serves today."),
  challenger: side.describe("Which events are those of the version that is to replace it."),
  traffic: z
    .enum(["split", "shadow"])
    .default("split")
    .describe(
      "`split`: each request is answered by one of the two. `shadow`: both answer the same requests, under the same prediction id; then each is its own comparison, which needs far fewer.",
    ),
  kpis: z
    .array(z.enum(comparableKpis))
    .min(1)
    .optional()
    .describe("What they are compared on, among the model's `kpis`; left out: all of those that can be."),
  tolerance: z
    .number()
    .min(0)
    .max(0.5)
    .default(0.01)
    .describe("By how much the challenger's KPI may be worse than the champion's."),
});
export type CompareConfig = z.output<typeof compareSchema>;

interface Compared {
  readonly task: string;
  readonly kpis: readonly ({ readonly use: KpiName } | { readonly name: string })[];
  readonly compare?: CompareConfig | undefined;
}

/** The KPIs that are compared, in the order of `comparableKpis`. */
export function comparedKpis({ task, kpis, compare }: Compared): readonly ComparableKpi[] {
  if (compare === undefined || task === "regression") return [];
  const listed = new Set(kpis.flatMap((kpi) => ("use" in kpi ? [kpi.use] : [])));
  return comparableKpis.filter(
    (kpi) =>
      listed.has(kpi) &&
      (compare.kpis === undefined || compare.kpis.includes(kpi)) &&
      (task === "binary" || kpi === "accuracy") &&
      (compare.traffic === "split" || isPaired(kpi)),
  );
}

/** "version 3", "variant shadow", "version 3, variant a". */
export const sideWords = ({ version, variant }: ComparedSide): string =>
  [
    ...(version === undefined ? [] : [`version ${version === "" ? "''" : version}`]),
    ...(variant === undefined ? [] : [`variant ${variant === "" ? "''" : variant}`]),
  ].join(", ");

/** The name of a comparison among what the page tier watches: "accuracy against variant champion". */
export const comparisonSubject = (kpi: ComparableKpi, { champion }: Pick<CompareConfig, "champion">): string =>
  `${kpi} against ${sideWords(champion)}`;

/** Whether a greater value of the KPI is the better one. */
export const isGoodKpi = (kpi: ComparableKpi): boolean => kpi !== "false_positive_rate" && kpi !== "brier";
