/** Takes a person's decision as it was written, checks it against what there is, and writes it down. */
import { z } from "zod";
import { duration } from "../config/duration.ts";
import type { ModelConfig } from "../config/schema.ts";
import { DriftlineError } from "../core/errors.ts";
import { list, sql } from "../store/sql.ts";
import type { Lane } from "../store/store.ts";
import { readOpen } from "./alert-store.ts";
import { decisionSchemas, matchersSchema, writeDecision } from "./decisions.ts";

/** Whose drift can be accepted. */
const acceptedKinds = ["feature", "prediction", "score"];
/** Longer than anybody remembers. */
const LONGEST_MS = 366 * 86_400_000;

const expiry = {
  for: duration({ least: 60_000 }).optional().describe("How long it holds: 7d. Either this or `until`."),
  until: z.iso.datetime({ offset: true }).optional().describe("Until when it holds, ISO 8601."),
};
const { acknowledgement, acceptance, feedback, end } = decisionSchemas;
const { owner, reason } = decisionSchemas.silence.shape;

/** What a request of each kind holds; keys are those of its JSON. */
export const decisionRequests = {
  silence: z.strictObject({ matchers: matchersSchema, ...expiry, owner, reason }),
  acknowledgement,
  acceptance: acceptance.omit({ until: true, since: true }).extend(expiry),
  feedback,
  end,
};
export type DecisionRequest = {
  readonly [Kind in keyof typeof decisionRequests]: z.output<(typeof decisionRequests)[Kind]>;
};
export type DecisionKind = keyof DecisionRequest;

export interface DecisionPlace {
  readonly lane: Lane;
  readonly models: readonly ModelConfig[];
  /** Clock time, ms. */
  readonly now: number;
}

/** @returns the decision's id @throws DriftlineError `request_invalid`, `not_found` */
export async function decide<Kind extends DecisionKind>(
  place: DecisionPlace,
  kind: Kind,
  request: DecisionRequest[Kind],
): Promise<string> {
  return await deciders[kind](place, request);
}

const deciders: {
  readonly [Kind in DecisionKind]: (place: DecisionPlace, request: DecisionRequest[Kind]) => Promise<string>;
} = {
  async silence({ lane, now }, { for: ms, until, ...silence }) {
    return writeDecision(lane, "silence", { ...silence, until: expiryOf({ ms, until }, now) }, now);
  },
  async acknowledgement({ lane, now }, request) {
    await knownIncident(lane, request.incident_id);
    return writeDecision(lane, "acknowledgement", request, now);
  },
  async acceptance({ lane, models, now }, { for: ms, until, ...accepted }) {
    if (!models.some(({ name }) => name === accepted.model))
      throw new DriftlineError(
        "not_found",
        `there is no model ${accepted.model.slice(0, 100)}; the configuration has ${models.map(({ name }) => name).join(", ")}`,
      );
    await knownSubject(lane, accepted);
    const since = await beginningOf(lane, accepted);
    const written = { ...accepted, ...(since === null ? {} : { since }), until: expiryOf({ ms, until }, now) };
    return writeDecision(lane, "acceptance", written, now);
  },
  async feedback({ lane, now }, request) {
    await knownIncident(lane, request.incident_id);
    return writeDecision(lane, "feedback", request, now);
  },
  async end({ lane, now }, request) {
    const [found] = await lane.query(
      sql`SELECT count() AS n FROM decisions WHERE toString(decision_id) = ${request.decision_id} AND kind != 'end'`,
      z.object({ n: z.number() }),
    );
    if ((found?.n ?? 0) === 0) throw new DriftlineError("not_found", `there is no decision ${request.decision_id}`);
    return writeDecision(lane, "end", request, now);
  },
};

function expiryOf(
  { ms, until }: { readonly ms: number | undefined; readonly until: string | undefined },
  now: number,
): number {
  if ((ms === undefined) === (until === undefined))
    throw new DriftlineError(
      "request_invalid",
      "say either `for`, for example 7d, or `until`: what holds for ever is forgotten",
    );
  const at = ms === undefined ? Date.parse(until ?? "") : now + ms;
  if (at <= now) throw new DriftlineError("request_invalid", "`until` has passed already");
  if (at > now + LONGEST_MS) throw new DriftlineError("request_invalid", "at most 366 days; decide again then");
  return at;
}

/** When the drift that fires now has surely begun, ms; null where none does. What came before would be a mixture of the old and the new. */
async function beginningOf(
  lane: Lane,
  { model, subject, segment = "" }: { readonly model: string; readonly subject: string; readonly segment?: string },
): Promise<number | null> {
  const open = await readOpen(lane, model);
  const onsets = open
    .flatMap(({ episodes }) => episodes)
    .filter(
      (episode) =>
        episode.model === model &&
        episode.subject === subject &&
        episode.segment === segment &&
        episode.cleared === null &&
        acceptedKinds.some((kind) => kind === episode.subject_kind),
    )
    .map(({ onset, onset_to }) => onset_to ?? onset);
  return onsets.length === 0 ? null : Math.max(...onsets);
}

async function knownIncident(lane: Lane, id: string): Promise<void> {
  const [found] = await lane.query(
    sql`SELECT count() AS n FROM incidents WHERE toString(incident_id) = ${id.toLowerCase()}`,
    z.object({ n: z.number() }),
  );
  if ((found?.n ?? 0) === 0) throw new DriftlineError("not_found", `there is no incident ${id}`);
}

async function knownSubject(
  lane: Lane,
  { model, subject }: { readonly model: string; readonly subject: string },
): Promise<void> {
  const rows = await lane.query(
    sql`SELECT DISTINCT subject FROM \`references\` WHERE model = ${model} AND subject_kind IN ${list(acceptedKinds)} ORDER BY subject LIMIT 10000`,
    z.object({ subject: z.string() }),
  );
  if (rows.some((row) => row.subject === subject)) return;
  const known = rows.slice(0, 20).map((row) => row.subject);
  throw new DriftlineError(
    "not_found",
    `model ${model} has no feature ${subject.slice(0, 100)} in its reference; it has ${known.join(", ") || "none"}${rows.length > known.length ? ", …" : ""}`,
  );
}
