/**
 * What FEAST writes, read as a reference: a saved dataset or the Parquet of an offline store. Its features are called `view__feature` where it
 * was asked for full names; the join keys, the time and the bookkeeping of FEAST and pandas are no features.
 */
import { statSync } from "node:fs";
import path from "node:path";
import type { ReferenceConfig } from "../../config/references.ts";
import type { ReferenceTable } from "./reference-table.ts";

/** Between the name of a feature view and of a feature. */
const SEPARATOR = "__";
/** When a row was written, by FEAST's own templates; the place of a row, by pandas and Dask. */
const BOOKKEEPING: ReadonlySet<string> = new Set([
  "created",
  "created_timestamp",
  "__index_level_0__",
  "__null_dask_index__",
]);

/** A folder holds the parts of one table. */
export function parquetOfFeast(place: string): string {
  const isFolder = statSync(place, { throwIfNoEntry: false })?.isDirectory() === true;
  return isFolder ? path.join(place, "**", "*.parquet") : place;
}

/** The same table under the names that events carry. */
export function fromFeast(
  table: ReferenceTable,
  { entities, timestamp_field, full_feature_names }: NonNullable<ReferenceConfig["feast"]>,
  timestamp: string,
): ReferenceTable {
  const kept = table.columns.filter(({ name }) => !entities.includes(name) && !BOOKKEEPING.has(name));
  const names = full_feature_names ? new Map<string, string>() : featureNames(kept.map(({ name }) => name));
  return {
    ...table,
    columns: kept.map((column) => ({
      ...column,
      name: column.name === timestamp_field ? timestamp : (names.get(column.name) ?? column.name),
    })),
  };
}

/** `view__feature` becomes `feature`, unless another column has or would have that name. */
export function featureNames(columns: readonly string[]): ReadonlyMap<string, string> {
  const shortOf = (name: string): string => {
    const at = name.indexOf(SEPARATOR);
    return at <= 0 || at + SEPARATOR.length >= name.length ? name : name.slice(at + SEPARATOR.length);
  };
  const times = new Map<string, number>();
  for (const name of columns)
    for (const one of new Set([name, shortOf(name)])) times.set(one, (times.get(one) ?? 0) + 1);
  return new Map(columns.map((name) => [name, times.get(shortOf(name)) === 1 ? shortOf(name) : name]));
}
