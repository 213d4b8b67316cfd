/**
 * Whether an incident, as far as it is a model's, is one that an action of the model is for. Pure. A KPI with a plan (`on_failure`) asks for
 * what its plan names and for nothing else; whatever else fires goes by the action's own `on` and `only_for`.
 */
import { memberName } from "../alert/incident-text.ts";
import type { Plans } from "../alert/kpi-plans.ts";
import { severityOfMembers } from "../alert/model-part.ts";
import { type Incident, type IncidentMember, severityRank } from "../core/incident.ts";
import type { NamedAction } from "./named-actions.ts";

export interface Demand {
  readonly isWanted: boolean;
  /** One sentence: why, or why not. */
  readonly reason: string;
}

/** @param part see `partOf` */
export function demandOf(action: NamedAction, part: Incident, plans: Plans): Demand {
  const { rules, model, name } = action;
  const planned = part.members.filter((member) => plans(model, member) !== null);
  const failing = planned.find((member) => member.firing && plans(model, member)?.actions.includes(name));
  if (failing !== undefined) return { isWanted: true, reason: `asked by the plan of ${memberName(failing)}` };
  if (rules.on === "plan") return { isWanted: false, reason: "no KPI that fires has a plan that asks for it" };
  const others = part.members.filter((member) => !planned.includes(member));
  // Of an incident without plans the severity is what people were told.
  const severity = planned.length === 0 ? part.severity : severityOfMembers(others, part.explanations ?? []);
  if (planned.length > 0 && !others.some(({ firing }) => firing))
    return { isWanted: false, reason: "the plan of what fires (on_failure) does not ask for it" };
  if (severityRank(severity) < severityRank(rules.on))
    return { isWanted: false, reason: `severity ${severity} is below ${rules.on}` };
  if (!others.some((member) => member.firing && fits(rules.only_for, member, part.window)))
    return { isWanted: false, reason: "no member that fires is one that it is for (only_for)" };
  return { isWanted: true, reason: `asked at severity ${severity}` };
}

function fits(
  { metrics, subjects, rules, windows }: NamedAction["rules"]["only_for"],
  member: IncidentMember,
  window: string,
): boolean {
  const has = (list: readonly string[] | undefined, value: string) => list === undefined || list.includes(value);
  return (
    has(metrics, member.metric) &&
    has(subjects, member.subject) &&
    has(rules, member.rule) &&
    has(windows, member.window ?? window)
  );
}
