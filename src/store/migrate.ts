/** Numbered migrations: each runs once per store, in order; a statement is written so that running it twice does no harm. */
import { z } from "zod";
import { initial } from "./migrations/0001-initial.ts";
import { alerting } from "./migrations/0002-alerting.ts";
import { pageTier } from "./migrations/0003-page-tier.ts";
import { referenceSamples } from "./migrations/0004-reference-samples.ts";
import { rootCause } from "./migrations/0005-root-cause.ts";
import { seasons } from "./migrations/0006-seasons.ts";
import { kpiSteps } from "./migrations/0007-kpi-steps.ts";
import { onsetsAndSegments } from "./migrations/0008-onsets-and-segments.ts";
import { onlineDetectors } from "./migrations/0009-online-detectors.ts";
import { deliveryThreads } from "./migrations/0010-delivery-threads.ts";
import { retrainings } from "./migrations/0011-retrainings.ts";
import { people } from "./migrations/0012-people.ts";
import { monitors } from "./migrations/0013-monitors.ts";
import { audit } from "./migrations/0014-audit.ts";
import { digestsAndInForce } from "./migrations/0015-digests-and-in-force.ts";
import { modelStates } from "./migrations/0016-model-states.ts";
import { acceptedBaselines } from "./migrations/0017-accepted-baselines.ts";
import { halves } from "./migrations/0018-halves.ts";
import { redrivenLetters } from "./migrations/0021-redriven-letters.ts";
import { references } from "./migrations/0022-references.ts";
import { entityLabels } from "./migrations/0023-entity-labels.ts";
import { vectors } from "./migrations/0024-vectors.ts";
import { epochs } from "./migrations/0025-epochs.ts";
import { modelVersions } from "./migrations/0026-model-versions.ts";
import { processes } from "./migrations/0027-processes.ts";
import { sql, written } from "./sql.ts";
import type { Lane } from "./store.ts";

export interface Migration {
  readonly number: number;
  readonly title: string;
  /** Each idempotent (`IF NOT EXISTS`), since a crash can fall between two. */
  readonly statements: readonly string[];
}

export const migrations: readonly Migration[] = [
  initial,
  alerting,
  pageTier,
  referenceSamples,
  rootCause,
  seasons,
  onsetsAndSegments,
  onlineDetectors,
  kpiSteps,
  retrainings,
  people,
  monitors,
  audit,
  digestsAndInForce,
  deliveryThreads,
  modelStates,
  acceptedBaselines,
  halves,
  redrivenLetters,
  entityLabels,
  references,
  processes,
  modelVersions,
  vectors,
  epochs,
];

/** Runs what has not run yet; returns the numbers that ran. */
export async function migrate(lane: Lane): Promise<number[]> {
  await lane.command(
    sql`CREATE TABLE IF NOT EXISTS migrations (number UInt32, title String, applied_at DateTime64(3, 'UTC') DEFAULT now64(3)) ENGINE = ReplacingMergeTree ORDER BY number`,
  );
  const applied = new Set(
    (await lane.query(sql`SELECT number FROM migrations FINAL`, z.object({ number: z.number() }))).map(
      (row) => row.number,
    ),
  );
  const ran: number[] = [];
  for (const migration of migrations) {
    if (applied.has(migration.number)) continue;
    for (const statement of migration.statements) await lane.command(written(statement));
    await lane.insertRows("migrations", [{ number: migration.number, title: migration.title }]);
    ran.push(migration.number);
  }
  return ran;
}
