/** One side of a call that is logged as two messages: what was asked, and what was answered. They may come in either order, minutes apart. */
import type { JsonObject } from "./json-object.ts";
import { Refusal } from "./refusal.ts";

export const halfSides = ["request", "response"] as const;
export type HalfSide = (typeof halfSides)[number];

export interface Half {
  /** Which service was called; halves of different exchanges are never paired. `kserve prod/iris/predictor`. */
  readonly exchange: string;
  /** The same on both sides of a call. Where a model's ids are private: a hash of it, and rows have ids of their own. */
  readonly id: string;
  readonly side: HalfSide;
  /** Event time, ms since 1970. */
  readonly timestamp: number;
  /** Fields of native JSON that all rows share, as far as this side knows them: `model`, `version`, `variant`. */
  readonly event: JsonObject;
  /**
   * One a row of the call, with the fields of native JSON that this side knows: `features`, or `prediction`, `score`, `probabilities`. Another that
   * may be private needs a place in src/ingest/events/private-halves.ts.
   */
  readonly rows: readonly JsonObject[];
  /** Whether the id of the only row of a call is the call's own, without `/0`. */
  readonly plainId: boolean;
}

/** The id of one row of a call: `<id>/<row>`. */
export const rowId = (id: string, row: number, rows: number, plainId: boolean): string =>
  plainId && rows === 1 ? id : `${id}/${row}`;

/** The fields and rows of both sides as events with the names of native JSON. @throws Refusal where they have different numbers of rows */
export function joinedRows(
  request: Pick<Half, "event" | "rows">,
  response: Pick<Half, "event" | "rows">,
): JsonObject[] {
  if (request.rows.length !== response.rows.length)
    throw new Refusal(
      "halves_disagree",
      `the request has ${request.rows.length} rows, its answer ${response.rows.length}: which belongs to which can't be told`,
    );
  return request.rows.map((row, index) => ({ ...request.event, ...response.event, ...row, ...response.rows[index] }));
}
