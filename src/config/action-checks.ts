/** Actions of a model: what one option asks of another. */
import { z } from "zod";
import { severities, severityRank } from "../core/incident.ts";
import type { Path, Problem } from "./problem.ts";
import { channelsFor } from "./routes.ts";
import type { Config, ModelConfig } from "./schema.ts";

/** Options of the generic action that go together, or don't. */
const httpOptions = z.looseObject({
  use: z.literal("http"),
  body: z.unknown().optional(),
  form: z.unknown().optional(),
  run_id: z.unknown().optional(),
  run_id_is: z.unknown().optional(),
  poll: z.unknown().optional(),
  login: z.unknown().optional(),
  aws: z.unknown().optional(),
});

export function checkActions(
  model: ModelConfig,
  path: Path,
  { channels, routes }: Pick<Config, "channels" | "routes">,
): Problem[] {
  return model.actions.flatMap((action, index) => {
    const at = [...path, "actions", index];
    return [...checkApproval(model, action, at, { channels, routes }), ...checkHttp(action, at)];
  });
}

/** Somebody must get the link. The log is read by others than those who may approve; what mirrors incidents has no place for a question. */
const SILENT: ReadonlySet<string> = new Set(["log", "alertmanager", "pagerduty"]);

function checkApproval(
  model: ModelConfig,
  { approval, on }: ModelConfig["actions"][number],
  at: Path,
  { channels, routes }: Pick<Config, "channels" | "routes">,
): Problem[] {
  const asked = severities
    .filter((severity) => on === "plan" || severityRank(severity) >= severityRank(on))
    .flatMap((severity) => channelsFor(model, severity, routes));
  if (!approval || asked.some((name) => !SILENT.has(channels[name]?.use ?? "log"))) return [];
  const message = `nobody would get the link: neither alerts.channels nor a route names a channel that can ask (not ${[...SILENT].join(", ")})`;
  return [{ path: [...at, "approval"], message }];
}

function checkHttp(action: ModelConfig["actions"][number], at: Path): Problem[] {
  const { success, data } = httpOptions.safeParse(action);
  if (!success) return [];
  const has = (key: "body" | "form" | "run_id" | "run_id_is" | "poll" | "login" | "aws") => data[key] !== undefined;
  return [
    ...(has("body") && has("form") ? [{ path: [...at, "form"], message: "a request has one body: body or form" }] : []),
    ...(has("run_id_is") && !has("run_id")
      ? [{ path: [...at, "run_id_is"], message: "where the run's id stands is missing: run_id" }]
      : []),
    ...(has("poll") && !has("run_id")
      ? [{ path: [...at, "poll"], message: "which run to ask after is not known without run_id" }]
      : []),
    ...(has("login") && has("aws")
      ? [{ path: [...at, "login"], message: "a request has one credential: login or aws" }]
      : []),
  ];
}
