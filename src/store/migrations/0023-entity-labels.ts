/** Labels that name no prediction but whom they are about, and the predictions that they were joined to. */
import type { Migration } from "../migrate.ts";

export const entityLabels: Migration = {
  number: 23,
  title: "labels by entity",
  statements: [
    // e: the key's hash, by which labels and predictions find each other.
    `CREATE TABLE IF NOT EXISTS entity_labels (
       model LowCardinality(String), e UInt64 MATERIALIZED sipHash64(entity), entity String CODEC(ZSTD(1)), version LowCardinality(String),
       timestamp DateTime64(3, 'UTC'), label Nullable(Float64), label_text LowCardinality(String),
       source LowCardinality(String), partition UInt32, offset UInt64 CODEC(Delta, ZSTD(1)), INDEX by_offset offset TYPE minmax GRANULARITY 1)
     ENGINE = ReplacingMergeTree ORDER BY (model, e, timestamp, entity, version, source, partition, offset)
     SETTINGS fsync_after_insert = 1, fsync_part_directory = 1`,

    // Filled by a view on the predictions table of each model whose labels are joined by entity.
    `CREATE TABLE IF NOT EXISTS prediction_entities (
       model LowCardinality(String), e UInt64, version LowCardinality(String), variant LowCardinality(String),
       timestamp DateTime64(3, 'UTC'), id String CODEC(ZSTD(1)))
     ENGINE = ReplacingMergeTree PARTITION BY toYYYYMM(timestamp) ORDER BY (model, e, version, variant, timestamp, id)
     SETTINGS index_granularity = 256, min_compress_block_size = 4096, max_compress_block_size = 16384, merge_selector_base = 10`,

    // As outcomes, but a label can be taken from a prediction again by a later one that lies nearer: then label is null and
    // label_text ''. The row that was written last holds.
    `CREATE TABLE IF NOT EXISTS entity_outcomes (
       model LowCardinality(String), version LowCardinality(String), variant LowCardinality(String),
       timestamp DateTime64(3, 'UTC') CODEC(Delta, ZSTD(1)), id String CODEC(ZSTD(1)), e UInt64,
       label Nullable(Float64), label_text LowCardinality(String), label_timestamp DateTime64(3, 'UTC'),
       label_source LowCardinality(String), label_partition UInt32, label_offset UInt64)
     ENGINE = ReplacingMergeTree PARTITION BY toYYYYMM(timestamp) ORDER BY (model, timestamp, id, version, variant, e)`,
  ],
};
