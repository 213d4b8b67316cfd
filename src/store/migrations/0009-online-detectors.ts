/** Where online detectors go on after a restart, and from where a late event makes them go on anew. */
import type { Migration } from "../migrate.ts";

export const onlineDetectors: Migration = {
  number: 9,
  title: "online detectors",
  statements: [
    // The streams of one series at the end of a window: the newest one of each slot of time. The row of slot -1 says from which time on a plan's
    // rows are written: window_end.
    `CREATE TABLE IF NOT EXISTS online_states (
       model LowCardinality(String), plan_id LowCardinality(String), window LowCardinality(String), version LowCardinality(String), variant LowCardinality(String),
       slot Int64, window_start DateTime64(3, 'UTC'), window_end DateTime64(3, 'UTC'), state String CODEC(ZSTD(1)))
     ENGINE = ReplacingMergeTree ORDER BY (model, plan_id, window, version, variant, slot)`,
  ],
};
