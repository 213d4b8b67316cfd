/**
 * A new reference (or another length of panes, or for windows of days another time zone) begins an epoch. What is stored is summarised anew over the new bins, so that windows
 * that were not closed have all their panes; windows that were closed keep the numbers of their own epoch, but for those that late
 * events still change.
 */
import { z } from "zod";
import type { WindowSpec } from "../config/duration.ts";
import type { ModelConfig } from "../config/schema.ts";
import { isLocal } from "../core/window-grid.ts";
import { predictionsTable } from "../store/model-tables.ts";
import { name, sql } from "../store/sql.ts";
import type { Lane } from "../store/store.ts";
import { paneName, paneStart, summarisePanes, writeLedger } from "./panes.ts";
import type { PreparedModel } from "./prepare-model.ts";
import { sealStored } from "./steps.ts";
import { added, everyVersion, ofVersions, type VersionScope } from "./version-scope.ts";

/** The ledger's rows that say where an epoch begins: for the panes, and for each window. */
const epochName = (of: string): string => `epoch ${of}`;

const IN_ZONE = " in ";

/** What tells the ledger's rows of a window by the clocks of a time zone from those of the same length elsewhere; '' in UTC and for shorter ones. */
export const zoneOf = ({ timezone }: Pick<ModelConfig, "timezone">, window: WindowSpec): string =>
  window.kind === "time" && isLocal(window.ms, timezone) ? `${IN_ZONE}${timezone}` : "";

/** By window name: windows that end at or before this belong to an earlier epoch; -Infinity where there was none. */
export type EpochStarts = ReadonlyMap<string, number>;

export async function openEpoch(lane: Lane, prepared: PreparedModel, now: number): Promise<EpochStarts> {
  const keyOf = (window: WindowSpec) => epochName(`${paneName(prepared)} ${window.name}`);
  const names = new Map(
    prepared.config.windows.map((window) => [`${keyOf(window)}${zoneOf(prepared.config, window)}`, window]),
  );
  const stored = await lane.query(
    sql`SELECT pane, toUnixTimestamp64Milli(pane_start) AS start, revision FROM panes FINAL
      WHERE model = ${prepared.config.name} AND reference_id = ${prepared.referenceId} AND startsWith(pane, 'epoch ') ORDER BY revision, start`,
    z.object({ pane: z.string(), start: z.number(), revision: z.number() }),
  );
  /** The epoch in force of a window, in whichever time zone. */
  const latest = (window: WindowSpec) =>
    stored.findLast(({ pane }) => pane === keyOf(window) || pane.startsWith(`${keyOf(window)}${IN_ZONE}`));
  const starts = new Map<string, number>();
  for (const [key, window] of names) {
    const found = latest(window);
    if (found?.pane === key) starts.set(key, found.start);
  }
  const lacking = [...names].filter(([key]) => !starts.has(key));
  if (lacking.length > 0) {
    const ends = await computedEnds(lane, prepared);
    if (stored.length === 0 && ends.size > 0) await summariseStored(lane, prepared, prepared.versions);
    // Last, so that a crash before it begins the epoch again.
    const entries = lacking.map(([pane, window]) => {
      const before = latest(window);
      return {
        pane,
        // In another time zone than until now its days begin at other times: they go on from where those before ended.
        start: stored.length === 0 || before !== undefined ? (ends.get(window.name) ?? 0) : 0,
        n: 0,
        digest: 0n,
        revision: (before?.revision ?? 0) + 1,
      };
    });
    await writeLedger(lane, prepared, entries);
    for (const { pane, start } of entries) starts.set(pane, start);
  }
  await openVersions(lane, prepared, stored.length === 0, now);
  const startOf = (window: WindowSpec) => starts.get(`${keyOf(window)}${zoneOf(prepared.config, window)}`) ?? 0;
  return new Map(
    prepared.config.windows.map((window) => [
      window.name,
      startOf(window) === 0 ? Number.NEGATIVE_INFINITY : startOf(window),
    ]),
  );
}

/** End of the latest window of each name that has rows. */
async function computedEnds(lane: Lane, { config }: PreparedModel): Promise<Map<string, number>> {
  const rows = await lane.query(
    sql`SELECT window, toUnixTimestamp64Milli(max(window_end)) AS latest FROM metrics WHERE model = ${config.name} GROUP BY window`,
    z.object({ window: z.string(), latest: z.number() }),
  );
  return new Map(rows.map((row) => [row.window, row.latest]));
}

/** The ledger's rows that say which versions a reference was for, the newest last. */
const VERSIONS = "versions ";
const scopeSchema = z.object({ only: z.array(z.string()).nullable(), except: z.array(z.string()) });

/**
 * A reference that has come to be for more versions: what is stored of these is summarised as the rest was, and sealed where the rest is, so
 * that it does not pass for late.
 */
async function openVersions(lane: Lane, prepared: PreparedModel, isNew: boolean, now: number): Promise<void> {
  const { only, except } = prepared.versions;
  const [known] = await lane.query(
    sql`SELECT pane, revision FROM panes FINAL WHERE model = ${prepared.config.name} AND reference_id = ${prepared.referenceId} AND startsWith(pane, ${VERSIONS})
      ORDER BY revision DESC LIMIT 1`,
    z.object({ pane: z.string(), revision: z.number() }),
  );
  const before: VersionScope =
    known === undefined ? everyVersion : scopeSchema.parse(JSON.parse(known.pane.slice(VERSIONS.length)));
  const text = JSON.stringify({ only, except });
  if (text === JSON.stringify({ only: before.only, except: before.except })) return;
  const more = added(prepared.versions, before);
  if (!isNew && (more === null || more.length > 0)) {
    const fresh =
      more === null ? { only: null, except: [...except, ...(before.only ?? [])] } : { only: more, except: [] };
    const panes = await summariseStored(lane, prepared, fresh);
    await sealStored(lane, prepared, fresh, panes, now);
  }
  const entry = { pane: `${VERSIONS}${text}`, start: 0, n: 0, digest: 0n, revision: (known?.revision ?? 0) + 1 };
  await writeLedger(lane, prepared, [entry]);
}

/** Panes of all that is stored of these versions. Those that are still open are summarised again when they close. */
async function summariseStored(lane: Lane, prepared: PreparedModel, versions: VersionScope): Promise<number[]> {
  const panes = await lane.query(
    sql`SELECT ${paneStart(prepared.config.pane)} AS pane, count() AS rows FROM ${name(predictionsTable(prepared.config.name))} WHERE ${ofVersions(versions)} GROUP BY pane ORDER BY pane`,
    z.object({ pane: z.number(), rows: z.number() }),
  );
  const sizes = new Map(panes.map((row) => [row.pane, row.rows]));
  await summarisePanes(lane, prepared, [...sizes.keys()], (pane) => sizes.get(pane) ?? 0);
  return [...sizes.keys()];
}
