/** An incident: one cause that people are told of once. */
import type { IncidentBeginning } from "./incident-beginning.ts";
import type { CauseReport } from "./incident-cause.ts";
import type { SubjectKind } from "./summary.ts";

export const severities = ["info", "ticket", "page"] as const;
export type Severity = (typeof severities)[number];

/**
 * `pending`: a rule has breached, not yet often enough. `recovering`: the newest windows are good, not yet often enough. `insufficient_data`
 * and `error`: of what fires nothing can be decided, for want of data or because it can't be computed; never a green light.
 */
export const incidentStates = ["pending", "firing", "recovering", "insufficient_data", "error", "resolved"] as const;
export type IncidentState = (typeof incidentStates)[number];

/** One rule on one subject that takes part in an incident, with the numbers that made it so. */
/** With what the reason begins where an incident has ended since nobody watches its model any more. */
export const MODEL_REMOVED = "model removed";

export interface IncidentMember {
  /** The rule's name, or the rule in words. */
  readonly rule: string;
  readonly severity: Severity;
  /** The model and the window's name that it is of; left out where they are the incident's own. */
  readonly model?: string;
  readonly window?: string;
  /** '' or left out: the whole. */
  readonly segment?: string;
  readonly version: string;
  readonly variant: string;
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
  /** True while the newest window could not be computed. */
  readonly error?: boolean;
  /** Why nobody is told of it by itself: "explained by missing values of age (98 % of the events)". */
  readonly muted?: string;
  /** Effect (times its limit) x importance (1: an ordinary feature); with the KPI impact in `causes` what members of one urgency are ordered by. */
  readonly weight?: number;
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
  /** The model that it is of; left out where that is the incident's own. */
  readonly model?: string;
  readonly requested: boolean;
  /** True where it was asked for, be it that a person must agree first or that it was a dry run: an incident asks for an action once. */
  readonly asked?: boolean;
  /** One sentence: "in cooldown until 2026-03-02T10:00:00.000Z". */
  readonly reason: string;
}

/** A version that has come of a retraining because of this incident, and is followed. */
export interface RetrainedVersion {
  /** The model that it is of; left out where that is the incident's own. */
  readonly model?: string;
  readonly retraining_id: string;
  readonly version: string;
  /** Its windows that end after this time are looked at, ms. */
  readonly since: number;
  /** When it must have recovered, ms. */
  readonly until: number;
  /** How many new versions the incident has seen. */
  readonly count: number;
  /** null while it is not known whether it helped. */
  readonly outcome: "recovered" | "not_recovered" | null;
}

/** `whole`: of a segment, that all events move likewise. `accepted`: a person has called it the new normal. */
export const explanationKinds = [
  "unit",
  "type",
  "constant",
  "missing",
  "invalid",
  "volume",
  "version",
  "whole",
  "accepted",
] as const;
/** What happened before or beside the drift and accounts for it. */
export interface Explanation {
  readonly kind: (typeof explanationKinds)[number];
  readonly model: string;
  /** The field of `unit`, `type`, `constant`, `missing` and `invalid`, what is `accepted`; '' of the others. */
  readonly subject: string;
  /** The only segment in which drift is `accepted`; left out: all. */
  readonly segment?: string;
  /** Event time from which on what is `accepted` is measured against the new normal, ms: what fires later is news. */
  readonly rebased?: number;
  /** The same of segments, by their names; drift of others stays muted. */
  readonly rebasedSegments?: Readonly<Record<string, number>>;
  readonly version: string;
  readonly variant: string;
  /** Event time in which it was seen. */
  readonly since: number;
  readonly until: number;
  /** Where only a window that it fills shows it: the beginning of the one before, in which it may have begun. Left out: `since`. */
  readonly earliest?: number;
  /** "age is missing in 100 % of the events". */
  readonly text: string;
}

export interface Incident {
  /** UUID made from a hash of (model, first rule and subject, onset as it was at the opening). */
  readonly incident_id: string;
  /** The model at which it was seen first. */
  readonly model: string;
  /** All models that it touches, where there are several: they share a broken feature. */
  readonly models?: readonly string[];
  /** Name of the window at which it was seen first; members name their own. */
  readonly window: string;
  /** Whose the model was, and its labels, when it opened. */
  readonly owner?: string;
  readonly labels?: Readonly<Record<string, string>>;
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
  /** The newest version that has come of a retraining; of the other models that it touches: theirs. */
  readonly retrained?: RetrainedVersion;
  readonly retrained_others?: readonly RetrainedVersion[];
  /** The window and the event with which it began, as known at the opening. */
  readonly beginning?: IncidentBeginning;
  /** What accounts for members that are muted. */
  readonly explanations?: readonly Explanation[];
  /** Why it is in this state: the reason of its newest change, one sentence. */
  readonly reason?: string;
  /** No incident: a person tries whether messages arrive. Machines are told so in every body. */
  readonly test?: true;
}

/**
 * What people can be told of an incident. `widened`: more has moved since they were told than had then. `confirmed`: labels show what an estimate had said. `revised`: late data change an incident that
 * is over.
 */
export const incidentTransitions = [
  "opened",
  "escalated",
  "widened",
  "data_missing",
  "reminder",
  "confirmed",
  "revised",
  "resolved",
  "withdrawn",
  // A new version has come of a retraining: the incident is followed; it did not help: the incident goes on; other news of one.
  "retrained",
  "reopened",
  "retraining",
] as const;
export type IncidentTransition = (typeof incidentTransitions)[number];

/** Why a row of the `incidents` table was written: a transition, the end of a silence, or a change that nobody is told of. */
export const incidentChangeKinds = [...incidentTransitions, "disclosed", "amended"] as const;
export type IncidentChangeKind = (typeof incidentChangeKinds)[number];

/** One change of one incident, as it is stored: the incident after the change. */
export interface IncidentChange {
  readonly kind: IncidentChangeKind;
  /** What people are told of it; null where nobody is: nothing new, silenced, or explained by something else. */
  readonly told: IncidentTransition | null;
  /** Tells apart transitions that happen more than once to an incident: reminders by number, escalations by severity. */
  readonly occurrence: number;
  /** The incident before the change; null when it opens. */
  readonly before: Incident | null;
  /** Grows by one with each change of the incident. */
  readonly sequence: number;
  readonly incident: Incident;
}

/** The newest version of each model that a retraining because of an incident has brought. */
export const retrainedVersions = ({
  retrained,
  retrained_others = [],
}: Pick<Incident, "retrained" | "retrained_others">): readonly RetrainedVersion[] =>
  retrained === undefined ? retrained_others : [retrained, ...retrained_others];

/** All models of an incident, the one at which it was seen first before the others. */
export const modelsOf = (of: {
  readonly model: string;
  readonly models?: readonly string[] | undefined;
}): readonly string[] => of.models ?? [of.model];

/** Order of severities: 0 is the least. */
export const severityRank = (severity: Severity): number => severities.indexOf(severity);
