/** What a labelled reference tells of its scores: how often a score turned out right, as counts over bins of the score. */

/**
 * Rows of one class against the rest. Each array has two halves of equal length, one cell for each bin of equal width over [0, 1]: first
 * the rows whose decision was another class, then those that were decided to be of the class.
 */
export interface LabelledScores {
  /** Canonical text of the class; for a binary model the positive one. */
  readonly positive: string;
  /** Rows of the cell. */
  readonly rows: readonly number[];
  /** Rows of them whose label is the class. */
  readonly positives: readonly number[];
  /** Mean score of the cell; 0 where it has no rows. */
  readonly means: readonly number[];
}

/** The labelled scores of the rows in which a feature has one value. */
export interface GroupScores {
  readonly feature: string;
  readonly group: string;
  readonly scores: LabelledScores;
}

/** Bins of a score: a thousand for two classes, fewer for each of many, whose ranking is not estimated. */
export const scoreBinsOf = (task: string): number => (task === "binary" ? 1000 : 200);
