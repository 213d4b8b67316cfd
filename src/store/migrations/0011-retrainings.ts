/** What happened to each retraining: asked for, approved, requested, accepted, reported, and whether it helped. */
import type { Migration } from "../migrate.ts";

export const retrainings: Migration = {
  number: 11,
  title: "retrainings",
  statements: [
    // Rows are added and never changed; of copies of (event, key) the first counts. `opened_at` is event time, `at` the clock's.
    `CREATE TABLE IF NOT EXISTS retrainings (
       retraining_id UUID, model LowCardinality(String), action LowCardinality(String), incident_id UUID,
       opened_at DateTime64(3, 'UTC'), event LowCardinality(String), key String, at DateTime64(3, 'UTC'), detail String)
     ENGINE = MergeTree ORDER BY (model, retraining_id, event, key, at)`,
  ],
};
