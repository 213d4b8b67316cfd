/** What the page tier compares between a model's champion and its challenger. */
import {
  type ComparableKpi,
  type ComparedSide,
  comparedKpis,
  comparisonSubject,
  isGoodKpi,
} from "../../config/compare.ts";
import type { ModelConfig } from "../../config/schema.ts";

export interface Comparison {
  /** "accuracy against variant champion". */
  readonly subject: string;
  readonly metric: ComparableKpi;
  /** Whether the KPI itself is the good and its complement the bad. */
  readonly isGood: boolean;
  readonly champion: ComparedSide;
  readonly challenger: ComparedSide;
  readonly traffic: "split" | "shadow";
  /** By how much the challenger's bad mean may be above the champion's. */
  readonly tolerance: number;
}

export interface WatchedComparison extends Comparison {
  /** Of the model's evidence. */
  readonly share: number;
}

export function comparisonsOf(config: ModelConfig): readonly Comparison[] {
  const { compare } = config;
  if (compare === undefined) return [];
  const { champion, challenger, traffic, tolerance } = compare;
  return comparedKpis(config).map((metric) => ({
    subject: comparisonSubject(metric, compare),
    metric,
    isGood: isGoodKpi(metric),
    champion,
    challenger,
    traffic,
    tolerance,
  }));
}

/** KPIs and comparisons as those between whom the KPIs' part of the budget is divided. */
export const sharedKpis = (
  kpis: readonly { readonly metric: string }[],
  comparisons: readonly Comparison[],
): { readonly subject: string; readonly streams: readonly string[] }[] =>
  [...kpis.map(({ metric }) => metric), ...comparisons.map(({ subject }) => subject)].map((subject) => ({
    subject: `kpi/${subject}`,
    streams: ["kpi"],
  }));
