/** Which processes work on the store, as they say themselves. */
import type { Migration } from "../migrate.ts";

export const processes: Migration = {
  number: 27,
  title: "processes",
  statements: [
    // One row a process, the newest. `at` is the engine's clock, so that processes whose clocks differ are seen alike. parts: JSON.
    `CREATE TABLE IF NOT EXISTS processes (
       instance String, roles Array(LowCardinality(String)), ready Bool, parts String CODEC(ZSTD(1)), stopped Bool,
       at DateTime64(3, 'UTC') DEFAULT now64(3))
     ENGINE = ReplacingMergeTree(at) ORDER BY instance
     TTL toDateTime(at) + INTERVAL 7 DAY`,
  ],
};
