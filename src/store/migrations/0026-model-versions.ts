/** Versions of models: when the first event of each was. Trailing references: which one each step has. */
import type { Migration } from "../migrate.ts";

export const modelVersions: Migration = {
  number: 26,
  title: "versions and trailing references",
  statements: [
    `CREATE TABLE IF NOT EXISTS model_versions (
       model LowCardinality(String), version LowCardinality(String), first SimpleAggregateFunction(min, DateTime64(3, 'UTC')))
     ENGINE = AggregatingMergeTree ORDER BY (model, version)`,
    // Which reference the windows of a step have; asked: hash of what was asked for. reference_id '': too few events.
    `CREATE TABLE IF NOT EXISTS trailing_references (
       model LowCardinality(String), asked String, step DateTime64(3, 'UTC'), reference_id String, rows UInt64)
     ENGINE = ReplacingMergeTree ORDER BY (model, asked, step)`,
  ],
};
