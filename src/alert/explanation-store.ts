/** What the store holds of what accounts for drift: rates of missing and invalid values, volumes, and the first events of versions. */
import { z } from "zod";
import { evidenceMetrics } from "../core/evidence.ts";
import type { Explanation } from "../core/incident.ts";
import { sql, time } from "../store/sql.ts";
import type { Lane } from "../store/store.ts";
import { LEAST_RATE, rateText } from "./explanations.ts";
import { plainNumber, plainTime } from "./incident-text.ts";

const rateRow = z.object({
  metric: z.string(),
  subject: z.string(),
  version: z.string(),
  variant: z.string(),
  rate: z.number(),
  since: z.number(),
  until: z.number(),
});

/** ms: 0 for windows by number of events, which begin with an event. */
export interface ShortestWindow {
  readonly name: string;
  readonly ms: number;
}

/** Explanations of a model that were seen after a time; by whole windows. */
export async function readExplanations(
  lane: Lane,
  model: string,
  shortest: ShortestWindow,
  after: number,
): Promise<Explanation[]> {
  const rows = await lane.query(
    sql`SELECT metric, subject, version, variant, if(metric = 'volume', min(value), max(value)) AS rate,
        toUnixTimestamp64Milli(min(window_start)) AS since, toUnixTimestamp64Milli(max(window_end)) AS until
      FROM metrics FINAL
      WHERE model = ${model} AND metric IN ('missing-rate', 'invalid-rate', 'volume') AND subject_kind IN ('feature', 'model') AND segment = ''
        AND status = 'ok' AND breached AND window_end > ${time(after)} AND if(metric = 'volume', value < 1, value >= ${LEAST_RATE})
      GROUP BY metric, subject, version, variant ORDER BY metric, subject, version, variant`,
    rateRow,
  );
  return [...rows.map((row) => ofRate(model, row)), ...(await newVersions(lane, model, shortest))];
}

function ofRate(model: string, row: z.output<typeof rateRow>): Explanation {
  const { metric, subject, version, variant, rate, since, until } = row;
  const common = { model, version, variant, since, until };
  if (metric === "volume")
    return {
      ...common,
      kind: "volume",
      subject: "",
      text: `a fall of the volume to ${plainNumber(rate)} of the time before`,
    };
  const kind = metric === "missing-rate" ? "missing" : "invalid";
  return { ...common, kind, subject, text: rateText(subject, kind, rate) };
}

/** Versions that began after another one had; by the first of their shortest windows. */
async function newVersions(lane: Lane, model: string, shortest: ShortestWindow): Promise<Explanation[]> {
  const rows = await lane.query(
    sql`SELECT version, toUnixTimestamp64Milli(min(first)) AS first FROM (
        SELECT version, min(window_start) AS first FROM metrics WHERE model = ${model} AND window = ${shortest.name} GROUP BY version
        UNION ALL SELECT version, min(window_start) AS first FROM evidence WHERE model = ${model} AND metric = ${evidenceMetrics.model} GROUP BY version)
      GROUP BY version ORDER BY first, version LIMIT 1000`,
    z.object({ version: z.string(), first: z.number() }),
  );
  return rows.slice(1).map(({ version, first }) => ({
    kind: "version",
    model,
    subject: "",
    version,
    variant: "",
    since: first,
    until: first + shortest.ms,
    text: `the new version ${version} (since ${plainTime(first)})`,
  }));
}
