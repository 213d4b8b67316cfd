/** How the service and its store are, in one answer: for `driftline status` and `GET /v1/status`. */
import { z } from "zod";
import type { ModelConfig } from "../config/schema.ts";
import type { Clock } from "../core/clock.ts";
import { partitionKey } from "../evaluate/commit-records.ts";
import { readFeedingPartitions, readPartitionTimes, watermarkOf } from "../evaluate/watermark.ts";
import { storedPositions } from "../ingest/positions.ts";
import type { SourceStatus } from "../ingest/source.ts";
import type { AskStatus } from "../serve/context.ts";
import { countByReason } from "../serve/queries/dead-letters.ts";
import { selectIncidents } from "../serve/queries/incidents.ts";
import { selectEvents, selectSeries } from "../serve/queries/models.ts";
import { sql } from "../store/sql.ts";
import type { Lane } from "../store/store.ts";

export const statusSchema = z.object({
  /** Of the process that was asked; of all processes together where the store lies on a server. */
  ready: z.boolean(),
  parts: z.array(z.object({ name: z.string(), ok: z.boolean(), reason: z.string() })),
  partitions: z.array(
    z.object({
      source: z.string(),
      partition: z.number(),
      /** First offset that is not stored. */
      position: z.number(),
      /** Records that wait at the broker; null where it was not asked. */
      lag: z.number().nullable(),
      newest_event: z.string().nullable(),
      stored_at: z.string().nullable(),
    }),
  ),
  models: z.array(
    z.object({
      model: z.string(),
      predictions: z.number(),
      labels: z.number(),
      newest_event: z.string().nullable(),
      /** Event time up to which windows are taken to be complete. */
      watermark: z.string().nullable(),
      /** End of the newest window with results, and when these were computed. */
      newest_window_end: z.string().nullable(),
      evaluated_at: z.string().nullable(),
      reference: z.string().nullable(),
      open_incidents: z.number(),
    }),
  ),
  deliveries: z.array(z.object({ state: z.string(), target: z.string(), count: z.number() })),
  dead_letters: z.array(z.object({ format: z.string(), reason: z.string(), count: z.number() })),
});
export type Status = z.output<typeof statusSchema>;

/** What only the running process knows. */
export interface LiveStatus {
  readonly ready: boolean;
  readonly parts: Status["parts"];
  readonly sources: readonly SourceStatus[];
}

const iso = (ms: number | null | undefined): string | null =>
  ms === null || ms === undefined || !Number.isFinite(ms) || ms <= 0 ? null : new Date(ms).toISOString();

export async function loadStatus(
  lane: Lane,
  models: readonly ModelConfig[],
  now: number,
  live: LiveStatus,
): Promise<Status> {
  const times = await readPartitionTimes(lane);
  const lags = new Map(
    live.sources.flatMap(({ partitions }) => partitions.map((one) => [partitionKey(one), one.lag] as const)),
  );
  const timeOf = new Map(times.map((one) => [partitionKey(one), one]));
  const positions = await storedPositions(lane, "");
  return {
    ready: live.ready,
    parts: [...live.parts],
    partitions: positions.map(({ source, partition, nextOffset }) => {
      const key = partitionKey({ source, partition });
      return {
        source,
        partition,
        position: nextOffset,
        lag: lags.get(key) ?? null,
        newest_event: iso(timeOf.get(key)?.maxTimestamp),
        stored_at: iso(timeOf.get(key)?.seenAt),
      };
    }),
    models: await modelStatuses(lane, models, now, times),
    deliveries: await waitingDeliveries(lane),
    dead_letters: (await countByReason(lane, 0)).map(({ format, reason, total }) => ({ format, reason, count: total })),
  };
}

/** The status as the running process answers it. */
export const askStatus =
  (lane: Lane, models: readonly ModelConfig[], clock: Clock, sources: () => readonly SourceStatus[]): AskStatus =>
  ({ ready, parts }) =>
    loadStatus(lane, models, clock.now(), { ready, parts: [...parts], sources: sources() });

