/** Which digests were sent for which date, and what came into force when. */
import type { Migration } from "../migrate.ts";

export const digestsAndInForce: Migration = {
  number: 15,
  title: "digests and what is in force",
  statements: [
    // One row a digest and local date; that with local_date '' says since when the digest is known. due_at: the end of what it covers.
    `CREATE TABLE IF NOT EXISTS digests (name String, local_date String, due_at DateTime64(3, 'UTC'), queued_at DateTime64(3, 'UTC'))
     ENGINE = ReplacingMergeTree(queued_at) ORDER BY (name, local_date) SETTINGS fsync_after_insert = 1, fsync_part_directory = 1`,
    // Rows are only added: one each time that another configuration (model '', id its hash, body without secrets) or a model's other reference
    // comes into force than the one before.
    `CREATE TABLE IF NOT EXISTS in_force (
       kind LowCardinality(String), model LowCardinality(String), at DateTime64(3, 'UTC'), id String, reason String, body String CODEC(ZSTD(3)))
     ENGINE = ReplacingMergeTree ORDER BY (kind, model, at, id) SETTINGS fsync_after_insert = 1, fsync_part_directory = 1`,
  ],
};
