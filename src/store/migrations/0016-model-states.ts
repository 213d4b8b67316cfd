/** The states of models that machines have been told of, and deliveries that a newer state has made pointless. */
import type { Migration } from "../migrate.ts";

export const modelStates: Migration = {
  number: 16,
  title: "model states",
  statements: [
    // One row a change of a model's state; `body` is the state as JSON. The greatest sequence is what was told last.
    `CREATE TABLE IF NOT EXISTS model_states (
       model LowCardinality(String), sequence UInt64, previous LowCardinality(String), at DateTime64(3, 'UTC'), body String)
     ENGINE = ReplacingMergeTree ORDER BY (model, sequence) SETTINGS fsync_after_insert = 1, fsync_part_directory = 1`,
    `ALTER TABLE deliveries MODIFY COLUMN state
       Enum8('due' = 1, 'sent' = 2, 'failed' = 3, 'dead' = 4, 'superseded' = 5)`,
  ],
};
