/** A model's report, as a file to keep. */
import { z } from "zod";
import { htmlReport } from "../report.tsx";
import { getRoute } from "../route.ts";
import { unknownModel } from "./api.ts";

const time = z.coerce.number().optional();

export const reportRoute = getRoute({
  path: "/v1/models/:model/report",
  summary: "A report as one HTML file: KPIs, drift, fairness, incidents, actions, references and what attests them.",
  audience: "api",
  produces: "text/html",
  params: z.object({ model: z.string().describe("Name of the model.") }),
  query: z.object({
    from: time.describe("Windows that begin at or after this, ms since 1970; left out: all."),
    to: time.describe("Windows that begin before this, ms since 1970; left out: all."),
  }),
  async handle(context, { params, query }) {
    const model = context.models.find(({ name }) => name === params.model);
    if (model === undefined) throw unknownModel(context, params.model);
    const { store, detectors, clock, publicUrl: url } = context;
    const span = { from: query.from ?? Number.NEGATIVE_INFINITY, to: query.to ?? Number.POSITIVE_INFINITY };
    const options = { lane: store.lane("serve"), detectors, url, now: clock.now() };
    return { status: 200, type: "text/html; charset=utf-8", body: await htmlReport(options, model, span) };
  },
});
