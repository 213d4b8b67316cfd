/** Which KPI of a window fell, against what, and in which segments. */
import { z } from "zod";
import { impliedEstimates, isEstimate, kpiNames } from "../../config/kpis.ts";
import type { Incident } from "../../core/incident.ts";
import { sql, time } from "../../store/sql.ts";
import type { Lane } from "../../store/store.ts";
import type { PreparedModel } from "../prepare-model.ts";
import { readStoredSample } from "../references/reference-rows.ts";
import { type RatioKpi, ratioKpi } from "./ratio-kpis.ts";
import { type KpiChange, segmentCauses } from "./segment-causes.ts";
import { dimensionsOf } from "./segments.ts";
import { type RowColumns, readWindowRows, referenceRows, type WantedColumns, type WindowPlace } from "./window-rows.ts";

export interface Split {
  readonly change: KpiChange;
  /** null: the reference. */
  readonly baseline: WindowPlace | null;
}

/** The first KPI that can be told apart and did fall: those that fired, then estimates, then the model's others. */
export async function kpiChange(
  lane: Lane,
  prepared: PreparedModel,
  incident: Incident,
  place: WindowPlace,
  columns: WantedColumns,
): Promise<Split | null> {
  const kpis = kpisToExplain(prepared, incident);
  if (kpis.length === 0) return null;
  const after = await readWindowRows(lane, prepared, place, columns);
  const sample =
    columns.segments.length > 0
      ? null
      : await readStoredSample(
          lane,
          prepared.config.name,
          prepared.referenceId,
          columns.features.map(({ subject }) => subject),
        );
  const known = sample === null ? null : referenceRows(sample);
  let earlier: { readonly place: WindowPlace; readonly rows: RowColumns } | null | undefined;
  for (const kpi of kpis) {
    if (kpi.inReference && known !== null && bears(kpi, known)) {
      const change = await segmentCauses(kpi, dimensionsOf(columns, [known, after]), known, after);
      if (change !== null) return { change, baseline: null };
      continue;
    }
    if (earlier === undefined) earlier = await earlierWindow(lane, prepared, incident, place, columns);
    if (earlier === null) continue;
    const change = await segmentCauses(kpi, dimensionsOf(columns, [earlier.rows, after]), earlier.rows, after);
    if (change !== null) return { change, baseline: earlier.place };
  }
  return null;
}

/** Whether any row says something of the KPI. */
function bears(kpi: RatioKpi, rows: RowColumns): boolean {
  for (let row = 0; row < rows.rows; row++) if (kpi.part(rows, row) !== null) return true;
  return false;
}

function kpisToExplain(prepared: PreparedModel, { members }: Incident): RatioKpi[] {
  const { config } = prepared;
  const fired = members
    .filter(({ subject_kind, firing }) => subject_kind === "kpi" && firing)
    .map(({ metric }) => metric);
  const listed = config.kpis.flatMap((kpi) => ("use" in kpi ? [kpi.use] : []));
  const estimates = [...listed.filter(isEstimate), ...impliedEstimates(config).map(({ use }) => use)];
  // Where labels are missing only because they are late, the share of labels explains nothing of a drift.
  const others = listed.filter((name) => name !== "label_coverage" && !isEstimate(name));
  const names = [...new Set([...fired, ...estimates, ...others])];
  return names.filter((name) => kpiNames.some((one) => one === name)).flatMap((name) => ratioKpi(name, prepared) ?? []);
}

const placeRow = z.object({ start: z.number(), end: z.number() });

/** The newest window of the same series before the incident in which nothing had breached and most labels are there. */
async function earlierWindow(
  lane: Lane,
  prepared: PreparedModel,
  { window, onset }: Incident,
  { version, variant }: WindowPlace,
  columns: WantedColumns,
): Promise<{ readonly place: WindowPlace; readonly rows: RowColumns } | null> {
  const [found] = await lane.query(
    sql`SELECT toUnixTimestamp64Milli(window_start) AS start, toUnixTimestamp64Milli(max(window_end)) AS end FROM metrics FINAL
      WHERE model = ${prepared.config.name} AND window = ${window} AND segment = '' AND version = ${version} AND variant = ${variant}
        AND window_start < ${time(onset)} AND subject_kind = 'kpi' AND subject = 'kpi'
      GROUP BY window_start HAVING countIf(status = 'ok') > 0 AND countIf(breached) = 0 ORDER BY window_start DESC LIMIT 1`,
    placeRow,
  );
  if (found === undefined) return null;
  const place = { version, variant, ...found };
  return { place, rows: await readWindowRows(lane, prepared, place, columns) };
}
