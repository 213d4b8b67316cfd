/** A quantile of the window's rows, with the interval that order statistics give: median errors, label delays. */
import { z } from "zod";
import { type Sql, sql } from "../../store/sql.ts";
import { type KpiValue, undefinedKpi, Z95 } from "./kpi-value.ts";

/**
 * (rows, quantile, lower, upper). The quantile lies between the two order statistics about (n - 1) · share, as NumPy's does; the interval's ends
 * are the order statistics n · share ± 1.96 · √(n · share · (1 - share)) (Conover 1999, Practical Nonparametric Statistics, 3.2), which holds for any law.
 */
export function quantileColumns(value: Sql, where: Sql, share: number): Sql {
  const sorted = sql`arraySort(groupArrayIf(toFloat64(${value}), ${where}))`;
  const rows = sql`toFloat64(length(s))`;
  const place = sql`greatest(${rows} - 1, 0) * ${share}`;
  const below = sql`s[toUInt64(floor(${place})) + 1]`;
  const above = sql`s[toUInt64(least(${rows}, floor(${place}) + 2))]`;
  const half = sql`${Z95} * sqrt(${rows} * ${share * (1 - share)})`;
  const lower = sql`s[toUInt64(greatest(1, floor(${rows} * ${share} - ${half})))]`;
  const upper = sql`s[toUInt64(least(${rows}, ceil(${rows} * ${share} + ${half}) + 1))]`;
  // An alias of a lambda's own, so that the sorted rows are made once.
  return sql`arrayMap(s -> (toUInt64(length(s)), ${below} + (${place} - floor(${place})) * (${above} - ${below}), ${lower}, ${upper}), [${sorted}])[1]`;
}

export const quantileRow = z.tuple([z.number(), z.number(), z.number(), z.number()]);

export function quantileKpi([n, value, lower, upper]: z.output<typeof quantileRow>, reason: string): KpiValue {
  return n === 0 ? undefinedKpi(0, reason) : { status: "ok", value, lower, upper, n };
}
