/** KPIs of a model: names that are distinct, built-ins that suit the task, limits and expressions that make sense. */
import { kpiExpressionFault } from "./kpi-expression.ts";
import { isEstimate, type KpiName, kpiNames } from "./kpis.ts";
import type { Path, Problem } from "./problem.ts";
import { timesFault } from "./rule-checks.ts";
import type { ModelConfig } from "./schema.ts";

type Task = ModelConfig["task"];
type Kpi = ModelConfig["kpis"][number];

const ofClasses: readonly Task[] = ["binary", "multiclass"];
const ofTwoClasses: readonly Task[] = ["binary"];
const ofManyClasses: readonly Task[] = ["multiclass"];
const ofNumbers: readonly Task[] = ["regression"];
const ofAll: readonly Task[] = ["binary", "multiclass", "regression"];

/** Tasks that a built-in KPI is defined for. */
export const kpiTasks: Readonly<Record<KpiName, readonly Task[]>> = {
  accuracy: ofClasses,
  precision: ofClasses,
  recall: ofClasses,
  specificity: ofClasses,
  false_positive_rate: ofClasses,
  f1: ofClasses,
  roc_auc: ofClasses,
  log_loss: ofClasses,
  brier: ofClasses,
  mae: ofNumbers,
  rmse: ofNumbers,
  r2: ofNumbers,
  bias: ofNumbers,
  mape: ofNumbers,
  median_absolute_error: ofNumbers,
  pinball_loss: ofNumbers,
  label_coverage: ofAll,
  label_delay: ofAll,
  label_delay_p90: ofAll,
  ece: ofClasses,
  weighted_precision: ofManyClasses,
  weighted_recall: ofManyClasses,
  weighted_f1: ofManyClasses,
  top_2_accuracy: ofManyClasses,
  top_3_accuracy: ofManyClasses,
  top_5_accuracy: ofManyClasses,
  estimated_accuracy: ofClasses,
  estimated_precision: ofClasses,
  estimated_recall: ofClasses,
  estimated_specificity: ofClasses,
  estimated_f1: ofClasses,
  estimated_roc_auc: ofTwoClasses,
  estimated_mae: ofNumbers,
  estimated_rmse: ofNumbers,
};

export const kpiName = (kpi: Kpi): string => ("use" in kpi ? kpi.use : kpi.name);

export function checkKpis(model: ModelConfig, path: Path): Problem[] {
  const names = model.kpis.map(kpiName);
  return model.kpis.flatMap((kpi, index) => {
    const at = [...path, "kpis", index];
    const twice =
      names.indexOf(kpiName(kpi)) === index ? [] : [{ path: at, message: `the KPI "${kpiName(kpi)}" is listed twice` }];
    return [
      ...twice,
      ...("use" in kpi
        ? [...checkTask(kpi.use, model.task, at), ...checkEstimate(kpi.use, model, at), ...checkNeeds(kpi, model, at)]
        : checkCustom(kpi, at)),
      ...checkLimits(kpi, at),
    ];
  });
}

function checkTask(name: KpiName, task: Task, path: Path): Problem[] {
  if (kpiTasks[name].includes(task)) return [];
  const fitting = kpiNames.filter((other) => kpiTasks[other].includes(task));
  return [{ path, message: `${name} is not defined for a ${task} model; those that are: ${fitting.join(", ")}` }];
}

function checkNeeds(
  { use, quantile }: Extract<Kpi, { use: KpiName }>,
  { task, classes }: ModelConfig,
  path: Path,
): Problem[] {
  const problems: Problem[] = [];
  if (use === "roc_auc" && task === "multiclass" && classes === undefined)
    problems.push({ path, message: "roc_auc of several classes needs to know them: list them in `classes`" });
  if (quantile !== undefined && use !== "pinball_loss")
    problems.push({ path: [...path, "quantile"], message: `${use} has no quantile; pinball_loss has` });
  return problems;
}

function checkEstimate(name: KpiName, { reference }: ModelConfig, path: Path): Problem[] {
  if (!isEstimate(name) || reference !== undefined) return [];
  return [
    {
      path,
      message: `${name} needs a reference with predictions, ${kpiTasks[name].includes("regression") ? "features and labels: it says where errors are large" : "scores and labels: it says how far scores can be trusted"}`,
    },
  ];
}

function checkCustom({ name, sql }: Extract<Kpi, { sql: string }>, path: Path): Problem[] {
  const builtIn = kpiNames.some((other) => other === name)
    ? [
        {
          path: [...path, "name"],
          message: `"${name}" is the name of a built-in KPI; choose another, or write { use: ${name} }`,
        },
      ]
    : [];
  const fault = kpiExpressionFault(sql);
  return fault === null ? builtIn : [...builtIn, { path: [...path, "sql"], message: fault }];
}

function checkLimits({ min, max, clear, for: times }: Kpi, path: Path): Problem[] {
  const problems: Problem[] = [];
  const fault = timesFault(times);
  if (fault !== null) problems.push({ path: [...path, "for"], message: fault });
  if (min !== undefined && max !== undefined && min > max) {
    problems.push({
      path: [...path, "min"],
      message: `min (${min}) is greater than max (${max}): every value would breach`,
    });
  }
  if (clear === undefined) return problems;
  if (min === undefined && max === undefined)
    problems.push({ path: [...path, "clear"], message: "needs a min or a max to lie on the good side of" });
  else if (min !== undefined && clear < min)
    problems.push({
      path: [...path, "clear"],
      message: `${clear} is below min (${min}): an incident clears on the good side only`,
    });
  else if (max !== undefined && clear > max)
    problems.push({
      path: [...path, "clear"],
      message: `${clear} is above max (${max}): an incident clears on the good side only`,
    });
  return problems;
}
