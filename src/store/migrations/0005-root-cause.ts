/** Rows of references, kept as codes: what a window's rows are compared with when it is asked why a KPI fell. */
import type { Migration } from "../migrate.ts";

export const rootCause: Migration = {
  number: 5,
  title: "root cause",
  statements: [
    // One row a column, the n-th entries of all columns being one row of the reference. role: 'feature' has codes (bin of the subject's
    // reference), 'prediction' and 'label' texts or numbers, 'score' and 'loss' numbers; -1 where there is none.
    `CREATE TABLE IF NOT EXISTS reference_rows (
       model LowCardinality(String), reference_id LowCardinality(String), role LowCardinality(String), subject String,
       codes Array(UInt16) CODEC(T64, ZSTD(1)), numbers Array(Float64) CODEC(ZSTD(1)), texts Array(String) CODEC(ZSTD(1)))
     ENGINE = ReplacingMergeTree ORDER BY (model, reference_id, role, subject)`,
  ],
};
