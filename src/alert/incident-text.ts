/**
 * Incidents in words. Names come from events and are hostile: control characters and direction marks are taken out and long names
 * cut here, so that every channel has one line of plain text to escape for its own medium.
 */
import { evidenceMetrics, isEvidence, PAGE_TIER } from "../core/evidence.ts";
import { type Explanation, type Incident, type IncidentMember, modelsOf } from "../core/incident.ts";

const NAME_CHARACTERS_MAX = 120;

/** A name as one line of plain text. */
export const plainName = (name: string): string => plainText(name, NAME_CHARACTERS_MAX);

function plainText(written: string, most = 2 * NAME_CHARACTERS_MAX): string {
  const text = written.replace(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]+/gu, " ").trim();
  return text.length > most ? `${text.slice(0, most - 1)}…` : text;
}

/** At most six significant digits, without trailing zeros; exponents for the very small and the very large. */
export function plainNumber(value: number | null): string {
  return value === null ? "no value" : String(Number(value.toPrecision(6)));
}

/** "accuracy", "jensen-shannon of RELP". */
export function memberName(member: Pick<IncidentMember, "metric" | "subject_kind" | "subject">): string {
  // The page tier judges subjects; KPIs are named there by what they are.
  if (isEvidence(member.metric)) return plainName(member.subject);
  const metric = plainName(member.metric);
  if (member.subject_kind === "attribution") return `${metric} of the attribution of ${plainName(member.subject)}`;
  return member.subject === member.subject_kind && (member.subject_kind === "kpi" || member.subject_kind === "model")
    ? metric
    : `${metric} of ${plainName(member.subject)}`;
}

/** "jensen-shannon of RELP 0.21 is above 0.1". */
export function memberSentence(member: IncidentMember): string {
  const name = `${memberName(member)}${series(member)}`;
  if (isEvidence(member.metric)) return changeSentence(member, name);
  const limit = member.threshold === null ? "its limit" : plainNumber(member.threshold);
  const missing = member.data_missing ? `; ${undecidedWords(member.metric)}` : "";
  const finding = member.finding === undefined ? "" : `: ${plainText(member.finding)}`;
  if (member.firing) return `${name} ${plainNumber(member.value)} is ${member.direction} ${limit}${finding}${missing}`;
  // Withdrawn, or accepted: the number is still that at which it fired.
  if (member.cleared_at === null) return `${name} ${plainNumber(member.value)} was ${member.direction} ${limit}`;
  return `${name} is back at ${plainNumber(member.value)} (limit ${limit})`;
}

/** "RELP has changed since 2017-06-03 00:00 UTC: the share of 17 rose from 3.1 % to 9.4 %". */
function changeSentence(member: IncidentMember, name: string): string {
  const isKpi = member.metric === evidenceMetrics.kpi;
  if (!member.firing && member.cleared_at !== null)
    return isKpi ? `${name} has recovered` : `${name} is as in the reference again`;
  const since = member.onset === undefined ? "" : ` since ${plainTime(member.onset)}`;
  const finding = member.finding === undefined ? "" : plainText(member.finding);
  if (isKpi) return `${name} ${finding}${since === "" ? "" : `,${since}`}`;
  return `${name} has changed${since}${finding === "" ? "" : `: ${finding}`}`;
}
/** An estimate may also say nothing because it has been wrong. */
const undecidedWords = (metric: string): string =>
  metric.startsWith("estimated_")
    ? "newer windows can't tell: they hold too few data, or the estimate has missed the labels of late"
    : "newer windows hold too few data to tell";

function series(member: IncidentMember): string {
  const parts = [
    ...(member.model === undefined ? [] : [`model ${plainName(member.model)}`]),
    ...(member.segment === undefined ? [] : [plainName(member.segment)]),
    ...(member.version === "" ? [] : [`version ${plainName(member.version)}`]),
    ...(member.variant === "" ? [] : [`variant ${plainName(member.variant)}`]),
  ];
  return parts.length === 0 ? "" : ` (${parts.join(", ")})`;
}

/** Models named in a title. */
const MODELS_NAMED = 2;

/**
 * One sentence: the first member, or what explains all of them, and how many more there are. Members are counted by what they speak of: one
 * feature in three windows is one.
 */
