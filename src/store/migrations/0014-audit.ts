/** Decisions, chained by hash. */
import type { Migration } from "../migrate.ts";

export const audit: Migration = {
  number: 14,
  title: "audit",
  statements: [
    // One row a decision, and one that begins each writer's chain. kind and id name the row that the decision lies in, content_hash is of its
    // content; hash covers all columns before it and, by previous, the whole chain up to it.
    `CREATE TABLE IF NOT EXISTS audit (
       writer LowCardinality(String), sequence UInt64, at DateTime64(3, 'UTC'), kind LowCardinality(String), id String, model LowCardinality(String),
       who String, what String, why String, monitor_hash LowCardinality(String), content_hash String, previous String, hash String)
     ENGINE = MergeTree ORDER BY (writer, sequence) SETTINGS fsync_after_insert = 1, fsync_part_directory = 1`,
  ],
};
