/** Epochs: numbers that were computed again under another configuration or reference, and who asked for it. */
import type { Migration } from "../migrate.ts";

export const epochs: Migration = {
  number: 25,
  title: "epochs",
  statements: [
    // The number of the model's epoch that a row was computed in, and whether it was a rebuild that wrote it: such rows open no incident.
    ...["metrics", "metric_history"].flatMap((table) => [
      `ALTER TABLE ${table} ADD COLUMN IF NOT EXISTS epoch UInt32 DEFAULT 1`,
      `ALTER TABLE ${table} ADD COLUMN IF NOT EXISTS rebuilt Bool DEFAULT false`,
    ]),
    "ALTER TABLE metric_history_mv MODIFY QUERY SELECT * FROM metrics",
    // Rows are only added: one when a rebuild is asked for, one when its numbers are in force or it has failed. from_at, to_at: as asked for,
    // null for all. first_at, last_at: begin and end of what was computed again. settled: what ended before it had all its labels.
    `CREATE TABLE IF NOT EXISTS rebuilds (
       model LowCardinality(String), epoch UInt32, asked_at DateTime64(3, 'UTC'), change Enum8('asked' = 1, 'failed' = 2, 'done' = 3), at DateTime64(3, 'UTC'),
       owner String, reason String, from_at Nullable(DateTime64(3, 'UTC')), to_at Nullable(DateTime64(3, 'UTC')),
       first_at DateTime64(3, 'UTC'), last_at DateTime64(3, 'UTC'), settled DateTime64(3, 'UTC'), windows UInt64, rows UInt64,
       monitor_hash String, reference_id String, problem String)
     ENGINE = ReplacingMergeTree ORDER BY (model, epoch, asked_at, change) SETTINGS fsync_after_insert = 1, fsync_part_directory = 1`,
  ],
};
