/** What accepted drift is measured against, as the evaluation has stored it: for incidents, and for whoever looks. */
import { z } from "zod";
import { sql } from "../store/sql.ts";
import type { Lane } from "../store/store.ts";
import { plainTime } from "./incident-text.ts";

/** All times are of events, ms. */
export interface DecidedBaseline {
  /** Events from here on are the new normal. */
  readonly since: number;
  /** From here on the subject is no more compared with the reference, and until when. */
  readonly through: number;
  readonly until: number;
  /** Rows that a version needs. */
  readonly needed: number;
  readonly series: readonly DecidedSeries[];
  /** '' where the whole is accepted; the times and series above are of it. */
  readonly segment: string;
  /** Segments that are compared with their own events: the one that is accepted, or those of the whole. */
  readonly segments: readonly DecidedSegment[];
}

export interface DecidedSegment {
  readonly segment: string;
  /** From here on it is no more compared with the reference, event time in ms. */
  readonly through: number;
  readonly series: readonly DecidedSeries[];
}

export interface DecidedSeries {
  readonly version: string;
  readonly variant: string;
  /** Since when it is compared with the new normal; null while that has too few rows. */
  readonly from: number | null;
  /** Rows that it is compared with, or that there are so far. */
  readonly rows: number;
}

const contentSchema = z.object({
  segment: z.string().default(""),
  series: z.array(
    z.object({
      version: z.string(),
      variant: z.string(),
      rows: z.number(),
      baseline: z.object({ from: z.number(), counts: z.object({ n: z.number() }) }).nullable(),
    }),
  ),
});

/** By decision. Acceptances that are not in it have no baseline, or not yet. */
export async function readDecidedBaselines(lane: Lane): Promise<ReadonlyMap<string, DecidedBaseline>> {
  const rows = await lane.query(
    sql`SELECT decision_id, toUnixTimestamp64Milli(since) AS since_ms, toUnixTimestamp64Milli(through) AS through_ms, toUnixTimestamp64Milli(until) AS until_ms, needed, content
      FROM accepted_baselines FINAL ORDER BY decision_id, through, baseline_id`,
    z.object({
      decision_id: z.string(),
      since_ms: z.number(),
      through_ms: z.number(),
      until_ms: z.number(),
      needed: z.number(),
      content: z.string(),
    }),
  );
  const parts = new Map<string, DecidedPart>();
  for (const { decision_id, since_ms, through_ms, until_ms, needed, content } of rows) {
    const { series, segment } = contentSchema.parse(JSON.parse(content));
    const mine = series.map(({ version, variant, rows: seen, baseline }) => ({
      version,
      variant,
      from: baseline?.from ?? null,
      rows: baseline?.counts.n ?? seen,
    }));
    const own = { since: since_ms, through: through_ms, until: until_ms, needed, segment, series: mine };
    const key = JSON.stringify([decision_id, segment]);
    // A name may be that of a feature and of the score: what holds of the first is shown, with the rows of both.
    const known = parts.get(key);
    parts.set(key, {
      decision: decision_id,
      own: known === undefined ? own : { ...known.own, series: [...known.own.series, ...mine] },
    });
  }
  const found = new Map<string, DecidedBaseline>();
  // The whole first, where it is accepted.
  for (const { decision, own } of [...parts.values()].sort(bySegment)) {
    const known = found.get(decision) ?? { ...own, segments: [] };
    const { segment, through, series } = own;
    const segments = segment === "" ? [] : [{ segment, through, series }];
    found.set(decision, { ...known, segments: [...known.segments, ...segments] });
  }
  return found;
}

interface DecidedPart {
  readonly decision: string;
  readonly own: Omit<DecidedBaseline, "segments">;
}

const bySegment = ({ own: one }: DecidedPart, { own: other }: DecidedPart): number =>
  one.segment < other.segment ? -1 : one.segment > other.segment ? 1 : 0;

/** What it is compared with, in words. */
export function comparedText({ since, needed, series, segment, segments }: DecidedBaseline): string {
  const named = ({ version, variant }: DecidedSeries) =>
    series.length === 1
      ? ""
      : ` (${[version === "" ? "no version" : `version ${version}`, variant].filter(Boolean).join(", ")})`;
  const holding = series.filter(({ from }) => from !== null).map((one) => `${one.rows} rows${named(one)}`);
  const waiting = series.filter(({ from }) => from === null).map((one) => `${one.rows} of ${needed} rows${named(one)}`);
  return [
    ...(holding.length === 0 ? [] : [`compared with what came since ${plainTime(since)}: ${holding.join(", ")}`]),
    ...(waiting.length === 0
      ? []
      : [`not compared with anything yet, for too few rows since ${plainTime(since)}: ${waiting.join(", ")}`]),
    ...(segment === "" && segments.length > 0 ? [segmentsText(segments)] : []),
  ].join("; ");
}

function segmentsText(segments: readonly DecidedSegment[]): string {
  const holding = segments.filter(({ series }) => series.some(({ from }) => from !== null));
  const waiting = segments.length - holding.length;
  return `its segments each with their own events: ${[
    ...(holding.length === 0 ? [] : [`${holding.length} so far`]),
    ...(waiting === 0 ? [] : [`${waiting} with too few rows`]),
  ].join(", ")}`;
}
