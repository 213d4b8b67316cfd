import type { MetricRow } from "../../core/metric.ts";
import type { Sql } from "../../store/sql.ts";
import type { Lane } from "../../store/store.ts";
import type { SeriesWindow } from "../drift-rows.ts";
import type { Span } from "../kept-rows.ts";
import type { PreparedModel } from "../prepare-model.ts";

export async function kpiRows(_lane: Lane, _prepared: PreparedModel, _rows: { span: Span; key: Sql; where: Sql }, _windows: readonly SeriesWindow[], _now: number): Promise<MetricRow[]> {
  return [];
}