async function modelStatuses(
  lane: Lane,
  models: readonly ModelConfig[],
  now: number,
  times: Awaited<ReturnType<typeof readPartitionTimes>>,
): Promise<Status["models"]> {
  const series = await selectSeries(lane);
  const events = await selectEvents(lane);
  const incidents = await selectIncidents(lane, { state: "open", limit: 10_000 });
  const evaluated = await lane.query(
    sql`SELECT model, toUnixTimestamp64Milli(max(computed_at)) AS at FROM metrics GROUP BY model`,
    z.object({ model: z.string(), at: z.number() }),
  );
  const statuses: Status["models"] = [];
  for (const { name, reference, allowed_lateness } of models) {
    const counted = events.find((row) => row.model === name);
    const [newest] = series.filter((row) => row.model === name);
    const feeding = await readFeedingPartitions(lane, name);
    statuses.push({
      model: name,
      predictions: counted?.predictions ?? 0,
      labels: counted?.labels ?? 0,
      newest_event: iso(counted?.newest_ms),
      watermark: iso(watermarkOf(times, feeding, allowed_lateness, now)),
      newest_window_end: iso(newest?.last_ms),
      evaluated_at: iso(evaluated.find((row) => row.model === name)?.at),
      reference: newest?.reference_id || (reference?.file ?? null),
      open_incidents: incidents.filter((incident) => (incident.models ?? [incident.model]).includes(name)).length,
    });
  }
  return statuses;
}

function waitingDeliveries(lane: Lane): Promise<Status["deliveries"]> {
  return lane.query(
    sql`SELECT toString(state) AS state, target, count() AS count FROM deliveries FINAL WHERE state IN ('due', 'failed', 'dead')
      GROUP BY state, target ORDER BY state, target`,
    z.object({ state: z.string(), target: z.string(), count: z.number() }),
  );
}

/** What a person reads on a terminal. */
export function statusText(status: Status): string {
  const { ready, parts, partitions, models, deliveries, dead_letters: dead } = status;
  const verdict = ready ? "ready" : "NOT READY";
  const bad = parts.filter(({ ok }) => !ok).map(({ name, reason }) => `  ${name}: ${reason}`);
  const total = dead.reduce((sum, { count }) => sum + count, 0);
  return [
    verdict,
    ...bad,
    "",
    ...models.flatMap(modelLines),
    "",
    ...(partitions.length === 0 ? ["nothing has been stored yet"] : ["sources"]),
    ...partitions.map(
      ({ source, partition, position, lag, newest_event }) =>
        `  ${source}, partition ${partition}: stored up to ${position}${lag === null ? "" : `, ${lag} wait`}${newest_event === null ? "" : `, newest event ${newest_event}`}`,
    ),
    "",
    deliveries.length === 0 ? "no delivery waits" : "deliveries",
    ...deliveries.map(
      ({ state, target, count }) => `  ${target}: ${count} ${state === "failed" ? "to be tried again" : state}`,
    ),
    total === 0 ? "no dead letters" : `dead letters: ${total} (driftline dead-letters list)`,
    ...dead.map(({ format, reason, count }) => `  ${count} × ${reason}${format === "" ? "" : ` (${format})`}`),
    "",
  ].join("\n");
}

const modelLines = (model: Status["models"][number]): string[] => [
  `model ${model.model}: ${model.predictions} predictions, ${model.labels} labels; ${model.open_incidents} open incidents`,
  `  newest event ${model.newest_event ?? "none"}, complete up to ${model.watermark ?? "nothing yet"}`,
  `  newest window ended ${model.newest_window_end ?? "not yet"}${model.evaluated_at === null ? "" : `, evaluated ${model.evaluated_at}`}`,
  `  reference ${model.reference ?? "none: only KPIs and the volume are computed"}`,
];
