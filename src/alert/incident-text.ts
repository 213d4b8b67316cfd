/**
 * Incidents in words. Names come from events and are hostile: control characters and direction marks are taken out and long names
 * cut here, so that every channel has one line of plain text to escape for its own medium.
 */
import { evidenceMetrics, isEvidence, PAGE_TIER } from "../core/evidence.ts";
import type { Incident, IncidentMember } from "../core/incident.ts";

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
  if (member.firing) return `${name} ${plainNumber(member.value)} is ${member.direction} ${limit}${missing}`;
  return `${name} is back at ${plainNumber(member.value)} (limit ${limit})`;
}

/** "RELP has changed since 2017-06-03 00:00 UTC: the share of 17 rose from 3.1 % to 9.4 %". */
function changeSentence(member: IncidentMember, name: string): string {
  const isKpi = member.metric === evidenceMetrics.kpi;
  if (!member.firing) return isKpi ? `${name} has recovered` : `${name} is as in the reference again`;
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
    ...(member.version === "" ? [] : [`version ${plainName(member.version)}`]),
    ...(member.variant === "" ? [] : [`variant ${plainName(member.variant)}`]),
    ...(member.segment === undefined ? [] : [`where ${plainName(member.segment)}`]),
  ];
  return parts.length === 0 ? "" : ` (${parts.join(", ")})`;
}

/** One sentence: the first member and how many more. */
export function incidentTitle(model: string, window: string, members: readonly IncidentMember[]): string {
  const first = members[0];
  const place = window === PAGE_TIER ? plainName(model) : `${plainName(model)}, window ${plainName(window)}`;
  if (first === undefined) return place;
  const more = members.length > 1 ? ` and ${members.length - 1} more` : "";
  return `${place}: ${memberSentence({ ...first, data_missing: false })}${more}`;
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
    data_missing: "Data missing",
    reminder: "Still open",
    resolved: "Resolved",
    withdrawn: "Withdrawn",
  };
  return words[kind] ?? kind;
}
