/**
 * A rebuild: computed in a workspace, then put in force between two runs of the evaluation, under the number of a new epoch. Asked for, it is
 * written down; broken off, it is begun again, and what it had put in force is not written twice; in force, it says so. Sequential tests look at data once, in order, so the page
 * tier goes on as it was; rows that a rebuild has written open no incident and close none.
 */
import { z } from "zod";
import type { Clock } from "../../core/clock.ts";
import { DriftlineError, messageOf } from "../../core/errors.ts";
import type { Rebuild } from "../../core/rebuild.ts";
import { predictionsTable } from "../../store/model-tables.ts";
import { readEpoch, readRebuilds, writeRebuild } from "../../store/rebuilds.ts";
import { sql } from "../../store/sql.ts";
import type { Lane, Store } from "../../store/store.ts";
import type { PreparedModel } from "../prepare-model.ts";
import { type Computation, openComputation } from "./computation.ts";
import { type Comparison, type Computed, compare, publish, publishTrailing, spanOf } from "./publish.ts";

export interface RebuildRequest {
  readonly model: string;
  /** Windows that begin at or after it, ms; null for all. */
  readonly from_at: number | null;
  /** Windows that end at or before it, ms; null for all. */
  readonly to_at: number | null;
  readonly owner: string;
  readonly reason: string;
}

export interface RebuildParts {
  readonly store: Store;
  readonly clock: Clock;
  /** Gives the model as it is to be evaluated; `lane`: of the workspace. */
  readonly prepare: (lane: Lane) => Promise<PreparedModel>;
  /** Does something while the model is not evaluated; `inForce`: the model as it is evaluated else, undefined where it is no more. */
  readonly between: <Result>(work: (inForce: PreparedModel | undefined) => Promise<Result>) => Promise<Result>;
  /** Breaks it off between two slices; called again, it begins again. */
  readonly signal?: AbortSignal;
  readonly rowsAtOnce?: number;
}

/** @throws DriftlineError `not_found` where nothing is stored of a model */
async function mustBeStored(lane: Lane, model: string): Promise<void> {
  const [found] = await lane.query(
    sql`SELECT count() AS tables FROM system.tables WHERE database = currentDatabase() AND name = ${predictionsTable(model)}`,
    z.object({ tables: z.number() }),
  );
  if ((found?.tables ?? 0) === 0)
    throw new DriftlineError("not_found", `the store holds nothing of model ${model.slice(0, 100)}`);
}

/**
 * Writes down that a rebuild is wanted.
 *
 * @throws DriftlineError `request_invalid` where one of the model is not done yet, `not_found` where nothing is stored of it
 */
export async function askRebuild(lane: Lane, request: RebuildRequest, now: number): Promise<Rebuild> {
  await mustBeStored(lane, request.model);
  const [newest] = await readRebuilds(lane, request.model);
  if (newest?.state === "asked")
    throw new DriftlineError(
      "request_invalid",
      `model ${request.model} is being computed again already, as ${newest.owner} asked at ${new Date(newest.asked_at).toISOString()}`,
    );
  const asked = plannedRebuild(
    request,
    (await readEpoch(lane, request.model)) + 1,
    Math.max(now, (newest?.asked_at ?? 0) + 1),
  );
  await writeRebuild(lane, asked);
  return asked;
}

const plannedRebuild = (request: RebuildRequest, epoch: number, now: number): Rebuild => ({
  ...request,
  epoch,
  asked_at: now,
  state: "asked",
  at: now,
  first_at: 0,
  last_at: 0,
  settled: 0,
  windows: 0,
  rows: 0,
  monitor_hash: "",
  reference_id: "",
  problem: "",
});

/** What a rebuild would change. Nothing of it is kept. @throws DriftlineError `not_found` where nothing is stored of the model */
export async function rehearseRebuild(
  parts: Omit<RebuildParts, "between">,
  request: RebuildRequest,
): Promise<Comparison> {
  const live = parts.store.lane("control");
  await mustBeStored(live, request.model);
  const now = parts.clock.now();
  const planned = plannedRebuild(request, (await readEpoch(live, request.model)) + 1, now);
  const computation = await openComputation({ ...parts, rebuild: planned, isAsked: false });
  try {
    await computation.catchUp();
    return await compare(live, computedBy(computation), await spanOf(live, planned));
  } finally {
    await computation.remove();
  }
}

export interface FinishedRebuild {
  readonly rebuild: Rebuild;
  readonly comparison: Comparison;
}

/**
 * Carries out what was asked for, also where it was broken off before.
 *
 * @throws what broke it off. Where it could not be computed it is written down as failed; where its rows could not all be written it stays
 *   asked for
 */
export async function carryOut(parts: RebuildParts, asked: Rebuild): Promise<FinishedRebuild> {
  while (true) {
    const computation = await computed(parts, asked);
    try {
      const finished = await parts.between(async (inForce) =>
        hashOf(inForce) === hashOf(computation.prepared) ? await putInForce(parts, asked, computation) : null,
      );
      if (finished !== null) return finished;
      // Another configuration is in force by now: what was computed is that of the one before.
    } finally {
      await computation.remove();
    }
  }
}

/** Of all that makes its numbers: its configuration, its references and which versions each is for. */
const hashOf = (model: PreparedModel | undefined): string =>
  model === undefined
    ? ""
    : JSON.stringify([model, ...model.others].map(({ monitorHash, versions }) => [monitorHash, versions]));

async function computed(parts: RebuildParts, asked: Rebuild): Promise<Computation> {
  try {
    parts.signal?.throwIfAborted();
    const computation = await openComputation({ ...parts, rebuild: asked, isAsked: true });
    try {
      await computation.catchUp();
      return computation;
    } catch (thrown) {
      await computation.remove();
      throw thrown;
    }
  } catch (thrown) {
    if (parts.signal?.aborted !== true) await fail(parts, asked, thrown);
    throw thrown;
  }
}

async function fail({ store, clock }: RebuildParts, asked: Rebuild, thrown: unknown): Promise<void> {
  const problem = messageOf(thrown).slice(0, 1000);
  await writeRebuild(store.lane("control"), { ...asked, state: "failed", at: clock.now(), problem });
}

async function putInForce(
  { store, clock }: RebuildParts,
  asked: Rebuild,
  computation: Computation,
): Promise<FinishedRebuild> {
  const live = store.lane("control");
  // What has come in meanwhile.
  await computation.catchUp();
  const computed = computedBy(computation);
  const span = await spanOf(live, asked);
  const comparison = await compare(live, computed, span);
  await publishTrailing(live, computed);
  const written = await publish(live, computed, span, asked.epoch, clock.now());
  const { config, monitorHash, referenceId } = computation.prepared;
  const rebuild: Rebuild = {
    ...asked,
    ...written,
    state: "done",
    at: clock.now(),
    settled: Math.max(0, written.last_at - config.label_horizon),
    monitor_hash: monitorHash,
    reference_id: referenceId,
  };
  await writeRebuild(live, rebuild);
  return { rebuild, comparison };
}

const computedBy = ({ prepared, database }: Computation): Computed => ({
  model: prepared.config.name,
  database,
  windows: prepared.config.windows.map((window) => window.name),
});
