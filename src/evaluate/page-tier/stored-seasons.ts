/** Seasons of a reference in the store: measured once, so that a restart goes on with the same plan, also when the file is gone. */
import { z } from "zod";
import type { ModelConfig } from "../../config/schema.ts";
import type { Reference } from "../../core/summary.ts";
import { seasons } from "../../sequential/season-slots.ts";
import { sql } from "../../store/sql.ts";
import type { Lane } from "../../store/store.ts";
import { readReferenceHours } from "./reference-hours.ts";
import { type MeasuredSeason, measureSeasons, type Seasons } from "./reference-seasons.ts";
import type { PageTierPlan } from "./watched-streams.ts";

const row = z.object({
  stream: z.string(),
  season: z.enum([...seasons, ""]),
  slots: z.array(z.number()),
  weights: z.array(z.array(z.number())),
  effects: z.array(z.number()),
  notes: z.array(z.string()),
});

/** null where they have not been measured for this configuration. */
export async function readSeasons(lane: Lane, config: ModelConfig, referenceId: string): Promise<Seasons | null> {
  const rows = await lane.query(
    sql`SELECT stream, season, slots, weights, effects, notes FROM reference_seasons FINAL
      WHERE model = ${config.name} AND reference_id = ${referenceId} AND pane = ${config.pane}
        AND time_zone = ${config.season_timezone} AND asked = ${config.season} ORDER BY stream`,
    row,
  );
  if (!rows.some(({ stream }) => stream === "")) return null;
  const streams = rows.flatMap(({ stream, season, slots, weights, effects }): [string, MeasuredSeason][] =>
    season === "" ? [] : [[stream, { season, timeZone: config.season_timezone, slots, weights, effects }]],
  );
  return { streams: new Map(streams), notes: rows.flatMap(({ notes }) => notes) };
}

/** @param plan without seasons */
export async function measureAndStoreSeasons(
  lane: Lane,
  readLane: Lane,
  config: ModelConfig,
  { referenceId, subjects }: Reference,
  plan: PageTierPlan,
): Promise<Seasons> {
  const hours = config.season === "off" ? null : await readReferenceHours(readLane, config, subjects);
  const measured = measureSeasons(plan.notices?.streams ?? plan.streams, config, hours);
  await writeSeasons(lane, config, referenceId, measured);
  return measured;
}

async function writeSeasons(
  lane: Lane,
  config: ModelConfig,
  referenceId: string,
  { streams, notes }: Seasons,
): Promise<void> {
  const base = {
    model: config.name,
    reference_id: referenceId,
    pane: config.pane,
    time_zone: config.season_timezone,
    asked: config.season,
  };
  // The row without a stream comes last, and says that all others are there.
  await lane.insertRows("reference_seasons", [
    ...[...streams].map(([stream, { season, slots, weights, effects }]) => ({
      ...base,
      stream,
      season,
      slots,
      weights,
      effects,
      notes: [],
    })),
    { ...base, stream: "", season: "", slots: [], weights: [], effects: [], notes },
  ]);
}
