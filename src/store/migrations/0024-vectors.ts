/** What vector features are measured against: the centroid of a reference and its principal directions. */
import type { Migration } from "../migrate.ts";

export const vectors: Migration = {
  number: 24,
  title: "vector features",
  statements: [
    // part: 'centroid', 'direction_1', …; numbers are rounded to 32 bits. share: of the reference's variance, along a direction.
    `CREATE TABLE IF NOT EXISTS vector_projections (
       model LowCardinality(String), reference_id String, feature String, part LowCardinality(String), dimension UInt32,
       share Float64, numbers Array(Float64) CODEC(ZSTD(1)))
     ENGINE = ReplacingMergeTree ORDER BY (model, reference_id, feature, part)
     SETTINGS fsync_after_insert = 1, fsync_part_directory = 1`,
  ],
};
