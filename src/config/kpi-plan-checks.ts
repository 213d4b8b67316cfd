/** Plans of KPIs: actions that exist, that do what is asked of them, and that are told apart; channels that can take a model's state. */

import { severities } from "../core/incident.ts";
import { channels as channelKinds } from "../notify/channels/index.ts";
import { actionNames } from "./actions.ts";
import { kpiName } from "./kpi-checks.ts";
import { demandOfStep, type FailureStep, planOf } from "./kpi-plans.ts";
import type { Path, Problem } from "./problem.ts";
import { channelsFor } from "./routes.ts";
import type { Config, ModelConfig } from "./schema.ts";
import { suggestionText } from "./suggestion.ts";

export function checkKpiPlans(
  model: ModelConfig,
  path: Path,
  { channels, routes }: Pick<Config, "channels" | "routes">,
): Problem[] {
  return [
    ...model.kpis.flatMap((kpi, index) => checkPlan(model, kpi, [...path, "kpis", index, "on_failure"], routes)),
    ...checkNames(model, path),
    ...checkTriggers(model, path),
    ...checkStateChannels(model, path, channels),
  ];
}

function checkPlan(
  model: ModelConfig,
  kpi: ModelConfig["kpis"][number],
  path: Path,
  routes: Config["routes"],
): Problem[] {
  const steps = kpi.on_failure ?? [];
  const texts = steps.map((step) => JSON.stringify(step));
  const problems = steps.flatMap((step, index): Problem[] => {
    const at = [...path, index];
    if (texts.indexOf(JSON.stringify(step)) !== index) return [{ path: at, message: `${words(step)} is listed twice` }];
    const message = fault(model, step);
    return message === null ? [] : [{ path: at, message }];
  });
  const name = kpiName(kpi);
  const canFail =
    kpi.min !== undefined ||
    kpi.max !== undefined ||
    model.false_alarms !== null ||
    model.alerts.rules.some(({ metric }) => metric === name || metric === `estimated_${name}`);
  if (steps.length > 0 && !canFail)
    problems.push({ path, message: `nothing says when ${name} fails: give it a min or a max, or write a rule` });
  if (steps.includes("tell") && severities.every((severity) => channelsFor(model, severity, routes).length === 0))
    problems.push({
      path: [...path, steps.indexOf("tell")],
      message: "there is nobody to tell: neither alerts.channels nor a route names a channel",
    });
  return problems;
}

function words(step: FailureStep): string {
  if (typeof step === "string") return step;
  return "retrain" in step ? `retrain: ${step.retrain}` : `roll_back: ${step.roll_back}`;
}

/** What is wrong with a step that asks for an action, in words; null if nothing is. */
function fault(model: ModelConfig, step: FailureStep): string | null {
  const demand = demandOfStep(step);
  if (demand === null) return null;
  const { purpose, name } = demand;
  const names = actionNames(model.actions);
  const fitting = names.filter((_, index) => model.actions[index]?.does === purpose);
  const verb = purpose === "retrain" ? "retrains" : "rolls back";
  if (name !== null && !names.includes(name))
    return `this model has no action "${name}"${fitting.length === 0 ? "" : suggestionText(name, fitting, "those that do this")}`;
  if (fitting.length === 0)
    return `no action of this model ${verb}: add one to its actions, or say \`does: ${purpose}\` of the one that does`;
  if (name !== null && !fitting.includes(name))
    return `the action "${name}" is not one that ${verb}; those that do: ${fitting.join(", ")}`;
  if (name === null && fitting.length > 1)
    return `which one? ${fitting.join(", ")} do this: write for example { ${purpose}: ${fitting[0]} }`;
  return null;
}

function checkNames({ actions }: ModelConfig, path: Path): Problem[] {
  const names = actionNames(actions);
  return names.flatMap((name, index): Problem[] =>
    names.indexOf(name) === index
      ? []
      : [
          {
            path: [...path, "actions", index, actions[index]?.name === undefined ? "use" : "name"],
            message: `"${name}" is the name of another action of this model too`,
          },
        ],
  );
}

/** An action that waits for plans alone, and none asks for it. */
function checkTriggers(model: ModelConfig, path: Path): Problem[] {
  const asked = new Set(model.kpis.flatMap(({ on_failure: steps }) => planOf(steps ?? [], model).actions));
  return actionNames(model.actions).flatMap((name, index): Problem[] =>
    model.actions[index]?.on !== "plan" || asked.has(name)
      ? []
      : [
          {
            path: [...path, "actions", index, "on"],
            message: "it would never be asked for: no KPI's on_failure names it",
          },
        ],
  );
}

function checkStateChannels({ on_state_change }: ModelConfig, path: Path, channels: Config["channels"]): Problem[] {
  const able = channelKinds.filter(({ takes }) => takes.has("state")).map(({ name }) => name);
  const known = Object.keys(channels);
  return on_state_change.flatMap((name, index): Problem[] => {
    const at = [...path, "on_state_change", index];
    const use = channels[name]?.use;
    if (use === undefined)
      return [
        {
          path: at,
          message: `there is no channel "${name}"${known.length === 0 ? "; no channels are configured" : suggestionText(name, known, "channels")}`,
        },
      ];
    if (!able.includes(use))
      return [
        { path: at, message: `the channel "${name}" (${use}) speaks to people; a state goes to ${able.join(", ")}` },
      ];
    return on_state_change.indexOf(name) === index
      ? []
      : [{ path: at, message: `the channel "${name}" is listed twice` }];
  });
}
