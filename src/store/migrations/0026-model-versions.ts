/** Versions of models: when the first event of each was. */
import type { Migration } from "../migrate.ts";

export const modelVersions: Migration = {
  number: 26,
  title: "The first event of each version of a model: which versions were there before a retraining",
  statements: [
    `CREATE TABLE IF NOT EXISTS model_versions (
       model LowCardinality(String), version LowCardinality(String), first SimpleAggregateFunction(min, DateTime64(3, 'UTC')))
     ENGINE = AggregatingMergeTree ORDER BY (model, version)`,
  ],
};
