/**
 * The rules of a model as alerting applies them: the written ones, and one for each limit of a KPI. What a window says to a rule is
 * a verdict: breach, good, between (past neither limit nor clear threshold) or undecided (not enough data).
 */
import type { ModelConfig } from "../config/schema.ts";
import { evidenceMetrics, isEvidence, PAGE_TIER } from "../core/evidence.ts";
import type { Severity } from "../core/incident.ts";
import type { MetricRow } from "../core/metric.ts";

export interface EffectiveRule {
  /** Unique within the model: the rule's name, or the rule in words. */
  readonly name: string;
  readonly metric: string;
  /** null: all subjects. */
  readonly subjects: readonly string[] | null;
  /** 'country=DE', or 'country' for each of its values; null: the whole alone. The page tier has its own mind. */
  readonly segments: readonly string[] | null;
  /** null: all windows of the model. */
  readonly windows: readonly string[] | null;
  /** Without both limits the rule fires where the metric has breached its own threshold. */
  readonly above: number | null;
  readonly below: number | null;
  /** Fires when `needed` of the last `of` windows have breached. */
  readonly needed: number;
  readonly of: number;
  readonly clear: number | null;
  /** Good windows in a row that end it. */
  readonly clearAfter: number;
  /** Whether each relapse doubles `clearAfter`: where nobody has set it. */
  readonly dampens: boolean;
  /** Least time since the last breach before it ends, ms. */
  readonly keepFiringMs: number;
  readonly severity: Severity;
  /** Least share of labels; of KPIs only. */
  readonly minCoverage: number;
}

export type Verdict = "breach" | "good" | "between" | "undecided";

/** What a rule needs to see of a metric row. */
export type JudgedRow = Pick<
  MetricRow,
  | "version"
  | "variant"
  | "subject_kind"
  | "subject"
  | "metric"
  | "window_start"
  | "window_end"
  | "value"
  | "threshold"
  | "breached"
  | "n"
  | "coverage"
  | "status"
> & {
  /** '' or left out: the whole. */
  readonly segment?: string;
  /** Where a change began, and what it is, in words: of the page tier. */
  readonly onset?: number;
  /** The interval that the onset lies in. */
  readonly onset_from?: number;
  readonly onset_to?: number;
  readonly finding?: string;
  /** Of an estimate: it has missed the labels of late windows, so it decides nothing. */
  readonly unreliable?: boolean;
};

type KpiConfig = ModelConfig["kpis"][number];

/** The rules of a model in a fixed order. Of two rules with one name the second is called `name #2`. */
export function effectiveRules(model: ModelConfig): readonly EffectiveRule[] {
  const written = model.alerts.rules.map((rule): Omit<EffectiveRule, "name"> & { name: string | undefined } => ({
    name: rule.name,
    metric: rule.metric,
    subjects: rule.subjects ?? null,
    segments: rule.segments ?? null,
    windows: rule.windows?.map((window) => window.trim().replace(/\s+/g, " ")) ?? null,
    above: rule.above ?? null,
    below: rule.below ?? null,
    ...times(rule.for),
    clear: rule.clear ?? null,
    ...clearing(rule),
    severity: rule.severity,
    minCoverage: rule.min_coverage,
  }));
  const names = new Map<string, number>();
  return [...written, ...model.kpis.flatMap(kpiLimits), ...pageTierRules(model)].map((rule) => {
    const name = rule.name ?? ruleInWords(rule);
    const count = (names.get(name) ?? 0) + 1;
    names.set(name, count);
    return { ...rule, name: count === 1 ? name : `${name} #${count}` };
  });
}

/** The page tier has decided already: what it says has changed is an incident until it says that it has gone back. */
function pageTierRules({ false_alarms, alerts }: ModelConfig): readonly EffectiveRule[] {
  if (false_alarms === null) return [];
  const decided = {
    subjects: null,
    segments: null,
    windows: [PAGE_TIER],
    above: null,
    below: null,
    needed: 1,
    of: 1,
    clear: null,
  };
  const rule = (name: string, metric: string, severity: Severity) => ({
    ...decided,
    name,
    metric,
    severity,
    // The page tier holds a change by itself.
    clearAfter: 1,
    dampens: false,
    keepFiringMs: 0,
    minCoverage: 0,
  });
  return [
    rule(PAGE_TIER, evidenceMetrics.drift, alerts.page_tier.drift),
    rule(`${PAGE_TIER}, KPI`, evidenceMetrics.kpi, alerts.page_tier.kpi),
  ];
}

/** One rule for `min` and one for `max`; `clear` belongs to the limit on whose good side it lies. */
function kpiLimits(kpi: KpiConfig): (Omit<EffectiveRule, "name"> & { name: string | undefined })[] {
  const common = {
    name: undefined,
    metric: "use" in kpi ? kpi.use : kpi.name,
    subjects: null,
    segments: null,
    windows: null,
    ...times(kpi.for),
    ...clearing(kpi),
    severity: kpi.severity,
    minCoverage: kpi.min_coverage,
  };
  const { min, max, clear } = kpi;
  return [
    ...(min === undefined
      ? []
      : [{ ...common, above: null, below: min, clear: clear !== undefined && clear >= min ? clear : null }]),
    ...(max === undefined
      ? []
      : [{ ...common, above: max, below: null, clear: clear !== undefined && clear <= max ? clear : null }]),
  ];
}