export function incidentTitle(
  incident: Pick<Incident, "model" | "models" | "window" | "members" | "explanations">,
): string {
  const [first] = incident.members;
  const place = placeText(incident, first);
  if (first === undefined) return place;
  const news = incident.members.filter(({ muted }) => muted === undefined);
  if (news.length === 0) {
    const muted = [...new Set(incident.members.map(subjectName))];
    const [explanation] = incident.explanations ?? [];
    const since = explanation === undefined ? "" : ` since ${plainTime(beginningOf(explanation, incident.members))}`;
    return `${place}: ${explanationText(incident.explanations ?? [])}${since}, which explains the drift of ${named(muted)}`;
  }
  const more = new Set(news.map(subjectKey));
  more.delete(subjectKey(first));
  return `${place}: ${memberSentence({ ...first, data_missing: false })}${more.size > 0 ? ` and ${more.size} more` : ""}`;
}

/** Of what only a whole window shows, the beginning is that of the drift which it explains, where that is known more finely. */
function beginningOf({ since, earliest }: Explanation, members: readonly IncidentMember[]): number {
  if (earliest === undefined) return since;
  return Math.min(since, ...members.flatMap(({ onset }) => (onset !== undefined && onset >= earliest ? [onset] : [])));
}

function placeText(incident: Pick<Incident, "model" | "models" | "window">, first: IncidentMember | undefined): string {
  const models = modelsOf(incident);
  if (models.length > 1) {
    const others = models.length - MODELS_NAMED;
    const names = models.slice(0, MODELS_NAMED).map(plainName).join(", ");
    return others > 0 ? `${models.length} models (${names} and ${others} more)` : names;
  }
  const window = first?.window ?? incident.window;
  return window === PAGE_TIER ? plainName(incident.model) : `${plainName(incident.model)}, window ${plainName(window)}`;
}

const subjectKey = ({ subject_kind, subject, metric }: IncidentMember): string =>
  JSON.stringify(subject_kind === "kpi" && !isEvidence(metric) ? [subject_kind, metric] : [subject_kind, subject]);

/** What a member speaks of: "RELP", "accuracy". */
const subjectName = ({ subject_kind, subject, metric }: IncidentMember): string =>
  plainName(subject_kind === "kpi" && !isEvidence(metric) ? metric : subject);

const NAMES_MAX = 3;

function named(names: readonly string[]): string {
  const shown = names.slice(0, NAMES_MAX).join(", ");
  return names.length > NAMES_MAX ? `${shown} and ${names.length - NAMES_MAX} more` : shown;
}

/** "missing values of amount (98 % of the events) (and 2 more)"; each text once, however many models say it. */
function explanationText(explanations: readonly Explanation[]): string {
  const texts = [...new Set(explanations.map(({ text }) => plainText(text)))];
  return `${texts[0] ?? "something upstream"}${texts.length > 1 ? ` (and ${texts.length - 1} more)` : ""}`;
}

/** "Muted: the drift of age, score and 3 more, explained by missing values of age (98 % of the events)": one sentence an explanation. */
export function mutedSentences(members: readonly IncidentMember[]): string[] {
  const byReason = new Map<string, Set<string>>();
  for (const member of members) {
    if (member.muted === undefined) continue;
    const names = byReason.get(member.muted) ?? new Set();
    byReason.set(member.muted, names.add(subjectName(member)));
  }
  return [...byReason].map(([reason, names]) => `Muted: the drift of ${named([...names])}, ${plainText(reason)}`);
}

/** "2026-03-02 10:15 UTC". */
export function plainTime(ms: number): string {
  return `${new Date(ms).toISOString().slice(0, 16).replace("T", " ")} UTC`;
}

/** What a channel puts before the title. */
export function transitionWord(kind: string, incident: Incident): string {
  const words: Readonly<Record<string, string>> = {
    opened: `New ${incident.severity}`,
    escalated: `Now ${incident.severity}`,
    widened: "Widened",
    data_missing: "Data missing",
    reminder: "Still open",
    confirmed: "Confirmed by labels",
    revised: "Revised",
    resolved: "Resolved",
    withdrawn: "Withdrawn",
    retrained: "Retrained",
    reopened: "Reopened",
    retraining: "Retraining",
  };
  return words[kind] ?? kind;
}
