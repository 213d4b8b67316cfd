/** The interval that a change's onset lies in, and references by segment. */
import type { Migration } from "../migrate.ts";

export const onsetsAndSegments: Migration = {
  number: 8,
  title: "onsets and segments",
  statements: [
    "ALTER TABLE evidence ADD COLUMN IF NOT EXISTS onset_from Nullable(DateTime64(3, 'UTC'))",
    "ALTER TABLE evidence ADD COLUMN IF NOT EXISTS onset_to Nullable(DateTime64(3, 'UTC'))",
    // chosen: a hash of the configuration's `segments`. codes: rows of the segment per bin of the subject's reference, then missing, then invalid.
    // One row has no subject: its detail is JSON of the dimensions and notes.
    `CREATE TABLE IF NOT EXISTS reference_segments (
       model LowCardinality(String), reference_id LowCardinality(String), chosen LowCardinality(String), dimension LowCardinality(String),
       segment String, subject_kind LowCardinality(String), subject String, codes Array(UInt64) CODEC(T64, ZSTD(1)), detail String)
     ENGINE = ReplacingMergeTree ORDER BY (model, reference_id, chosen, dimension, segment, subject_kind, subject)`,
  ],
};
