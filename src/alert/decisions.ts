/**
 * What people decide: silences, acknowledgements, accepted drift, and whether an incident was real. Rows are only added, so that it can be
 * read later who decided what and why; a decision ends by its expiry or by a row that takes it back.
 */
import { createHash } from "node:crypto";
import { z } from "zod";
import { contentUuid } from "../core/identity.ts";
import type { Explanation } from "../core/incident.ts";
import { sql } from "../store/sql.ts";
import type { Lane } from "../store/store.ts";
import { type DecidedBaseline, readDecidedBaselines } from "./accepted-baselines.ts";
import { type Matchers, matcherNames, type Silence } from "./telling.ts";

export const decisionKinds = ["silence", "acknowledgement", "acceptance", "feedback", "forgotten", "end"] as const;
export const feedbackVerdicts = ["real", "noise"] as const;

/** Decisions that are looked at, the newest first. */
const DECISIONS_MAX = 10_000;
const TEXT_MAX = 1_000;

const owner = z.string().trim().min(1).max(200).describe("Who decides.");
const reason = z.string().trim().min(1).max(TEXT_MAX).describe("Why, in a sentence.");
const matcher = z.string().min(1).max(500).exactOptional();
export const matchersSchema = z
  .strictObject({
    model: matcher,
    version: matcher,
    window: matcher,
    subject: matcher,
    metric: matcher,
    rule: matcher,
    severity: matcher,
  })
  .refine((matchers) => Object.keys(matchers).length > 0, `name at least one of ${matcherNames.join(", ")}`)
  .describe("What is silenced: all that is named must match; * stands for any characters.");

/** What people may decide, as they write it. `until` is clock time, ms. */
export const decisionSchemas = {
  silence: z.strictObject({ matchers: matchersSchema, until: z.number(), owner, reason }),
  acknowledgement: z.strictObject({ incident_id: z.uuid(), owner, reason: reason.exactOptional() }),
  acceptance: z.strictObject({
    model: z.string().min(1).describe("Name of the model."),
    subject: z.string().min(1).describe("The feature, `prediction` or `score` whose drift is the new normal."),
    segment: z.string().exactOptional().describe("Only in this segment: `country=DE`."),
    until: z.number(),
    since: z.number().exactOptional().describe("Event time at which the drift began, ms."),
    owner,
    reason,
  }),
  feedback: z.strictObject({
    incident_id: z.uuid(),
    verdict: z.enum(feedbackVerdicts).describe("`real` or `noise`."),
    owner,
    reason: reason.exactOptional(),
  }),
  /** An id whose rows have left the store: `subject` is what `forgottenText` makes of it. */
  forgotten: z.strictObject({ model: z.string(), subject: z.string(), owner, reason }),
  end: z.strictObject({ decision_id: z.uuid().describe("What is taken back."), owner, reason: reason.exactOptional() }),
};
/** By which a forgotten id can be found again by whoever knows it. */
export const forgottenText = (id: string): string => createHash("sha256").update(id).digest("hex").slice(0, 16);

type Written = { readonly [Kind in keyof typeof decisionSchemas]: z.output<(typeof decisionSchemas)[Kind]> };

const row = z.object({
  decision_id: z.string(),
  kind: z.enum(decisionKinds),
  at: z.number(),
  until: z.number().nullable(),
  owner: z.string(),
  reason: z.string(),
  incident_id: z.string(),
  matchers: z.string(),
  model: z.string(),
  subject: z.string(),
  segment: z.string(),
  verdict: z.string(),
  ends: z.string(),
});
export interface Decision extends Omit<z.output<typeof row>, "matchers" | "ends"> {
  readonly matchers: Matchers;
  /** When and by whom it was taken back, or null. */
  readonly ended: { readonly at: number; readonly owner: string } | null;
  /** Of accepted drift: what it is measured against; null where nothing is, or not yet. */
  readonly baseline: DecidedBaseline | null;
}

