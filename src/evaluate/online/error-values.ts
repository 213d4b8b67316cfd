/** The errors of labelled events in the order of (timestamp, id): 0 or 1 for classes, the absolute error for numbers. */
import { z } from "zod";
import { type Sql, sql, time } from "../../store/sql.ts";
import type { Lane } from "../../store/store.ts";
import { joinedRows, type WindowRows } from "../kpis/joined-rows.ts";
import type { PreparedModel } from "../prepare-model.ts";

/** Events of one statement. */
export const ERRORS_AT_ONCE = 100_000;

/** Some errors in order, as columns. */
export interface Errors {
  /** Start of the window that an event belongs to, ms. */
  readonly windows: readonly number[];
  /** Time of the event, ms. */
  readonly times: readonly number[];
  readonly errors: readonly number[];
}

const page = z.object({
  windows: z.array(z.number()),
  times: z.array(z.number()),
  errors: z.array(z.number()),
  last_id: z.string(),
});

/** Float64 over prediction, prediction_text, label and label_text; null where there is nothing to compare. */
export const errorOf = (task: PreparedModel["config"]["task"]): Sql =>
  task === "regression"
    ? sql`if(isFinite(ifNull(abs(prediction - label), nan)), abs(prediction - label), NULL)`
    : sql`if(prediction_text = '' OR label_text = '', NULL, toFloat64(prediction_text != label_text))`;

/** Of the rows, which are of one version and variant, page by page. */
export async function* readErrors(lane: Lane, prepared: PreparedModel, rows: WindowRows): AsyncGenerator<Errors> {
  const joined = await joinedRows(lane, prepared, rows, { features: [], labelled: true });
  const errors = sql`SELECT timestamp, id, slice, ${errorOf(prepared.config.task)} AS error FROM (${joined}) WHERE labelled`;
  let after = sql`true`;
  while (true) {
    // By position, so that no id has to leave the engine but the last.
    const [found] = await lane.query(
      sql`SELECT arrayMap(r -> r.3, rows) AS windows, arrayMap(r -> r.1, rows) AS times, arrayMap(r -> r.4, rows) AS errors, (rows[-1]).2 AS last_id
        FROM (SELECT arraySort(groupArray((toUnixTimestamp64Milli(timestamp), id, slice, assumeNotNull(error)))) AS rows
          FROM (SELECT * FROM (${errors}) WHERE isNotNull(error) AND ${after} ORDER BY timestamp, id LIMIT ${ERRORS_AT_ONCE}))`,
      page,
    );
    const last = found?.times.at(-1);
    if (found === undefined || last === undefined) return;
    yield found;
    if (found.times.length < ERRORS_AT_ONCE) return;
    after = sql`(timestamp, id) > (${time(last)}, ${found.last_id})`;
  }
}
