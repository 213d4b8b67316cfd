/** What is known of a model before its events arrive: the typed columns of its predictions table. */

export type FeatureKind = "numeric" | "categorical";

/** A vector has a column of its own and no bins: what is watched of it are numbers that are made of it, see vector.ts. */
export type ColumnKind = FeatureKind | "vector";

export interface FeatureColumn {
  readonly name: string;
  readonly kind: ColumnKind;
  /** Of a vector: how many numbers it has in the reference; left out where that is not known. */
  readonly dimension?: number;
  /** Of a vector: names of the numeric features that are made of it. */
  readonly parts?: readonly string[];
}

export type Task = "binary" | "multiclass" | "regression";

export interface ModelSchema {
  readonly model: string;
  readonly task: Task;
  /** Canonical class texts; for `binary` [negative, positive]. Empty: any class (multiclass) or none (regression). */
  readonly classes: readonly string[];
  readonly features: readonly FeatureColumn[];
  /** The feature, segment or field that holds the entity's key, where labels are joined by it. */
  readonly entity?: string;
}
