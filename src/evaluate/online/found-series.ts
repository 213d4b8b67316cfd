/** The versions and variants of a model that have events, and where each begins. */
import { z } from "zod";
import { sql } from "../../store/sql.ts";
import type { Lane } from "../../store/store.ts";
import { MOST_TIME } from "../count-boundaries.ts";
import { newestSummaries, paneName } from "../panes.ts";
import type { PreparedModel } from "../prepare-model.ts";
import type { Series } from "../window-series.ts";

export interface FoundSeries extends Series {
  /** Start of the first pane with events, of those that were looked at; ms. */
  readonly firstPane: number;
}

/** Of some panes; null: of all that is stored. */
export async function firstPanes(
  lane: Lane,
  prepared: PreparedModel,
  panes: readonly number[] | null,
): Promise<FoundSeries[]> {
  if (panes !== null && panes.length === 0) return [];
  const span =
    panes === null
      ? { from: 0, to: MOST_TIME }
      : {
          from: panes.reduce((least, pane) => Math.min(least, pane), Number.POSITIVE_INFINITY),
          to: panes.reduce((most, pane) => Math.max(most, pane), 0) + prepared.config.pane,
        };
  return lane.query(
    sql`SELECT version, variant, toUnixTimestamp64Milli(min(pane_start)) AS firstPane FROM pane_summaries
      WHERE ${newestSummaries(prepared, paneName(prepared), span)} AND subject_kind = 'model' AND n > 0 GROUP BY version, variant ORDER BY version, variant`,
    z.object({ version: z.string(), variant: z.string(), firstPane: z.number() }),
  );
}
