/** The `retrainings` table: events are added and never changed; what they make is found by `foldRetraining`. */
import { z } from "zod";
import {
  foldRetraining,
  type Retraining,
  type RetrainingEvent,
  retrainingDetailSchema,
  retrainingEventKinds,
} from "../core/retraining.ts";
import { join, type Sql, sql } from "../store/sql.ts";
import type { Lane } from "../store/store.ts";

/** Retrainings read at a time, the newest first. */
const RETRAININGS_MAX = 1_000;

export interface RetrainingFilter {
  readonly model?: string | undefined;
  readonly action?: string | undefined;
  readonly incident_id?: string | undefined;
  readonly retraining_id?: string | undefined;
}

const row = z
  .object({
    retraining_id: z.string(),
    model: z.string(),
    action: z.string(),
    incident_id: z.string(),
    opened_ms: z.number(),
    event: z.enum(retrainingEventKinds),
    key: z.string(),
    at_ms: z.number(),
    detail: z.string(),
  })
  .transform(
    ({ opened_ms, at_ms, detail, ...rest }): RetrainingEvent => ({
      ...rest,
      opened_at: opened_ms,
      at: at_ms,
      detail: retrainingDetailSchema.parse(JSON.parse(detail)),
    }),
  );

/** Adds events. The same one twice is one: of copies the first holds. */
export async function insertRetrainingEvents(lane: Lane, events: readonly RetrainingEvent[]): Promise<void> {
  await lane.insertRows(
    "retrainings",
    events.map(({ detail, ...event }) => ({ ...event, detail: JSON.stringify(detail) })),
  );
}

/** Retrainings as they stand, the newest first. */
export async function readRetrainings(lane: Lane, filter: RetrainingFilter = {}): Promise<Retraining[]> {
  const wanted: Sql[] = [sql`true`];
  if (filter.model !== undefined) wanted.push(sql`model = ${filter.model}`);
  if (filter.action !== undefined) wanted.push(sql`action = ${filter.action}`);
  if (filter.incident_id !== undefined) wanted.push(sql`toString(incident_id) = ${filter.incident_id}`);
  if (filter.retraining_id !== undefined) wanted.push(sql`toString(retraining_id) = ${filter.retraining_id}`);
  const where = join(wanted, " AND ");
  const events = await lane.query(
    sql`SELECT toString(retraining_id) AS retraining_id, model, action, toString(incident_id) AS incident_id,
        toUnixTimestamp64Milli(opened_at) AS opened_ms, event, key, toUnixTimestamp64Milli(at) AS at_ms, detail
      FROM (SELECT * FROM retrainings WHERE ${where} ORDER BY at LIMIT 1 BY retraining_id, event, key)
      WHERE retraining_id IN (SELECT retraining_id FROM retrainings WHERE ${where} AND event = 'asked'
        GROUP BY retraining_id ORDER BY min(at) DESC LIMIT ${RETRAININGS_MAX})`,
    row,
  );
  const byId = new Map<string, RetrainingEvent[]>();
  for (const event of events) byId.set(event.retraining_id, [...(byId.get(event.retraining_id) ?? []), event]);
  return [...byId.values()]
    .flatMap((list) => foldRetraining(list) ?? [])
    .sort((a, b) => b.asked_at - a.asked_at || (a.retraining_id < b.retraining_id ? -1 : 1));
}

/** One retraining, or null where there is none of that id. */
export async function readRetraining(lane: Lane, retrainingId: string): Promise<Retraining | null> {
  const [found] = await readRetrainings(lane, { retraining_id: retrainingId });
  return found ?? null;
}

/** A further event of a retraining. */
export function eventOf(
  of: Pick<Retraining, "retraining_id" | "model" | "action" | "incident_id" | "opened_at">,
  event: Pick<RetrainingEvent, "event" | "at"> & Partial<Pick<RetrainingEvent, "key" | "detail">>,
): RetrainingEvent {
  const { retraining_id, model, action, incident_id, opened_at } = of;
  return { retraining_id, model, action, incident_id, opened_at, key: "", detail: {}, ...event };
}
