/** The actions of a model under the names that the outbox and people know them by. */
import { type ActionRules, actionNames, actionRulesSchema, sharedActionKeys } from "../config/actions.ts";
import type { Config, ModelConfig } from "../config/schema.ts";
import type { Action, Follow } from "../core/action.ts";
import type { SendMessage } from "../core/delivery.ts";
import { DriftlineError } from "../core/errors.ts";
import { actions } from "./actions/index.ts";

export interface NamedAction {
  readonly model: string;
  /** As `actionNames` gives it. */
  readonly name: string;
  /** Key in the outbox. */
  readonly target: string;
  readonly rules: ActionRules;
  readonly action: Action;
  /** The action's own options. */
  readonly options: Readonly<Record<string, unknown>>;
}

/** @throws DriftlineError `channel_unknown` */
export function namedActions(model: Pick<ModelConfig, "name" | "actions">): readonly NamedAction[] {
  const names = actionNames(model.actions);
  return model.actions.map((written, index) => {
    const rules = actionRulesSchema.parse(written);
    const action = actions.find((candidate) => candidate.name === rules.use);
    if (action === undefined)
      throw new DriftlineError("channel_unknown", `models.${model.name}.actions: there is no action "${rules.use}"`);
    const name = names[index] ?? rules.use;
    const own = Object.entries(written).filter(([key]) => !sharedActionKeys.has(key));
    return {
      model: model.name,
      name,
      target: `action ${model.name} ${name}`,
      rules,
      action,
      options: Object.fromEntries(own),
    };
  });
}

/** Opens every configured action. @throws DriftlineError `channel_unknown` */
export function openActions(config: Pick<Config, "models">): Map<string, SendMessage> {
  const all = config.models.flatMap(namedActions);
  return new Map(all.map(({ target, action, options }) => [target, action.open(options)]));
}

/** By key in the outbox, for those whose runs can be asked after. */
export function openFollowers(config: Pick<Config, "models">): Map<string, Follow> {
  return new Map(
    config.models.flatMap(namedActions).flatMap(({ target, action, options }): [string, Follow][] => {
      const follow = action.openFollow(options);
      return follow === null ? [] : [[target, follow]];
    }),
  );
}
