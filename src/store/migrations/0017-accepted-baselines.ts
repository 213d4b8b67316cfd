/** Accepted drift: since when it had gone on, and what its subject is compared with while it is accepted. */
import type { Migration } from "../migrate.ts";

export const acceptedBaselines: Migration = {
  number: 17,
  title: "accepted baselines",
  statements: [
    // Of an acceptance: where the drift that it accepts began.
    "ALTER TABLE decisions ADD COLUMN IF NOT EXISTS since Nullable(DateTime64(3, 'UTC'))",
    // A row per change; the greatest revision holds. All times but written_at are of events. content: JSON, the bins and each series' rows of them.
    `CREATE TABLE IF NOT EXISTS accepted_baselines (
       model LowCardinality(String), decision_id String, reference_id String, baseline_id String, subject_kind LowCardinality(String), subject String,
       since DateTime64(3, 'UTC'), through DateTime64(3, 'UTC'), until DateTime64(3, 'UTC'), needed UInt64, content String, revision UInt64, written_at DateTime64(3, 'UTC'))
     ENGINE = ReplacingMergeTree(revision) ORDER BY (model, baseline_id) SETTINGS fsync_after_insert = 1, fsync_part_directory = 1`,
  ],
};
