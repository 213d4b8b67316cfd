/** Numbers of the past, computed again under the present configuration. */
import { DriftlineError } from "../../core/errors.ts";
import { rebuildRequest } from "../context.ts";
import { jsonAnswer, postRoute } from "../route.ts";

export const rebuildRoute = postRoute({
  path: "/v1/rebuild",
  summary:
    "Computes a model's windows again from the stored events, under the present configuration and reference, as a new epoch; answers when it is in force. Incidents stay, and nobody is told.",
  audience: "api",
  produces: "application/json",
  body: rebuildRequest,
  async handle({ rebuild }, { body }) {
    if (rebuild === null) throw new DriftlineError("store_unavailable", "this server computes nothing again");
    return jsonAnswer(await rebuild(body));
  },
});
