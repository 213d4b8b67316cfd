/** The tables that all models share. A model's own predictions table is made from its schema: see model-tables.ts. */
import type { Migration } from "../migrate.ts";

/** What was acknowledged must survive a power cut too; at batches of thousands of rows this is not felt. */
const DURABLE = "SETTINGS fsync_after_insert = 1, fsync_part_directory = 1";
/** Version and variant of a prediction; '' where the event names none. */
const SERIES = "version LowCardinality(String), variant LowCardinality(String)";
const METRIC_KEY = "model, metric, subject_kind, subject, version, variant, segment, window, window_start";

export const initial: Migration = {
  number: 1,
  title: "initial tables",
  statements: [
    // h finds all versions of an id for a label; (h, twin) the copies of one prediction. Filled by a view on each predictions table.
    `CREATE TABLE IF NOT EXISTS prediction_ids (model LowCardinality(String), h UInt64, twin UInt64, timestamp DateTime64(3, 'UTC'))
     ENGINE = ReplacingMergeTree PARTITION BY toYYYYMM(timestamp) ORDER BY (model, h, twin, timestamp)
     SETTINGS index_granularity = 256, min_compress_block_size = 4096, max_compress_block_size = 16384, merge_selector_base = 10`,

    // Of an id's labels the one with the greatest (timestamp, source, partition, offset) holds; version '' serves every version.
    `CREATE TABLE IF NOT EXISTS labels (
       model LowCardinality(String), version LowCardinality(String), id String CODEC(ZSTD(1)), timestamp DateTime64(3, 'UTC'),
       label Nullable(Float64), label_text LowCardinality(String),
       source LowCardinality(String), partition UInt32, offset UInt64 CODEC(Delta, ZSTD(1)), INDEX by_offset offset TYPE minmax GRANULARITY 1)
     ENGINE = ReplacingMergeTree ORDER BY (model, id, version, timestamp, source, partition, offset) ${DURABLE}`,

    // The join of a label to its prediction, made once, ordered by the prediction's time.
    `CREATE TABLE IF NOT EXISTS outcomes (
       model LowCardinality(String), ${SERIES}, timestamp DateTime64(3, 'UTC') CODEC(Delta, ZSTD(1)), id String CODEC(ZSTD(1)),
       label Nullable(Float64), label_text LowCardinality(String), label_timestamp DateTime64(3, 'UTC'),
       label_source LowCardinality(String), label_partition UInt32, label_offset UInt64)
     ENGINE = ReplacingMergeTree(label_timestamp) PARTITION BY toYYYYMM(timestamp) ORDER BY (model, timestamp, id, version, variant)`,

    // The commit record of an ingested batch, written after its rows: position, watermark and dirty panes in one.
    `CREATE TABLE IF NOT EXISTS batches (
       source LowCardinality(String), partition UInt32, first_offset UInt64, last_offset UInt64, max_timestamp DateTime64(3, 'UTC'),
       rows UInt32, dead UInt32,
       touched Array(Tuple(model LowCardinality(String), kind Enum8('prediction' = 1, 'label' = 2), pane DateTime64(3, 'UTC'), n UInt32)),
       inserted_at DateTime64(3, 'UTC') DEFAULT now64(3))
     ENGINE = ReplacingMergeTree ORDER BY (source, partition, last_offset, first_offset)
     TTL toDateTime(inserted_at) + INTERVAL 14 DAY ${DURABLE}`,
    `CREATE TABLE IF NOT EXISTS positions (source LowCardinality(String), partition UInt32,
       next_offset SimpleAggregateFunction(max, UInt64), max_timestamp SimpleAggregateFunction(max, DateTime64(3, 'UTC')),
       seen_at SimpleAggregateFunction(max, DateTime64(3, 'UTC')))
     ENGINE = AggregatingMergeTree ORDER BY (source, partition)`,
    `CREATE MATERIALIZED VIEW IF NOT EXISTS positions_mv TO positions AS
     SELECT source, partition, max(last_offset) + 1 AS next_offset, max(max_timestamp) AS max_timestamp, max(inserted_at) AS seen_at
     FROM batches GROUP BY source, partition`,

    // How far the evaluation of a model has read the commit records of a partition.
    `CREATE TABLE IF NOT EXISTS evaluated (model LowCardinality(String), source LowCardinality(String), partition UInt32, next_offset UInt64)
     ENGINE = ReplacingMergeTree(next_offset) ORDER BY (model, source, partition)`,

    // One row a (pane, subject, version, variant): dense counters in the order of the reference's bins. \`pane\`: '1m', or
    // '20000 events' for a window by count, summarised from its own rows. s1, s2: exact sums of round(x * scale) and of its square,
    // the scale from the reference: Float64 sums differ with the order of threads and blocks.
    `CREATE TABLE IF NOT EXISTS pane_summaries (
       model LowCardinality(String), pane LowCardinality(String), subject_kind LowCardinality(String), subject LowCardinality(String),
       reference_id LowCardinality(String), ${SERIES}, segment LowCardinality(String), pane_start DateTime64(3, 'UTC') CODEC(DoubleDelta, ZSTD(1)),
       revision UInt32, n UInt64 CODEC(T64, ZSTD(1)), missing UInt64 CODEC(T64, ZSTD(1)), invalid UInt64 CODEC(T64, ZSTD(1)),
       bins Array(UInt32) CODEC(T64, ZSTD(1)), s1 Int128, s2 Int256, minimum Nullable(Float64), maximum Nullable(Float64), new_values Map(String, UInt32))
     ENGINE = ReplacingMergeTree PARTITION BY toYYYYMM(pane_start)
     ORDER BY (model, reference_id, pane, pane_start, subject_kind, subject, version, variant, segment, revision)`,
    // The ledger: a pane's summaries count once its ledger row is there, and only those of its greatest revision.
    `CREATE TABLE IF NOT EXISTS panes (
       model LowCardinality(String), pane LowCardinality(String), pane_start DateTime64(3, 'UTC'), reference_id LowCardinality(String),
       revision UInt32, n UInt64, digest UInt64, monitor_hash LowCardinality(String))
     ENGINE = ReplacingMergeTree(revision) ORDER BY (model, reference_id, pane, pane_start)`,

    `CREATE TABLE IF NOT EXISTS \`references\` (
       model LowCardinality(String), reference_id String, subject_kind LowCardinality(String), subject LowCardinality(String),
       kind Enum8('numeric' = 1, 'categorical' = 2), edges Array(Float64), categories Array(String), bins Array(UInt64), means Array(Float64),
       rows UInt64, n UInt64, missing UInt64, invalid UInt64, singletons UInt64, mean Float64, standard_deviation Float64, minimum Float64, maximum Float64,
       origin String, content_hash String, created_at DateTime64(3, 'UTC'))
     ENGINE = ReplacingMergeTree(created_at) ORDER BY (model, reference_id, subject_kind, subject)`,

    `CREATE TABLE IF NOT EXISTS metrics (
       model LowCardinality(String), ${SERIES}, segment LowCardinality(String), window LowCardinality(String),
       window_start DateTime64(3, 'UTC'), window_end DateTime64(3, 'UTC'), subject_kind LowCardinality(String), subject LowCardinality(String),
       metric LowCardinality(String), value Nullable(Float64), lower Nullable(Float64), upper Nullable(Float64), threshold Nullable(Float64), breached Bool,
       n UInt64, coverage Float64, status Enum8('ok' = 1, 'insufficient' = 2, 'error' = 3), detail String CODEC(ZSTD(3)),
       reference_id LowCardinality(String), monitor_hash LowCardinality(String), revision UInt32, computed_at DateTime64(3, 'UTC'))
     ENGINE = ReplacingMergeTree(revision) PARTITION BY toYYYYMM(window_start) ORDER BY (${METRIC_KEY})`,
    // Every revision, for those who ask what was known when.
    `CREATE TABLE IF NOT EXISTS metric_history AS metrics ENGINE = MergeTree PARTITION BY toYYYYMM(window_start) ORDER BY (${METRIC_KEY}, revision)`,
    "CREATE MATERIALIZED VIEW IF NOT EXISTS metric_history_mv TO metric_history AS SELECT * FROM metrics",

    // A sealed pane's counts (late ones of earlier panes added), written once, never revised; an empty pane writes none.
    `CREATE TABLE IF NOT EXISTS steps (
       model LowCardinality(String), subject_kind LowCardinality(String), subject LowCardinality(String), stream LowCardinality(String),
       ${SERIES}, segment LowCardinality(String), reference_id LowCardinality(String), pane_start DateTime64(3, 'UTC') CODEC(DoubleDelta, ZSTD(1)),
       counts Array(UInt64) CODEC(T64, ZSTD(1)), late UInt64, sealed_at DateTime64(3, 'UTC'))
     ENGINE = ReplacingMergeTree PARTITION BY toYYYYMM(pane_start)
     ORDER BY (model, reference_id, pane_start, subject_kind, subject, stream, version, variant, segment)`,

    // incident_id = hash(cause, onset at the opening); one row a change, the greatest sequence is the present.
    `CREATE TABLE IF NOT EXISTS incidents (
       incident_id UUID, sequence UInt64, model LowCardinality(String), window LowCardinality(String), state LowCardinality(String),
       severity LowCardinality(String), opened_at DateTime64(3, 'UTC'), resolved_at Nullable(DateTime64(3, 'UTC')),
       at DateTime64(3, 'UTC'), transition LowCardinality(String), body String CODEC(ZSTD(3)))
     ENGINE = ReplacingMergeTree ORDER BY (incident_id, sequence) ${DURABLE}`,
    // delivery_id = hash(incident, transition, occurrence, target), one row each; the greatest attempt is the present.
    `CREATE TABLE IF NOT EXISTS deliveries (
       delivery_id UUID, attempt UInt32, incident_id UUID, model LowCardinality(String), kind LowCardinality(String), target LowCardinality(String),
       transition LowCardinality(String), state Enum8('due' = 1, 'sent' = 2, 'failed' = 3, 'dead' = 4), due_at DateTime64(3, 'UTC'),
       at DateTime64(3, 'UTC'), idempotency_key String, body String CODEC(ZSTD(3)), answer String)
     ENGINE = ReplacingMergeTree(attempt) ORDER BY delivery_id ${DURABLE}`,

    `CREATE TABLE IF NOT EXISTS dead_letters (
       source LowCardinality(String), partition UInt32, offset UInt64, item UInt32, reason LowCardinality(String), detail String,
       raw String CODEC(ZSTD(3)), received_at DateTime64(3, 'UTC') DEFAULT now64(3))
     ENGINE = ReplacingMergeTree ORDER BY (source, partition, offset, item) TTL toDateTime(received_at) + INTERVAL 30 DAY ${DURABLE}`,
  ],
};
