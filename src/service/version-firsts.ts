/** When the first event of each version of a model was, kept in the store so that it is known when retention has taken the event. */
import { z } from "zod";
import { predictionsTable } from "../store/model-tables.ts";
import { name, sql, time } from "../store/sql.ts";
import type { Lane } from "../store/store.ts";

/** Version to the time of its first event, ms; '' is events without a version. */
export type VersionFirsts = ReadonlyMap<string, number>;

const DAY_MS = 86_400_000;

/** Asks once of all that is stored, then of what is new. */
export function createVersionFirsts(lane: Lane): (model: string) => Promise<VersionFirsts> {
  const known = new Map<string, { readonly firsts: Map<string, number>; until: number }>();
  return async (model) => {
    const state = known.get(model) ?? { firsts: await readFirsts(lane, model), until: Number.NEGATIVE_INFINITY };
    const table = predictionsTable(model);
    const there = await lane.query(
      sql`SELECT name FROM system.tables WHERE database = currentDatabase() AND name = ${table}`,
      z.object({ name: z.string() }),
    );
    if (there.length === 0) return state.firsts;
    const recent = Number.isFinite(state.until) ? sql`timestamp >= ${time(state.until - DAY_MS)}` : sql`true`;
    const rows = await lane.query(
      sql`SELECT version, toUnixTimestamp64Milli(min(timestamp)) AS first, toUnixTimestamp64Milli(max(timestamp)) AS last FROM ${name(table)} WHERE ${recent} GROUP BY version`,
      z.object({ version: z.string(), first: z.number(), last: z.number() }),
    );
    const earlier = rows.filter(
      ({ version, first }) => first < (state.firsts.get(version) ?? Number.POSITIVE_INFINITY),
    );
    if (earlier.length > 0)
      await lane.insertRows(
        "model_versions",
        earlier.map(({ version, first }) => ({ model, version, first })),
      );
    for (const { version, first } of earlier) state.firsts.set(version, first);
    for (const { last } of rows) state.until = Math.max(state.until, last);
    known.set(model, state);
    return state.firsts;
  };
}

async function readFirsts(lane: Lane, model: string): Promise<Map<string, number>> {
  const rows = await lane.query(
    sql`SELECT version, toUnixTimestamp64Milli(min(first)) AS at FROM model_versions WHERE model = ${model} GROUP BY version`,
    z.object({ version: z.string(), at: z.number() }),
  );
  return new Map(rows.map(({ version, at }) => [version, at]));
}
