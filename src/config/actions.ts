/** `actions:`: what machines are asked to do; the choices come from the folder's index. */
import { z } from "zod";
import { actions } from "../act/actions/index.ts";
import type { Target } from "../core/delivery.ts";
import { duration } from "./duration.ts";

const severity = z.enum(["info", "ticket", "page"]);
const when = {
  on: severity.default("ticket").describe("Least severity of an incident that triggers the action."),
  cooldown: duration().prefault("1d").describe("At most one request in this time, per model."),
};

const option = (action: Target) =>
  action.options
    .extend({ use: z.literal(action.name).describe("The action."), ...when })
    .meta({ id: `action-${action.name}`, title: action.title, description: action.description });

const [first, ...rest] = actions;

/** The last step changes nothing but the type: the keys that all actions share, the rest is the action's own. */
export const actionSchema = z
  .discriminatedUnion("use", [option(first), ...rest.map(option)])
  .pipe(z.looseObject({ use: z.string(), on: severity, cooldown: z.number() }));
