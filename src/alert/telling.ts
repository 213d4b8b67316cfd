/**
 * Whether people are told of an incident: not while it is silenced, and not where all of it is explained by a new version. What is held back
 * is told later if it still holds then; what was told is ended in any case.
 */
import { isEvidence } from "../core/evidence.ts";
import { globMatches } from "../core/glob.ts";
import { type Explanation, type Incident, type IncidentMember, modelsOf } from "../core/incident.ts";
import { memberName } from "./incident-text.ts";
import type { Plans } from "./kpi-plans.ts";

/** Exact texts, in which `*` stands for any; what is left out matches everything. */
export interface Matchers {
  readonly model?: string | undefined;
  readonly version?: string | undefined;
  readonly window?: string | undefined;
  readonly subject?: string | undefined;
  readonly metric?: string | undefined;
  readonly rule?: string | undefined;
  readonly severity?: string | undefined;
}
export const matcherNames = ["model", "version", "window", "subject", "metric", "rule", "severity"] as const;

export interface Silence {
  readonly id: string;
  readonly matchers: Matchers;
  readonly owner: string;
  readonly reason: string;
  /** Clock times, ms. */
  readonly from: number;
  readonly until: number;
}

/** What is meant to be: a version that was put there, drift that somebody has accepted. Nothing upstream is broken. */
export const expected: ReadonlySet<Explanation["kind"]> = new Set(["version", "accepted"]);

/** Why nobody is told: one sentence; null where people are. */
export function heldBackBy(
  incident: Incident,
  silences: readonly Silence[],
  now: number,
  plans: Plans = () => null,
): string | null {
  const firing = incident.members.filter((member) => member.firing);
  const news = firing.filter((member) => member.muted === undefined);
  const explanations = incident.explanations ?? [];
  const isExpected = news.length === 0 && explanations.every(({ kind }) => expected.has(kind));
  if (firing.length > 0 && isExpected && explanations[0] !== undefined)
    return `nobody is told: all of it is explained by ${explanations[0].text}`;
  const active = silences.filter(({ from, until }) => from <= now && now < until);
  const reasons = (news.length > 0 ? news : firing).map((member) => {
    if (plans(member.model ?? incident.model, member)?.tells === false)
      return `nobody is told: on_failure of ${memberName(member)} does not ask for it`;
    const silence = active.find(({ matchers }) => matches(matchers, incident, member));
    return silence === undefined ? null : silencedBy(silence);
  });
  return reasons.includes(null) ? null : (reasons[0] ?? null);
}

const silencedBy = ({ owner, until, reason }: Silence): string =>
  `silenced by ${owner} until ${new Date(until).toISOString().slice(0, 16).replace("T", " ")} UTC: ${reason}`;

interface MatchedMember
  extends Pick<IncidentMember, "version" | "subject_kind" | "subject" | "metric" | "rule" | "severity"> {
  readonly model?: string | undefined;
  readonly window?: string | undefined;
}

function matches(
  matchers: Matchers,
  incident: { readonly model: string; readonly window: string },
  member: MatchedMember,
): boolean {
  const values = {
    model: member.model ?? incident.model,
    version: member.version,
    window: member.window ?? incident.window,
    subject: member.subject_kind === "kpi" && !isEvidence(member.metric) ? member.metric : member.subject,
    metric: member.metric,
    rule: member.rule,
    severity: member.severity,
  };
  return matcherNames.every((name) => {
    const wanted = matchers[name];
    return wanted === undefined || globMatches(wanted, values[name]);
  });
}

/** Whether a silence can match something of an incident's models: for the page. */
export const concernsModel = (
  { matchers }: { readonly matchers: Matchers },
  of: { readonly model: string; readonly models?: readonly string[] | undefined },
): boolean => modelsOf(of).some((model) => globMatches(matchers.model ?? "*", model));

/** Whether matchers match any of an incident's members. */
export const silencesMatching = (
  matchers: Matchers,
  incident: { readonly model: string; readonly window: string; readonly members: readonly MatchedMember[] },
): boolean => incident.members.some((member) => matches(matchers, incident, member));
