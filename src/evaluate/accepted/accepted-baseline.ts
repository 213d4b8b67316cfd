/**
 * What a subject is compared with while a person has accepted its drift as the new normal: the events since the drift began. A stored fact with
 * times of events, so that what was computed can be computed again: each number is a function of events, reference, configuration and of these.
 */
import type { ReferenceSubject, SubjectKind } from "../../core/summary.ts";
import type { Series } from "../window-series.ts";

/** Rows over the bins of a baseline. */
export interface BaselineCounts {
  readonly bins: readonly number[];
  readonly missing: number;
  readonly invalid: number;
  readonly n: number;
}

/** A version and variant that the acceptance holds for: those that had events before it. */
export interface AcceptedSeries extends Series {
  /** Its rows since the drift began, as of the newest step while there are too few. */
  readonly rows: number;
  /** null while there are too few rows; `from`: steps and windows that begin then or later are compared with it, ms. */
  readonly baseline: { readonly from: number; readonly counts: BaselineCounts } | null;
}

/** The bins of a baseline, and what was seen of categories that have none. */
export interface BaselineBins {
  readonly subject: ReferenceSubject;
  readonly tail: readonly string[];
}

export interface AcceptedBaseline {
  readonly decisionId: string;
  /** The reference that it stands in for. */
  readonly referenceId: string;
  /** Under which its panes and steps are stored, as those of a reference are. */
  readonly baselineId: string;
  readonly subjectKind: SubjectKind;
  readonly subject: string;
  /** '' is the whole; else it is made of this segment's events, and stands in for the reference in this segment alone. */
  readonly segment: string;
  /** Events from here on make it, ms. */
  readonly since: number;
  /** Steps and windows that begin then or later are no longer compared with the reference, ms. */
  readonly through: number;
  /** Those that begin then or later are compared with the reference again, ms. */
  readonly until: number;
  /** Rows that a series needs. */
  readonly needed: number;
  /** null before any series has rows enough. */
  readonly bins: BaselineBins | null;
  readonly series: readonly AcceptedSeries[];
}

/** What holds of a subject of one series at a time. */
export interface AcceptedAt {
  readonly baseline: AcceptedBaseline;
  readonly series: AcceptedSeries;
  /** What to compare with; null while there are too few rows to compare with anything. */
  readonly reference: ReferenceSubject | null;
}

/** Of what something is asked, or said: a subject of the whole, or of a segment. */
export type AcceptedSubject = Pick<AcceptedBaseline, "subjectKind" | "subject" | "segment">;

/**
 * What a step or window that begins at `start` is compared with instead of the reference; null: with the reference. Of several acceptances of
 * one subject the one that began last holds.
 */
export function acceptedAt(
  baselines: readonly AcceptedBaseline[],
  of: AcceptedSubject,
  { version, variant }: Series,
  start: number,
): AcceptedAt | null {
  let found: AcceptedAt | null = null;
  for (const baseline of baselines) {
    if (baseline.subject !== of.subject || baseline.subjectKind !== of.subjectKind) continue;
    if (baseline.segment !== of.segment) continue;
    if (start < baseline.through || start >= baseline.until) continue;
    if (found !== null && found.baseline.through >= baseline.through) continue;
    const series = baseline.series.find((one) => one.version === version && one.variant === variant);
    if (series !== undefined) found = { baseline, series, reference: referenceOf(baseline, series, start) };
  }
  return found;
}

function referenceOf({ bins }: AcceptedBaseline, { baseline }: AcceptedSeries, start: number): ReferenceSubject | null {
  return bins === null || baseline === null || start < baseline.from ? null : { ...bins.subject, ...baseline.counts };
}

/** A feature that has gone missing for good has no values to wait for. */
const TIMES_WITHOUT_VALUES = 10;

/** Whether so many rows, of which so many have a value, are enough to compare with. */
export const isEnough = (rows: number, values: number, needed: number): boolean =>
  values >= needed || rows >= TIMES_WITHOUT_VALUES * needed;
