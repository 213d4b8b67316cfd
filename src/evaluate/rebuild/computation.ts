/**
 * A model's windows computed again from what is stored, in a workspace of their own: as a store would have them that has known these events
 * and this configuration alone. Nothing is written to the live tables, and the service goes on meanwhile. It goes slice by slice of
 * event time, so that it can break off.
 */
import { z } from "zod";
import type { Clock } from "../../core/clock.ts";
import type { Rebuild } from "../../core/rebuild.ts";
import { predictionsTable } from "../../store/model-tables.ts";
import { list, name, sql } from "../../store/sql.ts";
import type { Lane, Store } from "../../store/store.ts";
import { eventTables, openWorkspace, referenceTables, type Workspace } from "../../store/workspace.ts";
import { type ModelEvaluation, openModelEvaluation } from "../model-evaluation.ts";
import { paneName, paneStart } from "../panes.ts";
import type { PreparedModel } from "../prepare-model.ts";
import { createStoreNews } from "../store-news.ts";

/** Rows of one slice, about. */
const ROWS_AT_ONCE = 2_000_000;

export interface ComputationOptions {
  readonly store: Store;
  readonly clock: Clock;
  readonly rebuild: Rebuild;
  /** Else it is a rehearsal, beside which others may run. */
  readonly isAsked: boolean;
  /** Gives the model as it is to be evaluated, from a lane of the workspace. */
  readonly prepare: (lane: Lane) => Promise<PreparedModel>;
  readonly signal?: AbortSignal;
  readonly rowsAtOnce?: number;
}

export interface Computation {
  readonly prepared: PreparedModel;
  readonly database: string;
  readonly lane: Lane;
  /** Computes the windows that the live tables have, as of now. @throws where the signal breaks it off */
  catchUp(): Promise<void>;
  remove(): Promise<void>;
}

/** @throws DriftlineError where the model's reference can't be read */
export async function openComputation(options: ComputationOptions): Promise<Computation> {
  const { store, clock, rebuild, isAsked } = options;
  const shared = eventTables([rebuild.model]);
  const workspace = isAsked
    ? await openWorkspace(store, "rebuild", shared, rebuild.asked_at, String(rebuild.epoch))
    : await openWorkspace(store, "rehearsal", shared, clock.now());
  try {
    // How far labels were joined comes before the joined ones: then none is missed.
    for (const table of [...referenceTables, "evaluated", "outcomes", "entity_outcomes"])
      await workspace.copy(table, sql`model = ${rebuild.model}`);
    const lane = workspace.store.lane("evaluate");
    const prepared = inWorkspace(await options.prepare(lane), lane);
    // It may have got another reference since, whose directions statements look up.
    await workspace.copy("vector_projections", sql`model = ${rebuild.model}`);
    return await computationIn(workspace, prepared, options);
  } catch (thrown) {
    await workspace.remove();
    throw thrown;
  }
}

/** The model as it is evaluated there: what is remembered of the live tables is none of its, and it writes nothing to them. */
function inWorkspace(prepared: PreparedModel, lane: Lane): PreparedModel {
  const memory: PreparedModel["dedupe"]["memory"] = new Map();
  const own = (part: PreparedModel): PreparedModel => ({
    ...part,
    dedupe: { ...part.dedupe, memory },
    trailing: part.trailing?.of(lane) ?? null,
  });
  return { ...own(prepared), others: prepared.others.map(own) };
}

async function computationIn(
  workspace: Workspace,
  prepared: PreparedModel,
  { store, clock, signal, rowsAtOnce = ROWS_AT_ONCE }: ComputationOptions,
): Promise<Computation> {
  const live = store.lane("control");
  const lane = workspace.store.lane("evaluate");
  const panes = await storedPanes(lane, prepared);
  const slices = endsOfSlices(panes, prepared.config.pane, rowsAtOnce);
  const evaluation: ModelEvaluation = await openModelEvaluation(lane, prepared, clock, createStoreNews(lane), {
    panes,
  });
  return {
    prepared,
    database: workspace.database,
    lane,
    async catchUp() {
      const reach = await reachOf(live, prepared);
      for (let [end] = slices; end !== undefined && end < reach; [end] = slices) {
        signal?.throwIfAborted();
        await evaluation.runThrough(end);
        slices.shift();
      }
      signal?.throwIfAborted();
      await evaluation.runThrough(reach);
      // What only the end of a replay closes.
      if (await isShort(live, lane, prepared)) await evaluation.run(true);
    },
    remove: () => workspace.remove(),
  };
}

/** Panes that hold predictions, with their rows, in the order of time. */
async function storedPanes(lane: Lane, { config }: PreparedModel): Promise<ReadonlyMap<number, number>> {
  const rows = await lane.query(
    sql`SELECT ${paneStart(config.pane)} AS start, count() AS n FROM ${name(predictionsTable(config.name))} GROUP BY start ORDER BY start`,
    z.object({ start: z.number(), n: z.number() }),
  );
  return new Map(rows.map(({ start, n }) => [start, n]));
}

function endsOfSlices(panes: ReadonlyMap<number, number>, pane: number, rowsAtOnce: number): number[] {
  const ends: number[] = [];
  let rows = 0;
  for (const [start, n] of panes) {
    rows += n;
    if (rows < rowsAtOnce) continue;
    ends.push(start + pane);
    rows = 0;
  }
  return ends;
}

/** Up to which event time the live tables are known to be computed, ms; -Infinity where nothing is. */
async function reachOf(live: Lane, prepared: PreparedModel): Promise<number> {
  const { name: model, windows, pane } = prepared.config;
  const byTime = windows.filter(({ kind }) => kind === "time").map((window) => window.name);
  const [found] = await live.query(
    sql`SELECT (SELECT toUnixTimestamp64Milli(max(window_end)) FROM metrics WHERE model = ${model} AND window IN ${list(byTime)}) AS windows,
      (SELECT toUnixTimestamp64Milli(max(pane_start)) FROM panes WHERE model = ${model} AND pane = ${paneName(prepared)}) AS panes`,
    z.object({ windows: z.number(), panes: z.number() }),
  );
  if (found === undefined || (found.windows === 0 && found.panes === 0)) return Number.NEGATIVE_INFINITY;
  return Math.max(found.windows, found.panes === 0 ? 0 : found.panes + pane);
}

/** Whether the live tables have a later window of some series. */
async function isShort(live: Lane, lane: Lane, { config }: PreparedModel): Promise<boolean> {
  const last = (from: Lane) =>
    from.query(
      sql`SELECT toString(tuple(window, version, variant)) AS series, toUnixTimestamp64Milli(max(window_start)) AS start
        FROM metrics WHERE model = ${config.name} AND window IN ${list(config.windows.map((window) => window.name))} GROUP BY series`,
      z.object({ series: z.string(), start: z.number() }),
    );
  const here = new Map((await last(lane)).map(({ series, start }) => [series, start]));
  return (await last(live)).some(({ series, start }) => start > (here.get(series) ?? Number.NEGATIVE_INFINITY));
}
