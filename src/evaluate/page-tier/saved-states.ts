/** The states of the page and the notice tier in the store, each under the id of its plan: saved now and then, so that a restart replays few steps. */
import { z } from "zod";
import { rowOfState, stateOfRow } from "../../sequential/tilt-state-row.ts";
import { sql, time } from "../../store/sql.ts";
import type { Lane } from "../../store/store.ts";
import { ofVersions } from "../version-scope.ts";
import { type Series, seriesKey } from "../window-series.ts";
import type { ModelVersions } from "./carried-over.ts";
import { changedSchema } from "./changed-subjects.ts";
import { newUnit, type UnitState } from "./drift-tracker.ts";
import { noRebasing, type Rebasing } from "./rebased-streams.ts";
import type { TierPlan, WatchedStream } from "./tier-plan.ts";

/** By series key. */
export type Units = Map<string, Series & { readonly unit: UnitState }>;

const streamKey = ({ subject, stream }: Pick<WatchedStream, "subject" | "stream">): string => `${subject} ${stream}`;
/** The row of a unit itself: [end of its latest step, or -1], and what has changed and begun anew. */
const UNIT = "";

const row = z.object({
  version: z.string(),
  variant: z.string(),
  stream: z.string(),
  state: z.array(z.number()),
  changed: z.string(),
});
const changedOfUnit = z.array(z.tuple([z.string(), changedSchema]));
/** Rows of older versions hold the list of what has changed alone. */
const subjectsOfUnit = z.union([
  changedOfUnit.transform((changed) => ({ changed, restarted: [], phases: [] })),
  z.object({
    changed: changedOfUnit,
    restarted: z.array(z.tuple([z.string(), z.number()])),
    phases: z.array(z.tuple([z.string(), z.string()])).default([]),
  }),
]);

export async function saveUnits(
  lane: Lane,
  model: string,
  plan: TierPlan,
  units: Units,
  through: number,
  now: number,
): Promise<void> {
  const rows = [...units.values()].flatMap(({ version, variant, unit }) => [
    { version, variant, stream: UNIT, state: [unit.through ?? -1], changed: subjectsText(unit) },
    ...plan.streams.flatMap((stream, index) => {
      const state = unit.states[index];
      return state === undefined
        ? []
        : [{ version, variant, stream: streamKey(stream), state: rowOfState(state), changed: "" }];
    }),
  ]);
  if (rows.length === 0) return;
  const text = (name: "version" | "variant") =>
    ({ name, type: "LowCardinality(String)", values: rows.map((one) => one[name]) }) as const;
  // One block, so that a state is there whole or not at all.
  await lane.insertBlock("page_tier_states", [
    { name: "model", type: "LowCardinality(String)", values: rows.map(() => model) },
    { name: "plan_id", type: "LowCardinality(String)", values: rows.map(() => plan.planId) },
    text("version"),
    text("variant"),
    { name: "stream", type: "String", values: rows.map((one) => one.stream) },
    { name: "through", type: "DateTime64(3, 'UTC')", values: rows.map(() => through) },
    { name: "state", type: "Array(Float64)", values: rows.map((one) => one.state) },
    { name: "changed", type: "String", values: rows.map((one) => one.changed) },
    { name: "saved_at", type: "DateTime64(3, 'UTC')", values: rows.map(() => now) },
  ]);
}

/** Units as they were saved last, and through which step's end; -Infinity where nothing was. */
export async function readUnits(
  lane: Lane,
  { config, versions }: ModelVersions,
  plan: TierPlan,
  rebasing: Rebasing = noRebasing,
): Promise<{ readonly units: Units; readonly through: number }> {
  const where = sql`model = ${config.name} AND plan_id = ${plan.planId}`;
  const [found] = await lane.query(
    sql`SELECT count() AS rows, toUnixTimestamp64Milli(max(through)) AS latest FROM page_tier_states WHERE ${where}`,
    z.object({ rows: z.number(), latest: z.number() }),
  );
  const units: Units = new Map();
  if (found === undefined || found.rows === 0) return { units, through: Number.NEGATIVE_INFINITY };
  const rows = await lane.query(
    sql`SELECT version, variant, stream, state, changed FROM page_tier_states FINAL WHERE ${where} AND through = ${time(found.latest)} AND ${ofVersions(versions)}`,
    row,
  );
  for (const { version, variant, state, changed } of rows.filter(({ stream }) => stream === UNIT)) {
    const unit = newUnit(plan);
    units.set(seriesKey({ version, variant }), { version, variant, unit });
    const [through = -1] = state;
    unit.through = through < 0 ? null : through;
    const subjects = subjectsOfUnit.parse(JSON.parse(changed));
    for (const [subject, one] of subjects.changed) unit.changed.set(subject, one);
    for (const [subject, at] of subjects.restarted) unit.restarted.set(subject, at);
    for (const [subject, phase] of subjects.phases) unit.phases.set(subject, phase);
  }
  const places = new Map(plan.streams.map((stream, index) => [streamKey(stream), index]));
  for (const { version, variant, stream, state } of rows) {
    const unit = units.get(seriesKey({ version, variant }))?.unit;
    const place = places.get(stream);
    const planned = place === undefined ? undefined : plan.streams[place];
    if (unit === undefined || place === undefined || planned === undefined) continue;
    const phase = unit.phases.get(planned.subject);
    const instead = phase === undefined ? null : rebasing.ofPhase({ version, variant }, phase)?.streamOf(planned);
    unit.states[place] = stateOfRow((instead ?? planned).plan, state);
  }
  return { units, through: found.latest };
}

const subjectsText = ({ changed, restarted, phases }: UnitState): string =>
  JSON.stringify({
    changed: [...changed],
    restarted: [...restarted],
    ...(phases.size === 0 ? {} : { phases: [...phases] }),
  });
