/** An incident: one cause that people are told of once. */
import type { IncidentBeginning } from "./incident-beginning.ts";
import type { CauseReport } from "./incident-cause.ts";
import type { SubjectKind } from "./summary.ts";

export const severities = ["info", "ticket", "page"] as const;
export type Severity = (typeof severities)[number];

export const incidentStates = ["firing", "recovering", "resolved"] as const;
export type IncidentState = (typeof incidentStates)[number];

/** One rule on one subject that takes part in an incident, with the numbers that made it so. */
export interface IncidentMember {
  /** The rule's name, or the rule in words. */
  readonly rule: string;
  readonly severity: Severity;
  readonly version: string;
  readonly variant: string;
  /** 'region=eu', where it is about a segment; left out: the whole. */
  readonly segment?: string | undefined;
  readonly subject_kind: SubjectKind;
  readonly subject: string;
  readonly metric: string;
  /** Of the window at which it fired; once it has cleared, of the window that cleared it. */
  readonly value: number | null;
  readonly threshold: number | null;
  /** The comparison in words: "above", "below". */
  readonly direction: "above" | "below";
  /** The window that `value` is of. */
  readonly window_start: number;
  readonly window_end: number;
  readonly n: number;
  /** End of the window at which it fired. */
  readonly fired_at: number;
  /** End of the window that cleared it, null while it fires. */
  readonly cleared_at: number | null;
  /** False once this member has cleared while others still fire. */
  readonly firing: boolean;
  /** True while the newest windows hold too little data to decide. */
  readonly data_missing: boolean;
  /** Of what the page tier has found: where the change began, and what it is in words. */
  readonly onset?: number | undefined;
  /** The interval that the onset lies in, 95 times in 100. */
  readonly onset_from?: number | undefined;
  readonly onset_to?: number | undefined;
  readonly finding?: string | undefined;
}

/** Whether an action was asked for an incident, and if not, why not. */
export interface ActionDecision {
  /** The action as the model's configuration names it: "webhook", and "webhook 2" for a second one. */
  readonly action: string;
  readonly requested: boolean;
  /** One sentence: "in cooldown until 2026-03-02T10:00:00.000Z". */
  readonly reason: string;
}

export interface Incident {
  /** UUID made from a hash of (model, window, first rule and subject, onset as it was at the opening). */
  readonly incident_id: string;
  readonly model: string;
  /** The window's name: incidents are grouped by model and window. */
  readonly window: string;
  /** The greatest severity that a member has had: it rises, and never falls while the incident is open. */
  readonly severity: Severity;
  readonly state: IncidentState;
  /** Start of the first window that breached, as known at the opening. */
  readonly onset: number;
  /** Event time of the window end at which it opened; resolved_at likewise, null while open. */
  readonly opened_at: number;
  readonly resolved_at: number | null;
  readonly members: readonly IncidentMember[];
  /** One sentence for people. */
  readonly title: string;
  /** What was decided of the model's actions so far. */
  readonly actions?: readonly ActionDecision[];
  /** Why it came about, as of when it was last explained. */
  readonly causes?: CauseReport;
  /** The window and the event with which it began, as known at the opening. */
  readonly beginning?: IncidentBeginning;
}

/** What people can be told of an incident. */
export const incidentTransitions = [
  "opened",
  "escalated",
  "data_missing",
  "reminder",
  "resolved",
  "withdrawn",
] as const;
export type IncidentTransition = (typeof incidentTransitions)[number];

/** Why a row of the `incidents` table was written: a transition, or a change that nobody is told of. */
export const incidentChangeKinds = [...incidentTransitions, "amended"] as const;
export type IncidentChangeKind = (typeof incidentChangeKinds)[number];

/** One change of one incident, as it is stored: the incident after the change. */
export interface IncidentChange {
  readonly kind: IncidentChangeKind;
  /** Tells apart transitions that happen more than once to an incident: reminders by number, escalations by severity. */
  readonly occurrence: number;
  /** The incident's severity before the change; null when it opens. */
  readonly severityBefore: Severity | null;
  /** Grows by one with each change of the incident. */
  readonly sequence: number;
  readonly incident: Incident;
}

/** Order of severities: 0 is the least. */
export const severityRank = (severity: Severity): number => severities.indexOf(severity);
