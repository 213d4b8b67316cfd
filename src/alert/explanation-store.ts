/**
 * What the store holds of what accounts for drift: fields in another unit, of another type or stuck at a value, rates of missing and invalid values,
 * volumes, and the first events of versions.
 */
import { z } from "zod";
import { evidenceMetrics } from "../core/evidence.ts";
import type { Explanation } from "../core/incident.ts";
import { list, sql, time } from "../store/sql.ts";
import type { Lane } from "../store/store.ts";
import { LEAST_RATE, rateText } from "./explanations.ts";
import { plainName, plainNumber, plainTime } from "./incident-text.ts";

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
  return [
    ...(await changedFields(lane, model, after)),
    ...rows.map((row) => ofRate(model, row)),
    ...(await newVersions(lane, model, shortest)),
  ];
}

/** Detectors that say what has happened to a field. */
const fieldKinds = { "unit-change": "unit", "type-change": "type", "constant-value": "constant" } as const;
const fieldMetrics = ["unit-change", "type-change", "constant-value"] as const;

const fieldRow = z.object({
  metric: z.enum(fieldMetrics),
  subject: z.string(),
  version: z.string(),
  variant: z.string(),
  detail: z.string(),
  since: z.number(),
  until: z.number(),
  earliest: z.number(),
});

const fieldDetail = z.object({
  found: z.string().optional(),
  constant: z.union([z.string(), z.number()]).optional(),
});

/** A window that begins before the change shows nothing yet, so it may have begun one window earlier than the first that does. */
async function changedFields(lane: Lane, model: string, after: number): Promise<Explanation[]> {
  const rows = await lane.query(
    sql`SELECT metric, subject, version, variant, argMin(detail, (window_start, window_end)) AS detail,
        toUnixTimestamp64Milli(min(window_start)) AS since, toUnixTimestamp64Milli(max(window_end)) AS until,
        min(2 * toUnixTimestamp64Milli(window_start) - toUnixTimestamp64Milli(window_end)) AS earliest
      FROM metrics FINAL
      WHERE model = ${model} AND metric IN ${list(fieldMetrics)} AND subject_kind = 'feature' AND segment = ''
        AND status = 'ok' AND breached AND window_end > ${time(after)}
      GROUP BY metric, subject, version, variant ORDER BY metric, subject, version, variant`,
    fieldRow,
  );
  return rows.map(({ metric, detail, ...row }) => ({
    ...row,
    model,
    kind: fieldKinds[metric],
    text: fieldText(metric, row.subject, fieldDetail.parse(JSON.parse(detail))),
  }));
}

/** "another unit of amount (100 times the reference's, as cents for euros)". */
function fieldText(
  metric: (typeof fieldMetrics)[number],
  subject: string,
  { found = "", constant = "" }: z.output<typeof fieldDetail>,
): string {
  if (metric === "unit-change") return `another unit of ${subject} (${found})`;
  if (metric === "type-change") return `another type of ${subject} (${found})`;
  return `one value of ${subject} in every event (${typeof constant === "number" ? plainNumber(constant) : plainName(constant) || '""'})`;
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
