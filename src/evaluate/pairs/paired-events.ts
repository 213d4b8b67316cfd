/** What two halves of a call make together. Pure. */
import { type Half, joinedRows, rowId } from "../../core/half.ts";
import { losslessText } from "../../core/lossless-json.ts";

interface Side extends Pick<Half, "id" | "exchange" | "side" | "timestamp"> {
  readonly body: Pick<Half, "event" | "rows" | "plainId">;
}

/** Calls of which both sides are there: of copies of a side the first by (time, position). */
export function callsOf<Stored extends Side>(halves: readonly Stored[]): { request: Stored; response: Stored }[] {
  const calls = new Map<string, { request?: Stored; response?: Stored }>();
  for (const half of halves) {
    const key = JSON.stringify([half.exchange, half.id]);
    const call: { request?: Stored; response?: Stored } = calls.get(key) ?? {};
    call[half.side] ??= half;
    calls.set(key, call);
  }
  return [...calls.values()].flatMap(({ request, response }) =>
    request === undefined || response === undefined ? [] : [{ request, response }],
  );
}

/**
 * The predictions of a call as native JSON, a text each. The time is that of the request.
 *
 * @throws Refusal where the halves do not fit each other
 */
export function pairedEvents(request: Side, response: Side): string[] {
  return joinedRows(request.body, response.body).map((row, index, all) =>
    losslessText({
      type: "prediction",
      id: rowId(request.id, index, all.length, request.body.plainId),
      timestamp: new Date(request.timestamp).toISOString(),
      ...row,
    }),
  );
}
