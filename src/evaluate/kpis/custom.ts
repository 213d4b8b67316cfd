/** A KPI that a user wrote as a ClickHouse aggregate over the joined rows. */
import { z } from "zod";
import type { KpiConfig } from "../../config/kpis.ts";
import { messageOf } from "../../core/errors.ts";
import type { ModelSchema } from "../../core/model-schema.ts";
import { type Sql, sql, written } from "../../store/sql.ts";
import type { Lane } from "../../store/store.ts";
import { type KpiValue, undefinedKpi } from "./kpi-value.ts";

export type CustomKpi = Extract<KpiConfig, { readonly sql: string }>;

const row = z.object({
  slice: z.number(),
  version: z.string(),
  variant: z.string(),
  /** '' is the whole. */
  segment: z.string().default(""),
  value: z.number().nullable(),
  rows: z.number(),
});
export type CustomValue = z.output<typeof row>;

/** Only rows with a label count, unless the KPI says otherwise; it needs labels if it names `label` or `label_text`. */
export const needsLabels = (kpi: CustomKpi): boolean =>
  kpi.needs_labels ?? /\blabel(?:_text)?\b/.test(withoutLiterals(kpi.sql));

/** Features that the expression names and the schema lacks: they are read, as text, from the event's unknown features. */
export function unknownFeatures(kpi: CustomKpi, schema: ModelSchema): string[] {
  const known = new Set(schema.features.flatMap(({ name, parts }) => parts ?? [name]));
  const names = new Set<string>();
  for (const [, plain, quoted] of withoutLiterals(kpi.sql).matchAll(
    /(?:`features\.([^`]+)`|\bfeatures\.([A-Za-z_][A-Za-z0-9_]*))/g,
  )) {
    const feature = plain ?? quoted;
    if (feature !== undefined && !known.has(feature)) names.add(feature);
  }
  return [...names];
}

const withoutLiterals = (text: string): string => text.replace(/'(?:[^'\\]|\\.|'')*'/g, "''");

/** One statement for all windows; an expression that fails is an error of this KPI and of no other. */
export async function readCustom(
  lane: Lane,
  kpi: CustomKpi,
  joined: Sql,
  of: "whole" | "by segment" = "whole",
): Promise<CustomValue[] | string> {
  const key = of === "whole" ? sql`slice, version, variant` : sql`slice, version, variant, segment`;
  try {
    return await lane.query(
      sql`SELECT ${key}, CAST(${written(`(${kpi.sql})`)} AS Nullable(Float64)) AS value, count() AS rows
        FROM (${joined}) WHERE ${needsLabels(kpi) ? sql`labelled` : sql`true`} GROUP BY ${key}`,
      row,
    );
  } catch (thrown) {
    if (thrown instanceof Error && "retryable" in thrown && thrown.retryable === true) throw thrown;
    return messageOf(thrown).slice(0, 1000);
  }
}

export function customValue(found: CustomValue | undefined): KpiValue {
  if (found === undefined) return undefinedKpi(0, "no row of the window counts");
  if (found.value === null) return undefinedKpi(found.rows, "the expression gave no finite number");
  return { status: "ok", value: found.value, n: found.rows };
}
