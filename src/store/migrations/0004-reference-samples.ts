/** Rows of a reference by hash, for detectors that compare several features together. */
import type { Migration } from "../migrate.ts";

export const referenceSamples: Migration = {
  number: 4,
  title: "samples of references",
  statements: [
    // place: 0 for the row of the least hash. cells: in the order of features; a number, or a category's place in the list; NaN: none.
    `CREATE TABLE IF NOT EXISTS reference_samples (
       model LowCardinality(String), reference_id LowCardinality(String), place UInt32, hash UInt32, rows UInt64,
       features Array(LowCardinality(String)) CODEC(ZSTD(1)), cells Array(Float64) CODEC(ZSTD(1)))
     ENGINE = ReplacingMergeTree ORDER BY (model, reference_id, place)`,
  ],
};
