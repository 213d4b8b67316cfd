/** Retrainings over HTTP: what there are, what a retraining system reports, and the approval of a person. */
import { createHash, timingSafeEqual } from "node:crypto";
import path from "node:path";
import { z } from "zod";
import { DriftlineError } from "../../core/errors.ts";
import { contentUuid } from "../../core/identity.ts";
import {
  isOver,
  type Retraining,
  type RetrainingDetail,
  type RetrainingEventKind,
  type RetrainingState,
} from "../../core/retraining.ts";
import { parseNotification } from "../../deliver/delivery-store.ts";
import { eventOf, insertRetrainingEvents, readRetraining, readRetrainings } from "../../deliver/retraining-store.ts";
import type { ServeContext } from "../context.ts";
import type { Frame } from "../page/layout.tsx";
import { ApprovalPage } from "../page/retraining-view.tsx";
import { retrainingJson } from "../queries/retrainings.ts";
import { type Answer, errorAnswer, formRoute, getRoute, jsonAnswer, noInput, postToRoute } from "../route.ts";
import { errorPage, html } from "./pages.tsx";

const retrainingId = z.object({ retraining: z.string().describe("Id of the retraining.") });
const line = (most: number) =>
  z
    .string()
    .trim()
    .max(most)
    .regex(/^\P{Cc}*$/u, "one line of text");

async function found(context: ServeContext, id: string): Promise<Retraining> {
  const retraining = await readRetraining(context.store.lane("serve"), id);
  if (retraining === null) throw new DriftlineError("not_found", `there is no retraining ${id.slice(0, 80)}`);
  return retraining;
}

const write = (
  context: ServeContext,
  retraining: Retraining,
  event: RetrainingEventKind,
  detail: RetrainingDetail,
  key = "",
) =>
  insertRetrainingEvents(context.store.lane("serve"), [
    eventOf(retraining, { event, at: context.clock.now(), key, detail }),
  ]);

const listRoute = getRoute({
  path: "/v1/retrainings",
  summary: "Retrainings and what has come of them, the newest first.",
  audience: "api",
  produces: "application/json",
  params: noInput,
  query: z.object({
    model: z.string().optional().describe("Name of a model."),
    incident: z.string().optional().describe("Id of an incident."),
  }),
  async handle({ store }, { query }) {
    const filter = { model: query.model, incident_id: query.incident };
    const retrainings = await readRetrainings(store.lane("serve"), filter);
    return jsonAnswer({ retrainings: retrainings.map(retrainingJson) });
  },
});

const oneRoute = getRoute({
  path: "/v1/retrainings/:retraining",
  summary: "One retraining with all its events.",
  audience: "api",
  produces: "application/json",
  params: retrainingId,
  query: noInput,
  handle: async (context, { params }) => jsonAnswer(retrainingJson(await found(context, params.retraining))),
});

const reportSchema = z.strictObject({
  status: z.enum(["running", "succeeded", "failed"]).describe("How the retraining stands."),
  version: line(200)
    .min(1)
    .optional()
    .describe("succeeded: the version that came of it, as its events will carry it; left out: none is followed."),
  reference: line(1000)
    .min(1)
    .optional()
    .describe(
      "succeeded: file of the new reference, in the folder of the configured one; left out: that one is read again.",
    ),
  message: line(1000).optional().describe("One sentence for people."),
});

const NEVER_SENT: ReadonlySet<RetrainingState> = new Set([
  "dry_run",
  "awaiting_approval",
  "approved",
  "rejected",
  "expired",
]);

const reportRoute = postToRoute({
  path: "/v1/retrainings/:retraining",
  summary: "The retraining system reports how a retraining stands. The same report twice is one.",
  audience: "api",
  produces: "application/json",
  params: retrainingId,
  body: reportSchema,
  async handle(context, { params, body }): Promise<Answer> {
    const retraining = await found(context, params.retraining);
    const conflict = conflictOf(retraining, body);
    if (conflict !== null) return errorAnswer(409, "request_invalid", conflict);
    const { status, version, message } = body;
    const reference = body.reference === undefined ? undefined : referenceFile(context, retraining, body.reference);
    const detail = {
      ...(version === undefined ? {} : { version }),
      ...reference,
      ...(message === undefined ? {} : { message }),
    };
    await write(context, retraining, status, detail, contentUuid("report", JSON.stringify([status, detail])));
    context.log.info("a retraining was reported", {
      model: retraining.model,
      retraining: retraining.retraining_id,
      status,
      version: version ?? "",
    });
    return jsonAnswer(retrainingJson(await found(context, params.retraining)));
  },
});

/** Why a report can't be; null where it can, or has been made before. */
function conflictOf(retraining: Retraining, report: z.output<typeof reportSchema>): string | null {
  const { state, version } = retraining;
  if (NEVER_SENT.has(state)) return `this retraining was never sent: ${state.replaceAll("_", " ")}`;
  const succeeded = state === "succeeded" || isOver(retraining);
  if (report.status === "succeeded" && version !== "" && report.version !== undefined && report.version !== version)
    return `this retraining has succeeded with version ${version}`;
  if (report.status === "failed" && succeeded) return "this retraining has succeeded";
  return null;
}

