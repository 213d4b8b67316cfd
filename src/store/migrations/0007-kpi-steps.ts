/** Steps of KPIs: sums that are no whole numbers, and the plan under which each was taken. */
import type { Migration } from "../migrate.ts";

export const kpiSteps: Migration = {
  number: 7,
  title: "KPI steps",
  statements: [
    "ALTER TABLE steps ADD COLUMN IF NOT EXISTS sums Array(Float64)",
    "ALTER TABLE steps ADD COLUMN IF NOT EXISTS plan_id LowCardinality(String)",
  ],
};
