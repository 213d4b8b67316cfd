/** Halves of calls, which wait for each other; and which format and which event of a message a dead letter was. */
import type { Migration } from "../migrate.ts";

export const halves: Migration = {
  number: 18,
  title: "halves",
  statements: [
    // One side of a call, as JSON of the fields that it knows. Halves of one (exchange, id) are paired into predictions of a source of their own.
    // stored_at is the clock of the service; by the engine's own, parts are dropped whole.
    `CREATE TABLE IF NOT EXISTS halves (
       id String CODEC(ZSTD(1)), exchange LowCardinality(String), side LowCardinality(String),
       source LowCardinality(String), partition UInt32, offset UInt64 CODEC(Delta, ZSTD(1)), timestamp DateTime64(3, 'UTC'),
       format LowCardinality(String), body String CODEC(ZSTD(3)), stored_at DateTime64(3, 'UTC'), inserted_at DateTime64(3, 'UTC') DEFAULT now64(3),
       INDEX by_offset offset TYPE minmax GRANULARITY 1)
     ENGINE = ReplacingMergeTree PARTITION BY toDate(inserted_at) ORDER BY (id, exchange, side, source, partition, offset)
     TTL toDateTime(inserted_at) + INTERVAL 7 DAY
     SETTINGS fsync_after_insert = 1, fsync_part_directory = 1, ttl_only_drop_parts = 1, index_granularity = 1024`,
    "ALTER TABLE batches ADD COLUMN IF NOT EXISTS halves UInt32 DEFAULT 0 AFTER rows",
    "ALTER TABLE dead_letters ADD COLUMN IF NOT EXISTS format LowCardinality(String) DEFAULT '' AFTER item",
  ],
};