/** A reported file must lie where the configured reference lies: a report must not make the service read any file of its machine. */
function referenceFile(
  context: ServeContext,
  retraining: Retraining,
  written: string,
): { readonly reference: string; readonly replaces: string } {
  const configured = context.models.find(({ name }) => name === retraining.model)?.reference?.file;
  if (configured === undefined)
    throw new DriftlineError("request_invalid", `body.reference: the model ${retraining.model} names no reference`);
  const folder = path.dirname(configured);
  const file = path.resolve(folder, written);
  if (!file.startsWith(`${folder}${path.sep}`))
    throw new DriftlineError(
      "request_invalid",
      "body.reference: the file must lie in the folder of the configured one",
    );
  return { reference: file, replaces: configured };
}

const decisionSchema = z.object({
  decision: z.enum(["approve", "reject"]).describe("What is decided."),
  token: z.string().min(1).max(200).describe("The token of the link; it can be used once."),
  by: line(100).default("").describe("Who decides, for the record."),
});
type Decided = z.output<typeof decisionSchema>;

const matches = (token: string, hash: string | undefined): boolean =>
  hash !== undefined &&
  timingSafeEqual(createHash("sha256").update(token).digest(), Buffer.from(hash.padEnd(64, "0").slice(0, 64), "hex"));

/** Any of its links: where a crash made it be asked for twice, there are two. */
const isAllowed = (retraining: Retraining, token: string): boolean =>
  retraining.events.some(({ event, detail }) => event === "asked" && matches(token, detail.token_hash));

const askedOf = (retraining: Retraining) => retraining.events.find(({ event }) => event === "asked")?.detail ?? {};
const untilOf = (retraining: Retraining): number => askedOf(retraining).approval_until ?? 0;

/** Writes the decision down, or says why it can't be made. */
async function decide(
  context: ServeContext,
  id: string,
  { decision, token, by }: Decided,
): Promise<{ readonly status: number; readonly problem: string } | { readonly retraining: Retraining }> {
  const retraining = await readRetraining(context.store.lane("serve"), id);
  if (retraining === null || !isAllowed(retraining, token))
    return { status: 403, problem: "this link allows nothing: the token is not one of this retraining" };
  if (retraining.state !== "awaiting_approval")
    return { status: 409, problem: `this has been decided: ${retraining.state.replaceAll("_", " ")}` };
  if (context.clock.now() >= untilOf(retraining))
    return { status: 409, problem: "the time to decide is over; nothing is sent" };
  const event = decision === "approve" ? "approved" : "rejected";
  await write(context, retraining, event, by === "" ? {} : { by });
  context.log.info("a retraining was decided upon", { model: retraining.model, retraining: id, event });
  return { retraining: await found(context, id) };
}

const approvalRoute = postToRoute({
  path: "/v1/retrainings/:retraining/approval",
  summary: "Approves or rejects a retraining that waits for it, with the token of its link instead of the server's.",
  audience: "api",
  ownToken: true,
  produces: "application/json",
  params: retrainingId,
  body: decisionSchema.strict(),
  async handle(context, { params, body }) {
    const outcome = await decide(context, params.retraining, body);
    return "retraining" in outcome
      ? jsonAnswer(retrainingJson(outcome.retraining))
      : errorAnswer(outcome.status, outcome.status === 403 ? "forbidden" : "request_invalid", outcome.problem);
  },
});

const frame: Frame = { title: "Approval", current: null, openIncidents: null, newestEvent: null };

function approvalPage(retraining: Retraining, token: string): Answer {
  const { notification } = askedOf(retraining);
  const title = notification === undefined ? "" : parseNotification(notification).incident.title;
  const page = html(
    frame,
    <ApprovalPage retraining={retraining} title={title} token={token} until={untilOf(retraining)} />,
  );
  // A form of a page without referrer would come without its origin, which the server refuses.
  return { ...page, headers: { "Referrer-Policy": "same-origin" } };
}

const approvalPageRoute = getRoute({
  path: "/retrainings/:retraining",
  summary: "The page on which a retraining is approved.",
  audience: "page",
  ownToken: true,
  produces: "text/html",
  params: retrainingId,
  query: z.object({ token: z.string().max(200).default("") }),
  async handle(context, { params, query }) {
    const retraining = await readRetraining(context.store.lane("serve"), params.retraining);
    return retraining === null || !isAllowed(retraining, query.token)
      ? errorPage(403, "forbidden", "This link allows nothing: it is not complete, or not of a retraining.")
      : approvalPage(retraining, query.token);
  },
});

const approvalFormRoute = formRoute({
  path: "/retrainings/:retraining",
  summary: "The form of that page.",
  audience: "page",
  ownToken: true,
  produces: "text/html",
  params: retrainingId,
  body: decisionSchema,
  async handle(context, { params, body }) {
    const outcome = await decide(context, params.retraining, body);
    return "retraining" in outcome
      ? approvalPage(outcome.retraining, body.token)
      : errorPage(outcome.status, outcome.status === 403 ? "forbidden" : "request_invalid", outcome.problem);
  },
});

export const retrainingRoutes = [listRoute, oneRoute, reportRoute, approvalRoute, approvalPageRoute, approvalFormRoute];
