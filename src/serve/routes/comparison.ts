/**
 * Champion and challenger, as a rollout asks for it: for Argo Rollouts' web metric an answer that is always 200 while the verdict is known, for
 * Flagger's webhooks a status, since it reads 200 to 202 as yes and all else as no.
 */
import { z } from "zod";
import { DriftlineError } from "../../core/errors.ts";
import type { ServeContext } from "../context.ts";
import { type ComparisonView, comparisonJson, loadComparison } from "../queries/comparison.ts";
import { type Answer, getRoute, jsonAnswer, noInput, postRoute, type Route } from "../route.ts";
import { unknownModel } from "./api.ts";

async function comparisonOf(context: ServeContext, name: string): Promise<ComparisonView> {
  const model = context.models.find((one) => one.name === name);
  if (model === undefined) throw unknownModel(context, name);
  const view = await loadComparison(context.store.lane("serve"), model);
  if (view === null)
    throw new DriftlineError("not_found", `model ${name} compares nothing: its configuration has no compare`);
  return view;
}

const comparisonRoute = getRoute({
  path: "/v1/models/:model/comparison",
  summary:
    "Champion and challenger: their KPIs and the difference, with intervals that hold at all times at once, and the verdict `promote`, `hold` or `rollback` with its reason, in `data`.",
  audience: "api",
  produces: "application/json",
  params: z.object({ model: z.string().describe("Name of the model.") }),
  query: noInput,
  async handle(context, { params }) {
    return jsonAnswer({ data: comparisonJson(await comparisonOf(context, params.model)) });
  },
});

/** What Flagger posts; newer versions send more. */
const flaggerBody = z.looseObject({
  name: z.string().describe("Name of the canary: the model, where metadata names none."),
  namespace: z.string().optional(),
  phase: z.string().optional(),
  metadata: z.looseObject({ model: z.string().optional() }).nullish().describe("`model`: name of the model."),
});

/** The reason is what Flagger shows in its events. */
const gateAnswer = (isOpen: boolean, { verdict, reason }: ComparisonView): Answer => ({
  status: isOpen ? 200 : 409,
  type: "text/plain; charset=utf-8",
  body: `${verdict}: ${reason}\n`,
});

const gates = [
  {
    path: "/v1/flagger/rollout",
    summary: "Flagger's `rollout` webhook: 200 unless the verdict on the challenger is `rollback`.",
    isOpen: (verdict: ComparisonView["verdict"]) => verdict !== "rollback",
  },
  {
    path: "/v1/flagger/confirm-promotion",
    summary: "Flagger's `confirm-promotion` webhook: 200 only where the verdict is `promote`.",
    isOpen: (verdict: ComparisonView["verdict"]) => verdict === "promote",
  },
  {
    path: "/v1/flagger/rollback",
    summary: "Flagger's `rollback` webhook, where 200 means to roll back: only where the verdict is `rollback`.",
    isOpen: (verdict: ComparisonView["verdict"]) => verdict === "rollback",
  },
];

export const comparisonRoutes: readonly Route[] = [
  comparisonRoute,
  ...gates.map(({ path, summary, isOpen }) =>
    postRoute({
      path,
      summary,
      audience: "api",
      produces: "text/plain",
      body: flaggerBody,
      async handle(context, { body }) {
        const view = await comparisonOf(context, body.metadata?.model ?? body.name);
        return gateAnswer(isOpen(view.verdict), view);
      },
    }),
  ),
];
