/** How far the alerting of a model has read its metric rows, and what the outbox orders and limits by. */
import type { Migration } from "../migrate.ts";

export const alerting: Migration = {
  number: 2,
  title: "alerting",
  statements: [
    // The greatest computed_at whose consequences are written; a clock that steps back does not move it back.
    `CREATE TABLE IF NOT EXISTS judged (model LowCardinality(String), computed_through DateTime64(3, 'UTC'))
     ENGINE = ReplacingMergeTree(computed_through) ORDER BY model`,
    // Finds the rows of the last evaluation without reading the column of all of them.
    "ALTER TABLE metrics ADD INDEX IF NOT EXISTS by_computed_at computed_at TYPE minmax GRANULARITY 1",
    // sequence: the incident's change, in whose order a target is told. opened_at: of the incident, in event time, for cooldowns.
    "ALTER TABLE deliveries ADD COLUMN IF NOT EXISTS sequence UInt64",
    "ALTER TABLE deliveries ADD COLUMN IF NOT EXISTS queued_at DateTime64(3, 'UTC')",
    "ALTER TABLE deliveries ADD COLUMN IF NOT EXISTS opened_at DateTime64(3, 'UTC')",
  ],
};
