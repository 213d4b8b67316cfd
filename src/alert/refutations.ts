/**
 * Estimates that the labels refute: where nearly all labels of the windows at which an estimate fired are there, and the KPI itself lies within
 * the limit in all of them, nothing of the kind has happened, and the episode is left out.
 */
import { z } from "zod";
import { sql, time } from "../store/sql.ts";
import type { Lane } from "../store/store.ts";
import { type Episode, memberKey } from "./episode.ts";
import type { IncidentRecord } from "./incident-record.ts";
import { plainNumber } from "./incident-text.ts";
import { type EffectiveRule, isEstimated, realisedBy } from "./rules.ts";

/** Share of labels from which on a window counts as complete. */
const COMPLETE = 0.9;

const seenRow = z.object({
  windows: z.number(),
  complete: z.number(),
  breached: z.number(),
  least: z.number().nullable(),
  greatest: z.number().nullable(),
});

/** The episodes that stand, and why those of an incident do not. Nothing is asked of the store where no row is new. */
export async function withoutRefuted(
  lane: Lane,
  rules: readonly EffectiveRule[],
  episodes: readonly Episode[],
  records: readonly IncidentRecord[],
  isChanged: boolean,
): Promise<{ readonly episodes: readonly Episode[]; readonly refuted: ReadonlyMap<string, string> }> {
  const refuted = new Map<string, string>();
  if (!isChanged) return { episodes, refuted };
  const ruleOf = ({ rule: name, metric }: Episode) =>
    isEstimated(metric) ? rules.find((rule) => rule.name === name) : undefined;
  const tell = (episode: Episode, why: string) => {
    for (const record of records)
      if (record.episodes.some((told) => memberKey(told) === memberKey(episode)))
        refuted.set(record.incident.incident_id, why);
  };
  const standing: Episode[] = [];
  for (const episode of episodes) {
    const rule = ruleOf(episode);
    const why = rule === undefined ? null : await refutation(lane, rule, episode);
    if (why === null) standing.push(episode);
    else tell(episode, why);
  }
  // Labels may have shown an estimate to be wrong so clearly that its own windows decide nothing any more: the reason is the same.
  const left = new Set(episodes.map(memberKey));
  const gone = records.filter(({ withdrawn }) => !withdrawn).flatMap((record) => record.episodes);
  for (const episode of gone) {
    const rule = left.has(memberKey(episode)) ? undefined : ruleOf(episode);
    const why = rule === undefined ? null : await refutation(lane, rule, episode);
    if (why !== null) tell(episode, why);
  }
  return { episodes: standing, refuted };
}

async function refutation(lane: Lane, rule: EffectiveRule, episode: Episode): Promise<string | null> {
  const { model, window, version, variant, metric, onset, fired, last_breach } = episode;
  const kpi = realisedBy(metric);
  const beyond = [
    ...(rule.below === null ? [] : [sql`value < ${rule.below}`]),
    ...(rule.above === null ? [] : [sql`value > ${rule.above}`]),
  ];
  const breached = beyond.reduce((all, one) => sql`${all} OR ${one}`, beyond.length === 0 ? sql`breached` : sql`false`);
  const through = Math.max(fired.window_end, last_breach.end);
  const [row] = await lane.query(
    sql`SELECT uniqExact(window_start) AS windows, countIf(status = 'ok' AND coverage >= ${COMPLETE}) AS complete,
        countIf(status = 'ok' AND (${breached})) AS breached, min(value) AS least, max(value) AS greatest
      FROM metrics FINAL WHERE model = ${model} AND metric = ${kpi} AND subject_kind = 'kpi' AND window = ${window} AND segment = ''
        AND version = ${version} AND variant = ${variant} AND window_start >= ${time(onset)} AND window_end <= ${time(through)}`,
    seenRow,
  );
  if (row === undefined || row.windows === 0 || row.complete < row.windows || row.breached > 0) return null;
  const values =
    row.least === row.greatest ? plainNumber(row.least) : `${plainNumber(row.least)} to ${plainNumber(row.greatest)}`;
  return `labels are complete: ${kpi} was ${values} in the windows at which ${metric} fired, within the limit`;
}
