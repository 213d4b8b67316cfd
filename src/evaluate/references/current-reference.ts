/** The reference that is in force for some versions of a model: the one that is named, or the last one while that is refused. */
import { z } from "zod";
import type { ModelConfig } from "../../config/schema.ts";
import type { Clock } from "../../core/clock.ts";
import { DriftlineError } from "../../core/errors.ts";
import { predictionsTable } from "../../store/model-tables.ts";
import { name, sql } from "../../store/sql.ts";
import type { Lane } from "../../store/store.ts";
import { ofVersions, scopeText, type VersionScope } from "../version-scope.ts";
import { type LoadedReference, loadReference } from "./load-reference.ts";
import { hasReferenceRows, writeReferenceRows } from "./reference-rows.ts";
import { readReference, writeReference } from "./stored-reference.ts";

export interface ReferencePlace {
  readonly lane: Lane;
  /** Sees the disk that references lie on. */
  readonly readLane: Lane;
  readonly clock: Clock;
  readonly warnings: string[];
}

/**
 * Loads what `config.reference` names and stores it where it is new; null where it names nothing that can be read yet.
 *
 * @param versions those that it is for
 * @throws DriftlineError `reference_refused` where it is refused, these versions have events, and none is stored that was in force for them
 */
export async function currentReference(
  { lane, readLane, clock, warnings }: ReferencePlace,
  config: ModelConfig,
  versions: VersionScope,
  origin?: string,
): Promise<LoadedReference | null> {
  const { name: model, reference } = config;
  if (
    reference === undefined ||
    (versions.only !== null && reference.file === undefined && reference.feast === undefined)
  )
    return null;
  const isOnlyOne = versions.only === null && versions.except.length === 0;
  try {
    const read = await loadReference(readLane, config, async ({ referenceId }, readRows) => {
      if (await hasReferenceRows(lane, model, referenceId)) return;
      const sample = await readRows();
      if (sample !== null) await writeReferenceRows(lane, model, referenceId, sample);
    });
    const loaded = { ...read, origin: origin ?? read.origin };
    // Of one alone the newest in the store is the one in force; of several none is.
    const stored = await readReference(lane, model, isOnlyOne ? undefined : loaded.referenceId);
    if (stored?.referenceId !== loaded.referenceId) await writeReference(lane, loaded, clock.now());
    return loaded;
  } catch (thrown) {
    if (!(thrown instanceof DriftlineError) || thrown.code !== "reference_refused") throw thrown;
    const of = isOnlyOne ? `model ${model}` : `model ${model}, ${scopeText(versions)}`;
    const stored = isOnlyOne ? await readReference(lane, model) : await lastInForce(lane, model, versions);
    if (stored !== null) {
      warnings.push(`${of}: ${thrown.message}; the reference ${stored.referenceId} stays in force`);
      return stored;
    }
    if (versions.only === null || (await hasEvents(lane, model, versions)))
      throw new DriftlineError("reference_refused", `${of}: ${thrown.message}`, { cause: thrown });
    warnings.push(
      `${of}: ${thrown.message}; it has no events yet, and the reference is looked for again when they come`,
    );
    return null;
  }
}

/** What the newest numbers of these versions were compared with. */
async function lastInForce(lane: Lane, model: string, versions: VersionScope): Promise<LoadedReference | null> {
  const [last] = await lane.query(
    sql`SELECT argMax(reference_id, (window_start, computed_at)) AS id FROM metrics WHERE model = ${model} AND reference_id != '' AND ${ofVersions(versions)}`,
    z.object({ id: z.string() }),
  );
  return last === undefined || last.id === "" ? null : await readReference(lane, model, last.id);
}

async function hasEvents(lane: Lane, model: string, versions: VersionScope): Promise<boolean> {
  const table = predictionsTable(model);
  const there = await lane.query(
    sql`SELECT name FROM system.tables WHERE database = currentDatabase() AND name = ${table}`,
    z.object({ name: z.string() }),
  );
  if (there.length === 0) return false;
  const found = await lane.query(
    sql`SELECT 1 AS one FROM ${name(table)} WHERE ${ofVersions(versions)} LIMIT 1`,
    z.object({ one: z.number() }),
  );
  return found.length > 0;
}
