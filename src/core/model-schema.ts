/** What is known of a model before its events arrive: the typed columns of its predictions table. */

export type FeatureKind = "numeric" | "categorical";

export interface FeatureColumn {
  readonly name: string;
  readonly kind: FeatureKind;
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
