/** What people decide, as `/v1` routes: silences, acknowledgements, accepted drift, feedback. Writing ones are guarded like all that write. */
import { z } from "zod";
import type { DecidedBaseline, DecidedSeries } from "../../alert/accepted-baselines.ts";
import { type DecisionKind, type DecisionRequest, decide, decisionRequests } from "../../alert/decide.ts";
import { type Decision, decisionKinds, isInForce, readDecisions } from "../../alert/decisions.ts";
import type { ServeContext } from "../context.ts";
import { getRoute, jsonAnswer, noInput, postToRoute } from "../route.ts";

const iso = (ms: number | null): string | null => (ms === null ? null : new Date(ms).toISOString());

/** A decision as the API shows it: times as ISO 8601, and only what its kind has. */
export function decisionJson(decision: Decision, now: number): Record<string, unknown> {
  const {
    decision_id,
    kind,
    at,
    until,
    owner,
    reason,
    incident_id,
    matchers,
    model,
    subject,
    segment,
    verdict,
    ended,
    baseline,
  } = decision;
  return {
    decision_id,
    kind,
    at: iso(at),
    owner,
    reason,
    in_force: isInForce(decision, now),
    ...(until === null ? {} : { until: iso(until) }),
    ...(incident_id === "" ? {} : { incident_id }),
    ...(kind === "silence" ? { matchers } : {}),
    ...(kind === "acceptance" ? { model, subject, ...(segment === "" ? {} : { segment }) } : {}),
    ...(baseline === null ? {} : { baseline: baselineJson(baseline) }),
    ...(verdict === "" ? {} : { verdict }),
    ...(ended === null ? {} : { ended: { at: iso(ended.at), owner: ended.owner } }),
  };
}

/** What accepted drift is measured against; its times are of events. */
const baselineJson = ({
  since,
  through,
  until,
  needed,
  series,
  segment,
  segments,
}: DecidedBaseline): Record<string, unknown> => ({
  since: iso(since),
  from: iso(through),
  until: iso(until),
  rows_needed: needed,
  versions: series.map(versionJson),
  ...(segment !== "" || segments.length === 0
    ? {}
    : { segments: segments.map((one) => ({ segment: one.segment, versions: one.series.map(versionJson) })) }),
});

const versionJson = ({ version, variant, from, rows }: DecidedSeries): Record<string, unknown> => ({
  version,
  variant,
  state: from === null ? "waiting" : "compared",
  from: iso(from),
  rows,
});

async function decided<Kind extends DecisionKind>(context: ServeContext, kind: Kind, request: DecisionRequest[Kind]) {
  const place = { lane: context.store.lane("serve"), models: context.models, now: context.clock.now() };
  return jsonAnswer({ decision_id: await decide(place, kind, request) }, 201);
}

const common = { audience: "api", produces: "application/json" } as const;
const ofIncident = z.object({ incident: z.uuid().describe("Id of the incident.") });

export const decisionRoutes = [
  getRoute({
    ...common,
    path: "/v1/decisions",
    summary: "Silences, acknowledgements, accepted drift and feedback, the newest first.",
    params: noInput,
    query: z.object({
      kind: z
        .enum(decisionKinds.filter((kind) => kind !== "end"))
        .optional()
        .describe("Left out: all."),
      in_force: z.enum(["true", "false"]).default("false").describe("Only those that hold now."),
    }),
    async handle({ store, clock }, { query }) {
      const now = clock.now();
      const decisions = (await readDecisions(store.lane("serve"))).filter(
        (decision) =>
          (query.kind === undefined || decision.kind === query.kind) &&
          (query.in_force === "false" || isInForce(decision, now)),
      );
      return jsonAnswer({ decisions: decisions.map((decision) => decisionJson(decision, now)) });
    },
  }),
  postToRoute({
    ...common,
    path: "/v1/silences",
    summary: "Holds back messages of what matches, until it expires.",
    params: noInput,
    body: decisionRequests.silence,
    handle: (context, { body }) => decided(context, "silence", body),
  }),
  postToRoute({
    ...common,
    path: "/v1/acceptances",
    summary: "Accepts the drift of a feature as the new normal, until it expires.",
    params: noInput,
    body: decisionRequests.acceptance,
    handle: (context, { body }) => decided(context, "acceptance", body),
  }),
  postToRoute({
    ...common,
    path: "/v1/incidents/:incident/acknowledge",
    summary: "Takes an incident on: no reminders any more.",
    params: ofIncident,
    body: decisionRequests.acknowledgement.omit({ incident_id: true }),
    handle: (context, { params, body }) =>
      decided(context, "acknowledgement", { ...body, incident_id: params.incident }),
  }),
  postToRoute({
    ...common,
    path: "/v1/incidents/:incident/feedback",
    summary: "Says whether an incident was real or noise.",
    params: ofIncident,
    body: decisionRequests.feedback.omit({ incident_id: true }),
    handle: (context, { params, body }) => decided(context, "feedback", { ...body, incident_id: params.incident }),
  }),
  postToRoute({
    ...common,
    path: "/v1/decisions/:decision/end",
    summary: "Takes a decision back before it expires.",
    params: z.object({ decision: z.uuid().describe("Id of the decision.") }),
    body: decisionRequests.end.omit({ decision_id: true }),
    handle: (context, { params, body }) => decided(context, "end", { ...body, decision_id: params.decision }),
  }),
];
