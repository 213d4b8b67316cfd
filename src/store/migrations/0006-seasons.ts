/** References by hour of the day or of the week, and what people are told of the page tier's plan. */
import type { Migration } from "../migrate.ts";

export const seasons: Migration = {
  number: 6,
  title: "seasons of references",
  statements: [
    // One row a stream that is compared by season, and one with stream '' with what people should know. asked: the \`season\` of the configuration.
    // slots: the slot of each hour of the season; weights: rows per bin of each slot; effects: design effects within slots, one a direction.
    `CREATE TABLE IF NOT EXISTS reference_seasons (
       model LowCardinality(String), reference_id LowCardinality(String), pane UInt64, time_zone LowCardinality(String), asked LowCardinality(String),
       stream String, season LowCardinality(String), slots Array(UInt16), weights Array(Array(Float64)) CODEC(ZSTD(1)), effects Array(Float64), notes Array(String))
     ENGINE = ReplacingMergeTree ORDER BY (model, reference_id, pane, time_zone, asked, stream)`,
    // The newest row is of the plan in force.
    `CREATE TABLE IF NOT EXISTS page_tier_notes (
       model LowCardinality(String), plan_id LowCardinality(String), notes Array(String), written_at DateTime64(3, 'UTC'))
     ENGINE = ReplacingMergeTree(written_at) ORDER BY model`,
  ],
};
