/** Whether a model can be relied on now. */
import { z } from "zod";
import { tagOf } from "../../core/model-state.ts";
import { readModelStates } from "../model-state.ts";
import { getRoute, jsonAnswer, noInput } from "../route.ts";
import { unknownModel } from "./api.ts";

export const modelStateRoute = getRoute({
  path: "/v1/models/:model/state",
  summary:
    "`healthy`, `degraded` or `failing`, with the reason: cheap enough to be asked at each request. With `If-None-Match` it answers 304 while nothing has changed.",
  audience: "api",
  produces: "application/json",
  params: z.object({ model: z.string().describe("Name of the model.") }),
  query: noInput,
  async handle(context, { params, raw }) {
    const { store, models, clock } = context;
    const states = await readModelStates(store, models, clock);
    const state = states.get(params.model);
    if (state === undefined) throw unknownModel(context, params.model);
    const etag = tagOf(state);
    const headers = { ETag: etag, "Cache-Control": "no-cache" };
    const known = (raw.headers.get("if-none-match") ?? "").split(",").map((tag) => tag.trim().replace(/^W\//, ""));
    if (known.includes(etag) || known.includes("*"))
      return { status: 304, type: "application/json", body: "", headers };
    return jsonAnswer(state, 200, headers);
  },
});