/** Adds a decision, and returns its id. The same one at the same millisecond twice is one. */
export async function writeDecision<Kind extends keyof Written>(
  lane: Lane,
  kind: Kind,
  written: Written[Kind],
  now: number,
): Promise<string> {
  const plain: Readonly<Record<string, unknown>> = written;
  const text = (name: string): string => (typeof plain[name] === "string" ? plain[name] : "");
  const id = contentUuid("decision", kind, now, JSON.stringify(written));
  await lane.insertRows("decisions", [
    {
      decision_id: id,
      kind,
      at: now,
      until: typeof plain["until"] === "number" ? plain["until"] : null,
      since: typeof plain["since"] === "number" ? plain["since"] : null,
      owner: text("owner"),
      reason: text("reason"),
      incident_id: text("incident_id"),
      matchers: JSON.stringify(plain["matchers"] ?? {}),
      model: text("model"),
      subject: text("subject"),
      segment: text("segment"),
      verdict: text("verdict"),
      ends: text("decision_id"),
    },
  ]);
  return id;
}

/** All decisions, the newest first, each with whether it was taken back. */
export async function readDecisions(lane: Lane): Promise<Decision[]> {
  const rows = await lane.query(
    sql`SELECT toString(decision_id) AS decision_id, kind, toUnixTimestamp64Milli(at) AS at_ms, if(isNull(until), NULL, toUnixTimestamp64Milli(assumeNotNull(until))) AS until_ms,
        owner, reason, incident_id, matchers, model, subject, segment, verdict, ends FROM decisions FINAL ORDER BY at DESC, decision_id LIMIT ${DECISIONS_MAX}`,
    row
      .omit({ at: true, until: true })
      .extend({ at_ms: z.number(), until_ms: z.number().nullable() })
      .transform(({ at_ms, until_ms, ...rest }) => ({ ...rest, at: at_ms, until: until_ms })),
  );
  const accepts = rows.some(({ kind }) => kind === "acceptance");
  const baselines = accepts ? await readDecidedBaselines(lane) : new Map<string, DecidedBaseline>();
  const ends = new Map(rows.filter(({ kind }) => kind === "end").map((end) => [end.ends, end]));
  return rows
    .filter(({ kind }) => kind !== "end")
    .map(({ ends: _ends, matchers, ...decision }) => {
      const end = ends.get(decision.decision_id);
      return {
        ...decision,
        matchers: matchersSchema.safeParse(JSON.parse(matchers)).data ?? {},
        ended: end === undefined ? null : { at: end.at, owner: end.owner },
        baseline: baselines.get(decision.decision_id) ?? null,
      };
    });
}

/** Whether a decision holds at a clock time. */
export const isInForce = ({ until, ended }: Decision, now: number): boolean =>
  ended === null && (until === null || now < until);

/** Silences and accepted drift: what holds beyond one incident. */
export const isStanding = ({ kind }: Decision): boolean => kind === "silence" || kind === "acceptance";

export function silencesOf(decisions: readonly Decision[]): Silence[] {
  return decisions
    .filter(({ kind, ended }) => kind === "silence" && ended === null)
    .map(({ decision_id: id, matchers, owner: by, reason: why, at: from, until }) => ({
      id,
      matchers,
      owner: by,
      reason: why,
      from,
      until: until ?? from,
    }));
}

/** By incident: whoever took it on first. */
export function acknowledgementsOf(decisions: readonly Decision[]): ReadonlyMap<string, string> {
  const found = new Map<string, string>();
  for (const { kind, incident_id, owner: by, ended } of decisions)
    if (kind === "acknowledgement" && ended === null) found.set(incident_id, by);
  return found;
}

/** Event times from which on the whole and segments are measured against the new normal. */
function rebasedSince(baseline: DecidedBaseline | null): Pick<Explanation, "rebased" | "rebasedSegments"> {
  if (baseline === null) return {};
  const { segment, through, segments } = baseline;
  return {
    ...(segment === "" ? { rebased: through } : {}),
    ...(segments.length === 0
      ? {}
      : { rebasedSegments: Object.fromEntries(segments.map((one) => [one.segment, one.through])) }),
  };
}

/**
 * Accepted drift of a model that holds at a clock time: what had begun when it was accepted.
 */
export function acceptancesOf(decisions: readonly Decision[], model: string, now: number): Explanation[] {
  return decisions
    .filter((decision) => decision.kind === "acceptance" && decision.model === model && isInForce(decision, now))
    .map(({ baseline, subject, segment, owner: by, reason: why, at, until }) => ({
      kind: "accepted",
      model,
      subject,
      ...(segment === "" ? {} : { segment }),
      ...rebasedSince(baseline),
      version: "",
      variant: "",
      since: at,
      until: at,
      text: `what ${by} has accepted until ${new Date(until ?? at).toISOString().slice(0, 10)} (${why})`,
    }));
}
