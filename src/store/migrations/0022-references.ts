/** References made of events: the rows that were taken, and which of them people have put in force. */
import type { Migration } from "../migrate.ts";

/** A build must survive a power cut: its events may be gone by retention when it is read again. */
const DURABLE = "SETTINGS fsync_after_insert = 1, fsync_part_directory = 1";

export const references: Migration = {
  number: 22,
  title: "references of events",
  statements: [
    // A build counts once its row here is written, after its events; selection: JSON of which events were asked for.
    `CREATE TABLE IF NOT EXISTS reference_builds (
       model LowCardinality(String), build_id String, selection String, origin String, rows UInt64, first_at DateTime64(3, 'UTC'),
       last_at DateTime64(3, 'UTC'), content_hash String, built_at DateTime64(3, 'UTC'))
     ENGINE = ReplacingMergeTree ORDER BY (model, build_id) ${DURABLE}`,
    // One event of a build in the order of (timestamp, id, version, variant): a line of NDJSON, as a reference file would hold it. id: to be forgotten by.
    `CREATE TABLE IF NOT EXISTS reference_build_rows (
       model LowCardinality(String), build_id LowCardinality(String), number UInt32, id String CODEC(ZSTD(1)), row String CODEC(ZSTD(3)))
     ENGINE = ReplacingMergeTree ORDER BY (model, build_id, number) ${DURABLE}`,
    // Rows are only added; the newest of a model holds while the configuration names what it replaces. build_id '': the configured reference.
    `CREATE TABLE IF NOT EXISTS reference_choices (
       choice_id UUID, model LowCardinality(String), at DateTime64(3, 'UTC'), build_id String, replaces String, owner String, reason String)
     ENGINE = ReplacingMergeTree ORDER BY choice_id ${DURABLE}`,
  ],
};
