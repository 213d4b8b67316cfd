/** Samples of the rows of windows: of each the kept predictions with the least hashes of their ids, whatever the order they came in. */
import { z } from "zod";
import type { RowSample } from "../../core/row-sample.ts";
import { list, sql } from "../../store/sql.ts";
import type { Lane } from "../../store/store.ts";
import type { SeriesWindow } from "../drift-rows.ts";
import { keptRows } from "../kept-rows.ts";
import type { WindowRows } from "../kpis/joined-rows.ts";
import type { PreparedModel } from "../prepare-model.ts";
import { seriesKey } from "../window-series.ts";
import { cellsOf, predictionCell, type ReadRow, type SampledFeature, sampleOf } from "./sample-cells.ts";

const row = z.object({
  slice: z.number(),
  version: z.string(),
  variant: z.string(),
  hash: z.number(),
  cells: z.array(z.number().nullable()),
});

export const windowKey = (window: Pick<SeriesWindow, "start" | "version" | "variant">): string =>
  `${window.start} ${seriesKey(window)}`;

/** By window key; windows without rows have none. `rows` holds the rows of all of the windows. */
export async function windowSamples(
  lane: Lane,
  prepared: PreparedModel,
  features: readonly SampledFeature[],
  most: number,
  rows: WindowRows,
  windows: readonly SeriesWindow[],
): Promise<Map<string, RowSample>> {
  const kept = await keptRows(lane, prepared.dedupe, rows.span);
  const starts = [...new Set(windows.map(({ start }) => start))];
  // Copies of an id have one hash: by time, then by id.
  const found = await lane.query(
    sql`SELECT slice, version, variant, toUInt32(bitAnd(h, 4294967295)) AS hash, cells
      FROM (SELECT ${rows.key} AS slice, version, variant, cityHash64(id) AS h, timestamp, id, ${cellsOf(features, predictionCell)} AS cells
        FROM (${kept}) WHERE ${rows.where})
      WHERE slice IN ${list(starts)} ORDER BY h, timestamp, id LIMIT ${most} BY slice, version, variant`,
    row,
  );
  const byWindow = new Map<string, ReadRow[]>();
  for (const { slice, version, variant, hash, cells } of found) {
    const key = windowKey({ start: slice, version, variant });
    const some = byWindow.get(key);
    if (some === undefined) byWindow.set(key, [{ hash, cells }]);
    else some.push({ hash, cells });
  }
  const sizes = new Map(windows.map((window) => [windowKey(window), window.n]));
  return new Map([...byWindow].map(([key, some]) => [key, sampleOf(features, some, sizes.get(key) ?? some.length)]));
}
