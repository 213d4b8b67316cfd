/** What the page tier has found, and the state in which it goes on. */
import type { Migration } from "../migrate.ts";

const SERIES = "version LowCardinality(String), variant LowCardinality(String)";

export const pageTier: Migration = {
  number: 3,
  title: "page tier",
  statements: [
    // A pane's is one pane later than its start; a KPI's windows may have any length.
    "ALTER TABLE steps ADD COLUMN IF NOT EXISTS step_end DateTime64(3, 'UTC')",
    // One row a (subject, step) that is worth telling; the columns that rules look at are those of \`metrics\`. value: ln of the evidence over a
    // quiet step's, of \`threshold\`. The row of subject_kind 'model' is the whole, one a step. onset, finding: of a change.
    `CREATE TABLE IF NOT EXISTS evidence (
       model LowCardinality(String), metric LowCardinality(String), subject_kind LowCardinality(String), subject LowCardinality(String), ${SERIES},
       segment LowCardinality(String), window LowCardinality(String), window_start DateTime64(3, 'UTC'), window_end DateTime64(3, 'UTC'),
       value Nullable(Float64), threshold Nullable(Float64), breached Bool, alarmed Bool, n UInt64, coverage Float64,
       status Enum8('ok' = 1, 'insufficient' = 2, 'error' = 3), onset Nullable(DateTime64(3, 'UTC')), finding String, watched_ms UInt64,
       plan_id LowCardinality(String), computed_at DateTime64(3, 'UTC'), INDEX by_computed_at computed_at TYPE minmax GRANULARITY 1)
     ENGINE = ReplacingMergeTree(computed_at) PARTITION BY toYYYYMM(window_start)
     ORDER BY (model, metric, window_start, subject_kind, subject, version, variant, segment)`,
    // Saved now and then; what came after is replayed from \`steps\`. A state holds the rows with the greatest \`through\` of its plan.
    `CREATE TABLE IF NOT EXISTS page_tier_states (
       model LowCardinality(String), plan_id LowCardinality(String), ${SERIES}, stream String, through DateTime64(3, 'UTC'),
       state Array(Float64), changed String, saved_at DateTime64(3, 'UTC'))
     ENGINE = ReplacingMergeTree(through) ORDER BY (model, plan_id, version, variant, stream)`,
    // What was measured on a reference's events in the order of time: one row a stream, and one with stream '' for what people should know.
    `CREATE TABLE IF NOT EXISTS reference_dependence (
       model LowCardinality(String), reference_id LowCardinality(String), pane UInt64, stream String, effects Array(Float64), notes Array(String))
     ENGINE = ReplacingMergeTree ORDER BY (model, reference_id, pane, stream)`,
  ],
};
