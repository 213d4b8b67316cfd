/** Events per window, version and variant, from the summaries of the model's panes: what windows are found and compared by. */
import { z } from "zod";
import type { WindowGrid } from "../core/window-grid.ts";
import { sql } from "../store/sql.ts";
import type { Lane } from "../store/store.ts";
import { windowStart } from "../store/window-start.ts";
import type { Span } from "./kept-rows.ts";
import { newestSummariesOfAll, paneName } from "./panes.ts";
import type { PreparedModel } from "./prepare-model.ts";

export interface Series {
  readonly version: string;
  readonly variant: string;
}

export const seriesKey = ({ version, variant }: Series): string => JSON.stringify([version, variant]);

/** Window start to series key to events; windows and series without events have no entry. */
export type SeriesCounts = Map<number, Map<string, Series & { n: number }>>;

/** Counts of the windows that the span touches, each of them as a whole; of all versions, whichever reference they have. */
export async function countSeries(
  lane: Lane,
  prepared: PreparedModel,
  grid: WindowGrid,
  touched: Span,
): Promise<SeriesCounts> {
  const span = { from: grid.startOf(touched.from), to: grid.endOf(touched.to - 1) };
  const start = windowStart(grid, sql`toUnixTimestamp64Milli(pane_start)`, span);
  const rows = await lane.query(
    sql`SELECT ${start} AS start, version, variant, sum(n) AS events
      FROM pane_summaries WHERE ${newestSummariesOfAll(prepared, paneName(prepared), span)} AND subject_kind = 'model' GROUP BY start, version, variant ORDER BY start, version, variant`,
    z.object({ start: z.number(), version: z.string(), variant: z.string(), events: z.number() }),
  );
  const counts: SeriesCounts = new Map();
  for (const { start, events, ...rest } of rows) {
    const series = { ...rest, n: events };
    const window = counts.get(start) ?? new Map<string, Series & { n: number }>();
    window.set(seriesKey(series), series);
    counts.set(start, window);
  }
  return counts;
}
