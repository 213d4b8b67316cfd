/** What the store holds in a few figures: for the terminal during a replay. */
import { z } from "zod";
import type { ModelConfig } from "../config/schema.ts";
import type { Incident } from "../core/incident.ts";
import { predictionsTable } from "../store/model-tables.ts";
import { list, name, sql } from "../store/sql.ts";
import type { Lane } from "../store/store.ts";
import type { StoreSummary } from "./replay.ts";

const count = z.object({ n: z.number() });
const KPIS_SHOWN = ["accuracy", "f1", "roc_auc", "mae", "rmse", "r2"];

export async function storeSummary(
  lane: Lane,
  models: readonly ModelConfig[],
  incidents: readonly Incident[],
): Promise<StoreSummary> {
  const names = models.map((model) => model.name);
  let predictions = 0;
  for (const model of models)
    predictions +=
      (await lane.query(sql`SELECT count() AS n FROM ${name(predictionsTable(model.name))} FINAL`, count))[0]?.n ?? 0;
  const labels = await lane.query(
    sql`SELECT (SELECT uniqExact(model, id, version) FROM labels WHERE model IN ${list(names)})
      + (SELECT uniqExact(model, entity, version, timestamp) FROM entity_labels WHERE model IN ${list(names)}) AS n`,
    count,
  );
  const dead = await lane.query(sql`SELECT count() AS n FROM dead_letters FINAL`, count);
  const windows = await lane.query(
    sql`SELECT uniqExact(model, version, variant, window, window_start) AS n FROM metrics FINAL WHERE model IN ${list(names)}`,
    count,
  );
  const kpis = await lane.query(
    sql`SELECT model, metric, argMax(value, window_end) AS value FROM metrics FINAL
        WHERE model IN ${list(names)} AND subject_kind = 'kpi' AND segment = '' AND status = 'ok' AND metric IN ${list(KPIS_SHOWN)} GROUP BY model, metric ORDER BY model, metric`,
    z.object({ model: z.string(), metric: z.string(), value: z.number().nullable() }),
  );
  const drifted = await lane.query(
    sql`SELECT DISTINCT subject FROM metrics FINAL
        WHERE subject_kind = 'feature' AND breached AND (model, window, window_start) IN
          (SELECT model, window, max(window_start) FROM metrics FINAL WHERE model IN ${list(names)} AND subject_kind = 'feature' AND status = 'ok' GROUP BY model, window)
        ORDER BY subject LIMIT 50`,
    z.object({ subject: z.string() }),
  );
  return {
    predictions,
    labels: labels[0]?.n ?? 0,
    deadLetters: dead[0]?.n ?? 0,
    windows: windows[0]?.n ?? 0,
    kpis,
    drifted: drifted.map((row) => row.subject),
    incidents,
  };
}
