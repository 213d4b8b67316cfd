/** Which configurations the hashes in `metrics` stand for. */
import type { Migration } from "../migrate.ts";

export const monitors: Migration = {
  number: 13,
  title: "monitors",
  statements: [
    // values_hash: as monitor_hash but for the limits of KPIs. One row a configuration that was in force, the first time that it was.
    `CREATE TABLE IF NOT EXISTS monitors (
       model LowCardinality(String), monitor_hash String, values_hash String, reference_id String, first_at DateTime64(3, 'UTC'))
     ENGINE = ReplacingMergeTree ORDER BY (model, monitor_hash)`,
  ],
};
