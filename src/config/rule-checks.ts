/** Rules of a model: metrics and windows that exist, limits that don't contradict each other. */
import { detectorChoices } from "./detectors.ts";
import { isEstimate, kpiNames } from "./kpis.ts";
import { modelMetrics } from "./metric-names.ts";
import type { Path, Problem } from "./problem.ts";
import type { ModelConfig } from "./schema.ts";
import { suggestionText } from "./suggestion.ts";

type Rule = ModelConfig["alerts"]["rules"][number];

const WINDOWS_REMEMBERED_MAX = 1000;

export function checkRules(model: ModelConfig, path: Path): Problem[] {
  const metrics = modelMetrics(model);
  const windows = model.windows.map((window) => window.name);
  return model.alerts.rules.flatMap((rule, index) => {
    const at = [...path, "alerts", "rules", index];
    return [
      ...checkMetric(rule, metrics, at),
      ...checkRuleSegments(rule, model, at),
      ...checkRuleWindows(rule, windows, at),
      ...checkRuleLimits(rule, at),
    ];
  });
}

function checkMetric({ metric }: Rule, metrics: readonly string[], path: Path): Problem[] {
  if (metrics.includes(metric)) return [];
  const at = [...path, "metric"];
  if (detectorChoices.some((detector) => detector.name === metric)) {
    return [{ path: at, message: `the detector "${metric}" does not run for this model; add it to its detectors` }];
  }
  if (kpiNames.some((name) => name === metric))
    return [{ path: at, message: `the KPI "${metric}" is not computed for this model; add it to its kpis` }];
  return [
    { path: at, message: `this model has no metric "${metric}"${suggestionText(metric, metrics, "its metrics")}` },
  ];
}

function checkRuleSegments({ metric, segments: wanted }: Rule, model: ModelConfig, path: Path): Problem[] {
  if (wanted === undefined) return [];
  const kpis = model.kpis.flatMap((kpi) => ("use" in kpi ? (isEstimate(kpi.use) ? [] : [kpi.use]) : [kpi.name]));
  const at = [...path, "segments"];
  if (!kpis.some((name) => name === metric))
    return [
      {
        path: at,
        message: `${metric} is of the whole alone; by segment there are the KPIs that are listed: ${kpis.join(", ") || "none"}`,
      },
    ];
  const known = model.segments ?? [];
  return wanted.flatMap((segment, index) => {
    if (known.some((dimension) => segment === dimension || segment.startsWith(`${dimension}=`))) return [];
    const named = segment.split("=", 1)[0] ?? segment;
    return [
      {
        path: [...at, index],
        message:
          known.length === 0
            ? `the model watches nothing by segment; name "${named}" in its \`segments\``
            : `"${named}" is none of the model's segments${suggestionText(named, known, "its segments")}`,
      },
    ];
  });
}

function checkRuleWindows({ windows }: Rule, known: readonly string[], path: Path): Problem[] {
  return (windows ?? []).flatMap((window, index) => {
    const name = window.trim().replace(/\s+/g, " ");
    if (known.includes(name)) return [];
    return [
      {
        path: [...path, "windows", index],
        message: `this model has no window "${window}"${suggestionText(name, known, "its windows")}`,
      },
    ];
  });
}

function checkRuleLimits({ above, below, clear, for: times }: Rule, path: Path): Problem[] {
  const problems: Problem[] = [];
  const fault = timesFault(times);
  if (fault !== null) problems.push({ path: [...path, "for"], message: fault });
  if (above !== undefined && below !== undefined && below > above) {
    problems.push({
      path: [...path, "below"],
      message: `below (${below}) is greater than above (${above}): every value would fire; for a band below is the lower end`,
    });
  }
  if (clear === undefined) return problems;
  const at = [...path, "clear"];
  if (above !== undefined && below !== undefined)
    problems.push({ path: at, message: "a rule with both above and below clears inside the band; leave this out" });
  else if (above !== undefined && clear > above)
    problems.push({ path: at, message: `${clear} is past above (${above}): a rule clears on the good side only` });
  else if (below !== undefined && clear < below)
    problems.push({ path: at, message: `${clear} is past below (${below}): a rule clears on the good side only` });
  return problems;
}

/** What is wrong with `N of M`, in words; null if nothing is. */
export function timesFault(text: string): string | null {
  const [needed = 0, of = 0] = text.split(" of ").map(Number);
  if (needed < 1) return `"${text}" would fire without a breach; N of M needs an N of at least 1`;
  if (needed > of) return `"${text}" can't happen: ${needed} is more than ${of}`;
  return of > WINDOWS_REMEMBERED_MAX ? `at most ${WINDOWS_REMEMBERED_MAX} windows are looked back on` : null;
}
