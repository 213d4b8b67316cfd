/** How the service and its store are, for people at a terminal and for scripts. */
import { DriftlineError } from "../../core/errors.ts";
import { readiness } from "../health.ts";
import { getRoute, jsonAnswer, noInput } from "../route.ts";

export const statusRoute = getRoute({
  path: "/v1/status",
  summary:
    "Readiness, positions and lag of the sources, how far each model is evaluated, open incidents, deliveries that wait, dead letters by reason.",
  audience: "api",
  produces: "application/json",
  params: noInput,
  query: noInput,
  async handle(context) {
    if (context.status === null) throw new DriftlineError("store_unavailable", "this server tells no status");
    return jsonAnswer(await context.status(await readiness(context)));
  },
});
