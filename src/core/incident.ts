/** An incident: one cause that people are told of once. */
import type { SubjectKind } from "./summary.ts";

export const severities = ["info", "ticket", "page"] as const;
export type Severity = (typeof severities)[number];

export const incidentStates = ["firing", "recovering", "resolved"] as const;
export type IncidentState = (typeof incidentStates)[number];

/** One rule on one subject that takes part in an incident, with the numbers that made it so. */
export interface IncidentMember {
  readonly rule: string;
  readonly severity: Severity;
  readonly version: string;
  readonly variant: string;
  readonly subject_kind: SubjectKind;
  readonly subject: string;
  readonly metric: string;
  readonly value: number | null;
  readonly threshold: number | null;
  /** The comparison in words: "above", "below". */
  readonly direction: "above" | "below";
  readonly window_start: number;
  readonly window_end: number;
  readonly n: number;
  /** False once this member has cleared while others still fire. */
  readonly firing: boolean;
  /** True while the newest windows hold too little data to decide. */
  readonly data_missing: boolean;
}

export interface Incident {
  /** UUID made from a hash of (model, window, first rule and subject, onset as it was at the opening). */
  readonly incident_id: string;
  readonly model: string;
  /** The window's name: incidents are grouped by model and window. */
  readonly window: string;
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
}

export const incidentTransitions = ["opened", "escalated", "data_missing", "reminder", "resolved", "withdrawn"] as const;
export type IncidentTransition = (typeof incidentTransitions)[number];
