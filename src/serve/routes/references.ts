/** References as `/v1` routes: which are in force, built and stored; a new build of events, and which of them to use. */
import { z } from "zod";
import { DriftlineError } from "../../core/errors.ts";
import { buildRequest, type ReferenceDesk, type ServeContext, useRequest } from "../context.ts";
import { getRoute, jsonAnswer, noInput, postRoute } from "../route.ts";

const common = { audience: "api", produces: "application/json" } as const;

function desk({ references }: ServeContext): ReferenceDesk {
  if (references !== null) return references;
  throw new DriftlineError("store_unavailable", "this process keeps no references");
}

export const referenceRoutes = [
  getRoute({
    ...common,
    path: "/v1/references",
    summary: "The reference of each model: what is configured, in force, chosen, built of events, and stored.",
    params: noInput,
    query: z.object({ model: z.string().optional().describe("Only this model.") }),
    handle: async (context, { query }) => jsonAnswer({ references: await desk(context).list(query.model) }),
  }),
  getRoute({
    ...common,
    path: "/v1/references/:model/:build",
    summary: "One build of events, with its first rows.",
    params: z.object({
      model: z.string().describe("Name of the model."),
      build: z.string().describe("Id of the build: b and twelve digits."),
    }),
    query: noInput,
    handle: async (context, { params }) => jsonAnswer(await desk(context).show(params.model, params.build)),
  }),
  postRoute({
    ...common,
    path: "/v1/references/build",
    summary:
      "Builds a reference of stored events: of a time, of the first so many, or of a version. It is not in force by that.",
    body: buildRequest,
    handle: async (context, { body }) => jsonAnswer(await desk(context).build(body), 201),
  }),
  postRoute({
    ...common,
    path: "/v1/references/use",
    summary: "Puts a build in force in the place of the configured reference, or the configured one again.",
    body: useRequest,
    handle: async (context, { body }) => jsonAnswer(await desk(context).use(body), 201),
  }),
];
