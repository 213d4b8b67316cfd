/** The configurations that have been in force: which of them gave values that agree. */
import { z } from "zod";
import { valuesHash } from "../config/monitor-hash.ts";
import type { ModelConfig } from "../config/schema.ts";
import { sql } from "../store/sql.ts";
import type { Lane } from "../store/store.ts";
import { ofVersions, type VersionScope } from "./version-scope.ts";

interface Monitor {
  readonly config: ModelConfig;
  readonly referenceId: string;
  readonly monitorHash: string;
}

/** Writes a configuration down the first time that it is in force. */
export async function recordMonitor(
  lane: Lane,
  { config, referenceId, monitorHash }: Monitor,
  now: number,
): Promise<void> {
  const [known] = await lane.query(
    sql`SELECT count() AS rows FROM monitors WHERE model = ${config.name} AND monitor_hash = ${monitorHash}`,
    z.object({ rows: z.number() }),
  );
  if (known !== undefined && known.rows > 0) return;
  await lane.insertRows("monitors", [
    {
      model: config.name,
      monitor_hash: monitorHash,
      values_hash: valuesHash(config, referenceId),
      reference_id: referenceId,
      first_at: now,
    },
  ]);
}

/** Whether the newest stored windows of a model hold the values that a configuration would give. */
export async function hasStoredValues(
  lane: Lane,
  { config, referenceId, versions }: Omit<Monitor, "monitorHash"> & { readonly versions: VersionScope },
): Promise<boolean> {
  const [newest] = await lane.query(
    sql`SELECT argMax(monitor_hash, computed_at) AS hash FROM metrics WHERE model = ${config.name} AND ${ofVersions(versions)}`,
    z.object({ hash: z.string() }),
  );
  // A version that has a reference and no events yet has no values that could differ.
  if (newest?.hash === "" && versions.only !== null) return true;
  const stored = await lane.query(
    sql`SELECT values_hash FROM monitors FINAL WHERE model = ${config.name} AND monitor_hash = ${newest?.hash ?? ""}`,
    z.object({ values_hash: z.string() }),
  );
  return stored[0]?.values_hash === valuesHash(config, referenceId);
}