const CLEAR_AFTER = 2;

function clearing(of: { readonly clear_after?: number | undefined; readonly keep_firing: number }) {
  const { clear_after: clearAfter, keep_firing: keepFiringMs } = of;
  return { clearAfter: clearAfter ?? CLEAR_AFTER, dampens: clearAfter === undefined, keepFiringMs };
}

function times(text: string): { readonly needed: number; readonly of: number } {
  const [first, second] = text.split(" of ").map(Number);
  const needed = Math.max(1, first ?? 1);
  return { needed, of: Math.max(needed, second ?? 1) };
}

/** "accuracy below 0.8 for 2 of 3 windows". */
export function ruleInWords(
  rule: Pick<EffectiveRule, "metric" | "above" | "below" | "needed" | "of" | "subjects" | "segments">,
): string {
  const limits = [
    ...(rule.below === null ? [] : [`below ${rule.below}`]),
    ...(rule.above === null ? [] : [`above ${rule.above}`]),
  ];
  const what = limits.length === 0 ? "breached" : limits.join(" or ");
  const where = [
    ...(rule.subjects === null ? [] : [` of ${rule.subjects.join(", ")}`]),
    ...(rule.segments === null ? [] : [` in ${rule.segments.join(", ")}`]),
  ].join("");
  const often = rule.of === 1 ? "" : ` for ${rule.needed} of ${rule.of} windows`;
  return `${rule.metric}${where} ${what}${often}`;
}

/** Metrics whose new rows are looked at: those of rules, and the KPIs of which a rule judges an estimate. */
export function watchedMetrics(rules: readonly EffectiveRule[]): readonly string[] {
  return [...new Set(rules.flatMap(({ metric }) => [metric, ...(isEstimated(metric) ? [realisedBy(metric)] : [])]))];
}

export const isEstimated = (metric: string): boolean => metric.startsWith("estimated_");
/** The KPI that an estimate stands for until labels come. */
export const realisedBy = (metric: string): string => metric.slice("estimated_".length);

/** Whether a rule looks at a series. */
export function ruleApplies(
  rule: EffectiveRule,
  window: string,
  { metric, subject, segment = "" }: Pick<JudgedRow, "metric" | "subject" | "segment">,
): boolean {
  return (
    rule.metric === metric &&
    (isEvidence(metric) || isInSegments(rule, segment)) &&
    (rule.windows === null || rule.windows.includes(window)) &&
    (rule.subjects === null || rule.subjects.includes(subject))
  );
}

function isInSegments({ segments }: EffectiveRule, segment: string): boolean {
  if (segments === null) return segment === "";
  return segments.some((wanted) => segment === wanted || segment.startsWith(`${wanted}=`));
}

/** Metrics whose segments a rule looks at; the page tier's evidence is looked at in all. */
export const metricsBySegment = (rules: readonly EffectiveRule[]): ReadonlySet<string> =>
  new Set(rules.flatMap(({ metric, segments }) => (segments !== null || isEvidence(metric) ? [metric] : [])));

/** What a window says to a rule. A value that is not there, too few labels behind it, or an unreliable estimate decide nothing. */
export function verdictOf(rule: EffectiveRule, row: JudgedRow): Verdict {
  if (row.status !== "ok" || row.value === null || row.unreliable === true) return "undecided";
  // The share of labels is itself a KPI; to ask for a share of it would hide what it is there to show.
  if (row.subject_kind === "kpi" && row.metric !== "label_coverage" && row.coverage < rule.minCoverage)
    return "undecided";
  if (breaches(rule, row, row.value)) return "breach";
  return isClear(rule, row, row.value) ? "good" : "between";
}

function breaches(rule: EffectiveRule, row: JudgedRow, value: number): boolean {
  if (rule.above === null && rule.below === null) return row.breached;
  return (rule.above !== null && value > rule.above) || (rule.below !== null && value < rule.below);
}

/** With limits on both sides, or none that `clear` can be compared with, not breaching is enough. */
function isClear(rule: EffectiveRule, row: JudgedRow, value: number): boolean {
  if (rule.clear === null || (rule.above !== null && rule.below !== null)) return true;
  const below = rule.below !== null || (rule.above === null && directionOf(rule, row) === "below");
  return below ? value >= rule.clear : value <= rule.clear;
}

/** The limit that a breaching value has passed, and on which side it lies. */
export function limitOf(
  rule: EffectiveRule,
  row: JudgedRow,
): { readonly threshold: number | null; readonly direction: "above" | "below" } {
  const direction = directionOf(rule, row);
  if (rule.above === null && rule.below === null) return { threshold: row.threshold, direction };
  return { threshold: direction === "below" ? rule.below : rule.above, direction };
}

function directionOf(rule: EffectiveRule, row: JudgedRow): "above" | "below" {
  const value = row.value ?? 0;
  if (rule.below !== null && rule.above !== null) return value < rule.below ? "below" : "above";
  if (rule.below !== null) return "below";
  // A subject may be named for what it adds to the evidence of the whole, below its own threshold.
  if (rule.above !== null || isEvidence(rule.metric)) return "above";
  return row.threshold !== null && value < row.threshold ? "below" : "above";
}
