/** What people decide about incidents, and the models that an incident touches. */
import type { Migration } from "../migrate.ts";

export const people: Migration = {
  number: 12,
  title: "people",
  statements: [
    "ALTER TABLE incidents ADD COLUMN IF NOT EXISTS models Array(LowCardinality(String))",
    // Rows are only added: kind 'end' takes back the decision that it names. matchers: JSON; model, subject, segment: of accepted drift.
    `CREATE TABLE IF NOT EXISTS decisions (
       decision_id UUID, kind LowCardinality(String), at DateTime64(3, 'UTC'), until Nullable(DateTime64(3, 'UTC')), owner String, reason String,
       incident_id String, matchers String, model LowCardinality(String), subject String, segment String, verdict LowCardinality(String), ends String)
     ENGINE = ReplacingMergeTree ORDER BY decision_id SETTINGS fsync_after_insert = 1, fsync_part_directory = 1`,
  ],
};
