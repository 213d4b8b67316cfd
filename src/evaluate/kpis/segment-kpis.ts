/**
 * KPIs by segment: those that the model lists, over the rows of each value that `segments` watches by itself. Estimates, fairness and what is said
 * of labels that are unlike the rest are of the whole alone.
 */
import { z } from "zod";
import { isEstimate, type KpiConfig } from "../../config/kpis.ts";
import type { MetricRow } from "../../core/metric.ts";
import { join, type Sql, sql } from "../../store/sql.ts";
import type { Lane } from "../../store/store.ts";
import type { SeriesWindow } from "../drift-rows.ts";
import type { PreparedModel } from "../prepare-model.ts";
import { segmentsOfRow } from "../segments/segment.ts";
import {
  type BuiltIn,
  builtInRow,
  builtInValue,
  kpiColumns,
  type Placed,
  placeOf,
  wantedKpis,
} from "./built-in-kpis.ts";
import { customValue, needsLabels, readCustom } from "./custom.ts";
import { kpiRow } from "./kpi-row.ts";
import type { KpiValue } from "./kpi-value.ts";

/** A place is a window of a series, and a segment. */
type PlacedSegment = Placed & { readonly segment: string };
const segmentPlace = (row: PlacedSegment): string => `${placeOf(row)} ${row.segment}`;

const isOfSegments = (kpi: KpiConfig): boolean => "sql" in kpi || !isEstimate(kpi.use);

/**
 * Of the segments that have rows in a window; none where the model watches no segments.
 *
 * @param joined the rows of `joinedRows`
 * @param labelled whether any of them may have a label: without one there is nothing to tell segments apart by, but KPIs that need none
 */
export async function segmentKpiRows(
  lane: Lane,
  prepared: PreparedModel,
  joined: Sql,
  labelled: boolean,
  windows: readonly SeriesWindow[],
  computedAt: number,
): Promise<MetricRow[]> {
  const { segments, config } = prepared;
  const kpis = config.kpis.filter((kpi) => isOfSegments(kpi) && (labelled || ("sql" in kpi && !needsLabels(kpi))));
  if (segments === null || segments.segments.length === 0 || kpis.length === 0) return [];
  const rows = sql`SELECT *, arrayJoin(${segmentsOfRow(segments)}) AS segment FROM (${joined})`;
  const columns = labelled ? kpiColumns(prepared, wantedKpis(kpis)) : [];
  const found = await lane.query(
    sql`SELECT slice, version, variant, segment, count() AS n, countIf(labelled) AS labels${join(columns, "")} FROM (${rows})
      GROUP BY slice, version, variant, segment`,
    builtInRow.extend({ segment: z.string() }),
  );
  const bySegment = new Map(found.map((row) => [segmentPlace(row), row]));
  const result: MetricRow[] = [];
  for (const kpi of kpis) {
    const valueOf = await valuesOf(lane, prepared, kpi, rows);
    for (const window of windows)
      for (const { segment } of segments.segments) {
        const of = bySegment.get(segmentPlace({ ...window, slice: window.start, segment }));
        if (of !== undefined) result.push(kpiRow(prepared, window, kpi, valueOf(of), of, computedAt, segment));
      }
  }
  return result;
}

async function valuesOf(
  lane: Lane,
  prepared: PreparedModel,
  kpi: KpiConfig,
  rows: Sql,
): Promise<(found: BuiltIn & PlacedSegment) => KpiValue> {
  if ("use" in kpi) return (found) => builtInValue(prepared, kpi.use, found);
  const values = await readCustom(lane, kpi, rows, "by segment");
  if (typeof values === "string") return () => ({ status: "error", n: 0, reason: values });
  const known = new Map(values.map((row) => [segmentPlace(row), row]));
  return (found) => customValue(known.get(segmentPlace(found)));
}
