/**
 * With which window and which event an incident began. Looked up when it opens and kept with it, so that it can be read when the events are
 * gone; a pure function of the incident and what is stored.
 */
import { z } from "zod";
import type { WindowSpec } from "../config/duration.ts";
import { PAGE_TIER } from "../core/evidence.ts";
import type { Incident } from "../core/incident.ts";
import type { IncidentBeginning } from "../core/incident-beginning.ts";
import { windowGrid } from "../core/window-grid.ts";
import { join, sql, time } from "../store/sql.ts";
import type { Lane } from "../store/store.ts";
import { keptRows } from "./kept-rows.ts";
import { newestSummariesOfAll, paneName } from "./panes.ts";
import type { PreparedModel } from "./prepare-model.ts";

/** null for a model that is not known. */
export type FindBeginning = (incident: Incident) => Promise<IncidentBeginning | null>;

/** Panes with events that are looked through: an onset within a pane may lie after all of its events. */
const PANES_LOOKED_AT = 3;

export function createBeginning(lane: Lane, models: readonly PreparedModel[]): FindBeginning {
  const byName = new Map(models.map((model) => [model.config.name, model]));
  return async (incident) => {
    const prepared = byName.get(incident.model);
    if (prepared === undefined) return null;
    return { window: await firstWindow(lane, prepared, incident), event: await firstEvent(lane, prepared, incident) };
  };
}

/** Windows by time lie where they lie; one by number of events has to be looked for among those that were computed. */
async function firstWindow(
  lane: Lane,
  { config }: PreparedModel,
  incident: Incident,
): Promise<IncidentBeginning["window"]> {
  const { onset } = incident;
  const isPageTier = incident.window === PAGE_TIER;
  const candidates = config.windows.filter(({ name }) => isPageTier || name === incident.window);
  const [shortest] = [...candidates].sort((a, b) => sizeOf(a) - sizeOf(b));
  if (shortest === undefined) return null;
  if (shortest.kind === "time") {
    const grid = windowGrid(shortest.ms, config.timezone);
    return { name: shortest.name, window_start: grid.startOf(onset), window_end: grid.endOf(onset) };
  }
  const [found] = await lane.query(
    sql`SELECT toUnixTimestamp64Milli(window_start) AS start, toUnixTimestamp64Milli(window_end) AS end FROM metrics FINAL
      WHERE model = ${config.name} AND window = ${shortest.name} AND segment = '' AND ${ofSeries(incident)}
        AND window_start <= ${time(onset)} AND window_end > ${time(onset)} ORDER BY window_start DESC LIMIT 1`,
    z.object({ start: z.number(), end: z.number() }),
  );
  return found === undefined ? null : { name: shortest.name, window_start: found.start, window_end: found.end };
}

/** Any length of time comes before any number of events. */
const sizeOf = (window: WindowSpec): number => (window.kind === "time" ? window.ms : window.events * 1e15);

async function firstEvent(
  lane: Lane,
  prepared: PreparedModel,
  incident: Incident,
): Promise<IncidentBeginning["event"]> {
  const { pane } = prepared.config;
  const { onset } = incident;
  const label = paneName(prepared);
  const span = { from: Math.floor(onset / pane) * pane, to: Math.max(incident.opened_at, onset + 1) };
  const panes = await lane.query(
    sql`SELECT DISTINCT toUnixTimestamp64Milli(pane_start) AS start FROM pane_summaries
      WHERE ${newestSummariesOfAll(prepared, label, span)} AND subject_kind = 'model' AND n > 0 AND ${ofSeries(incident)} ORDER BY start LIMIT ${PANES_LOOKED_AT}`,
    z.object({ start: z.number() }),
  );
  for (const { start } of panes) {
    const { versions: _, ...dedupe } = prepared.dedupe;
    const rows = await keptRows(lane, dedupe, { from: start, to: start + pane });
    const [found] = await lane.query(
      sql`SELECT source, partition, offset, toUnixTimestamp64Milli(timestamp) AS at FROM (${rows})
        WHERE timestamp >= ${time(onset)} AND ${ofSeries(incident)} ORDER BY timestamp, source, partition, offset LIMIT 1`,
      z.object({ source: z.string(), partition: z.number(), offset: z.number(), at: z.number() }),
    );
    if (found === undefined) continue;
    const { at, ...place } = found;
    return { ...place, timestamp: at };
  }
  return null;
}

/** The versions and variants that take part. */
function ofSeries({ members }: Incident) {
  const series = members.map(({ version, variant }) => sql`(${version}, ${variant})`);
  return series.length === 0 ? sql`true` : sql`(version, variant) IN (${join(series)})`;
}
