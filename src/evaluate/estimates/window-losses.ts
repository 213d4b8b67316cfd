/** The rows of windows as a model of the loss sees them: all of a window's, or those of the least hash of their id where they are many. */
import { z } from "zod";
import { featureColumn } from "../../store/model-tables.ts";
import { list, name, type Sql, sql } from "../../store/sql.ts";
import type { Lane } from "../../store/store.ts";
import type { SeriesWindow } from "../drift-rows.ts";
import { codeText } from "./loss-inputs.ts";
import type { LossModel } from "./loss-model.ts";

/** Rows of a window that are read. */
export const MOST_ROWS = 20_000;
/** Rows that one statement reads, about. */
const ROWS_AT_ONCE = 200_000;

const foundRow = z.object({
  slice: z.number(),
  version: z.string(),
  variant: z.string(),
  predicted: z.number(),
  codes: z.string(),
});
/** `predicted`: rows with a prediction; `codes`: those of them that were read, by `binnedRows`. */
export type WindowLosses = z.output<typeof foundRow>;

/** `joined`: rows of the windows with their slice, version and variant. */
export async function readWindowLosses(
  lane: Lane,
  { inputs }: LossModel,
  joined: Sql,
  windows: readonly SeriesWindow[],
): Promise<WindowLosses[]> {
  const values = inputs.map(({ feature }) => (feature === null ? sql`prediction` : name(featureColumn(feature))));
  const found: WindowLosses[] = [];
  for (const starts of startsAtOnce(windows)) {
    const rows = sql`SELECT slice, version, variant, ${codeText(inputs, values)} AS codes, cityHash64(id) AS place, count() OVER (PARTITION BY slice, version, variant) AS predicted
      FROM (${joined}) WHERE isNotNull(prediction) AND slice IN ${list(starts)}`;
    found.push(
      ...(await lane.query(
        // Sorted, so that sums over them do not depend on the order of reading.
        sql`SELECT slice, version, variant, any(predicted) AS predicted, arrayStringConcat(arraySort(groupArray(codes))) AS codes
          FROM (SELECT * FROM (${rows}) ORDER BY place, codes LIMIT ${MOST_ROWS} BY slice, version, variant)
          GROUP BY slice, version, variant ORDER BY slice, version, variant`,
        foundRow,
      )),
    );
  }
  return found;
}

function* startsAtOnce(windows: readonly SeriesWindow[]): Generator<number[]> {
  let starts = new Set<number>();
  let rows = 0;
  for (const { start, n } of windows) {
    if (n === 0) continue;
    if (rows > ROWS_AT_ONCE && !starts.has(start)) {
      yield [...starts];
      starts = new Set();
      rows = 0;
    }
    starts.add(start);
    rows += Math.min(n, MOST_ROWS);
  }
  if (starts.size > 0) yield [...starts];
}
