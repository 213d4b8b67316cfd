/**
 * Mergeable summaries: what a reference, a pane and a window are to a detector.
 * Counts add; nothing else is needed to merge two panes.
 */
import type { FeatureKind } from "./model-schema.ts";

export const subjectKinds = ["feature", "prediction", "score", "label", "kpi", "model", "attribution"] as const;
export type SubjectKind = (typeof subjectKinds)[number];

/**
 * The reference of one subject.
 *
 * Numeric: `edges` ascending and distinct, `bins` has edges.length + 1 counts; bin b holds edges[b-1] < x <= edges[b],
 * so bin 0 is "at or below the first edge" and the last bin is "above the greatest reference value".
 * Categorical: `categories` by count descending then name, `bins` has categories.length + 2 counts:
 * the categories, then *tail* (seen in the reference, not listed), then *new* (never seen; 0 in a reference).
 */
export interface ReferenceSubject {
  readonly subjectKind: SubjectKind;
  readonly subject: string;
  readonly kind: FeatureKind;
  readonly edges: readonly number[];
  readonly categories: readonly string[];
  readonly bins: readonly number[];
  /**
   * Number of categories seen exactly once (Good-Turing: such a share of the next rows is expected in categories never seen).
   * Left out where it was not counted: then only the listed categories with one row are known to be such.
   */
  readonly singletons?: number;
  /** Mean of the reference rows of each numeric bin (0 for an empty bin); [] for categories. */
  readonly means: readonly number[];
  /** Rows with a valid value + missing + invalid. */
  readonly n: number;
  readonly missing: number;
  readonly invalid: number;
  /** Of the valid numeric values; NaN never: 0 where there are none. Population standard deviation. */
  readonly mean: number;
  readonly standardDeviation: number;
  readonly minimum: number;
  readonly maximum: number;
  /** Of the whole model alone: what was seen in the times that a window is compared with. */
  readonly before?: ModelHistory;
}

/** What a model's events were like before a window. Parts that were not looked for are left out. */
export interface ModelHistory {
  /** Events at the same hour of each of the weeks before, those without events left out; [] where there are none. */
  readonly weeks?: readonly number[];
  /** Of the weeks before, the nearest first: predictions of the same age and weekday as `WindowSummary.labels`. */
  readonly labels?: readonly LabelledShare[];
  /** Longest time without an event within the week before, s; left out where less than a week is known. */
  readonly longestSilence?: number;
}

/** Predictions of one age, and those of them whose label had come by then. */
export interface LabelledShare {
  readonly n: number;
  readonly labelled: number;
}

/** Of the whole model, all versions together. */
export interface LabelsByAge extends LabelledShare {
  /** The age, s. */
  readonly horizon: number;
  /** Age by which half of the usual labels have come, of late and in the weeks before, s; null where it is beyond what is known. */
  readonly delay: number | null;
  readonly usualDelay: number | null;
}

export interface Reference {
  readonly model: string;
  /** `r` and the first 12 digits of the content hash. */
  readonly referenceId: string;
  readonly contentHash: string;
  readonly origin: string;
  readonly rows: number;
  readonly subjects: readonly ReferenceSubject[];
}

/** A pane's or a window's counts of one subject, over the bins of its reference. */
export interface WindowSummary {
  readonly n: number;
  readonly missing: number;
  readonly invalid: number;
  readonly bins: readonly number[];
  /** Of the valid numeric values; null where there are none. */
  readonly mean: number | null;
  /** Population standard deviation of the same values; null where there are none, or it is not known. */
  readonly standardDeviation: number | null;
  readonly minimum: number | null;
  readonly maximum: number | null;
  /** Categories that the reference has never seen, with their rows, the most frequent first; left out where they are not kept by name. */
  readonly newValues?: readonly (readonly [name: string, rows: number])[];
  /** Of the whole model, all versions together: events that came, and those of them that were copies; left out where they were not counted. */
  readonly received?: number;
  readonly copies?: number;
  /** Of the predictions that are just old enough; left out where no labels are known. */
  readonly labels?: LabelsByAge;
  /** Of the whole model: time from the newest event to the window's end, s. */
  readonly age?: number;
}
