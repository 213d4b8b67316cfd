/** What a changed configuration would have said of what is stored. */
import { z } from "zod";
import { DriftlineError } from "../../core/errors.ts";
import { jsonAnswer, postRoute } from "../route.ts";

export const backtestRoute = postRoute({
  path: "/v1/backtest",
  summary:
    "Runs a changed configuration over what is stored and answers with the incidents that it would have opened, beside today's. Nothing is sent or changed.",
  audience: "api",
  produces: "application/json",
  body: z.strictObject({
    file: z.string().min(1).describe("Path of the configuration: its relative paths are meant from there."),
    text: z.string().min(1).max(4_000_000).describe("The configuration, as YAML."),
    environment: z.record(z.string(), z.string()).default({}).describe("Values of the variables that it names."),
    from: z.number().optional().describe("Incidents that opened at or after this, ms since 1970; left out: all."),
    to: z.number().optional().describe("Incidents that opened before this, ms since 1970; left out: all."),
  }),
  async handle({ backtest }, { body }) {
    if (backtest === null) throw new DriftlineError("store_unavailable", "this server computes no back-tests");
    return jsonAnswer(await backtest(body));
  },
});
