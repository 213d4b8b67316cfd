/** A bounded sample of whole rows: what a detector of several features together needs, since counts of each feature alone don't hold it. */
import type { FeatureKind } from "./model-schema.ts";

export interface SampledColumn {
  readonly name: string;
  readonly kind: FeatureKind;
  /** One a row: the number, or the place of the category in a list that reference and window share. NaN: missing or invalid. */
  readonly values: Float64Array;
}

/** The rows with the least hashes, ascending by hash, so that the first of them are a smaller sample of the same kind. */
export interface RowSample {
  /** Rows that it was drawn from. */
  readonly of: number;
  /** 32 bits of each row's hash, uniform whichever rows were drawn: what divides them into folds. */
  readonly hashes: Uint32Array;
  /** Of the same features in the same order in the reference and in the window. */
  readonly columns: readonly SampledColumn[];
}

/** The first `rows` of a sample. */
export function firstRows(sample: RowSample, rows: number): RowSample {
  if (sample.hashes.length <= rows) return sample;
  return {
    of: sample.of,
    hashes: sample.hashes.subarray(0, rows),
    columns: sample.columns.map((column) => ({ ...column, values: column.values.subarray(0, rows) })),
  };
}
