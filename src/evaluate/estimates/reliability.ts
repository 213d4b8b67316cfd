/**
 * Whether estimates are to be believed: each window whose labels have come says how far its estimate was off, and as long as one of the
 * newest such windows was missed, the estimate is unreliable. It then breaches nothing, and no rule fires on it.
 *
 * The verdict of a window is a function of the windows up to it, so labels of one window may change those of later ones: `settle` goes
 * through them after each run.
 */
import { z } from "zod";
import type { MetricRow } from "../../core/metric.ts";
import { sql, time } from "../../store/sql.ts";
import type { Lane } from "../../store/store.ts";
import { type MetricBatch, readMetrics } from "../metric-writer.ts";

/** Windows with labels, the newest up to the one that is judged, that must all have been met. */
const WINDOWS = 3;
/** Names of estimates begin so. */
const ESTIMATED = "estimated_";

export const reliabilitySchema = z.object({
  verdict: z.enum(["untested", "reliable", "unreliable"]),
  /** Windows with labels that it rests on, the missed ones, and the greatest distance from a realised value among them. */
  windows: z.number(),
  missed: z.number(),
  worst: z.number(),
});
export type Reliability = z.output<typeof reliabilitySchema>;

/** @param checked windows with labels up to the one that is judged, in their order */
export function reliabilityOf(checked: readonly { readonly error: number; readonly missed: boolean }[]): Reliability {
  const newest = checked.slice(-WINDOWS);
  const missed = newest.filter((window) => window.missed).length;
  return {
    verdict: newest.length === 0 ? "untested" : missed > 0 ? "unreliable" : "reliable",
    windows: newest.length,
    missed,
    worst: newest.reduce((most, { error }) => Math.max(most, Math.abs(error)), 0),
  };
}

const detailSchema = z.looseObject({
  reliability: reliabilitySchema.optional(),
  error: z.number().optional(),
  missed: z.boolean().optional(),
  held_back: z.literal(true).optional(),
});

const isEstimateRow = ({ metric, subject_kind }: Pick<MetricRow, "metric" | "subject_kind">): boolean =>
  subject_kind === "kpi" && metric.startsWith(ESTIMATED);

/** The row under a verdict. Of an unreliable one `detail.held_back` says that it would have breached. */
export function withReliability(row: MetricRow, reliability: Reliability | undefined): MetricRow {
  const { held_back, reliability: _before, ...detail } = detailSchema.parse(JSON.parse(row.detail));
  const beyond = row.breached || held_back === true;
  const isHeld = reliability?.verdict === "unreliable";
  return {
    ...row,
    breached: beyond && !isHeld,
    detail: JSON.stringify({
      ...detail,
      ...(reliability === undefined ? {} : { reliability }),
      ...(beyond && isHeld ? { held_back: true } : {}),
    }),
  };
}

export interface ReliabilityCheck {
  /** A fresh row under the verdict that its stored one has; notes that its window and those after it are to be settled. */
  keep(fresh: MetricRow, before: MetricRow | undefined): MetricRow;
  /** Brings the verdicts of the windows from the noted ones on up to date. The rows of the run must have been flushed. */
  settle(lane: Lane, model: string, batch: MetricBatch): Promise<void>;
}

export function createReliabilityCheck(): ReliabilityCheck {
  /** By name of the window: the earliest start that has been computed since the last settling. */
  const since = new Map<string, number>();
  let settling = false;
  return {
    keep(fresh, before) {
      if (settling || !isEstimateRow(fresh)) return fresh;
      since.set(fresh.window, Math.min(since.get(fresh.window) ?? Number.POSITIVE_INFINITY, fresh.window_start));
      if (before === undefined || fresh.status !== "ok") return fresh;
      const { reliability } = detailSchema.parse(JSON.parse(before.detail));
      return reliability === undefined ? fresh : withReliability(fresh, reliability);
    },
    async settle(lane, model, batch) {
      settling = true;
      try {
        for (const [window, start] of since) {
          const where = sql`startsWith(metric, ${ESTIMATED}) AND subject_kind = 'kpi'`;
          const later = sql`${where} AND window_start >= ${time(start)}`;
          const rows = await readMetrics(lane, { model, window, where: later });
          const earlier = await readMetrics(lane, {
            model,
            window,
            where: sql`${where} AND window_start < ${time(start)} AND JSONHas(detail, 'missed')
              ORDER BY window_start DESC LIMIT ${WINDOWS} BY metric, subject, version, variant, segment`,
          });
          await batch.replace({ model, window, where: later, mayExist: true }, settled(rows, earlier));
        }
        since.clear();
      } finally {
        settling = false;
      }
    },
  };
}

/** `rows` under the verdicts that they and the earlier ones give. */
export function settled(rows: readonly MetricRow[], earlier: readonly MetricRow[]): MetricRow[] {
  const checked = new Map<string, { error: number; missed: boolean }[]>();
  const note = (row: MetricRow) => {
    const key = JSON.stringify([row.metric, row.subject, row.version, row.variant, row.segment]);
    const windows = checked.get(key) ?? [];
    const { error, missed } = detailSchema.parse(JSON.parse(row.detail));
    if (row.status === "ok" && error !== undefined && missed !== undefined) windows.push({ error, missed });
    checked.set(key, windows);
    return windows;
  };
  const inOrder = (list: readonly MetricRow[]) => [...list].sort((a, b) => a.window_start - b.window_start);
  for (const row of inOrder(earlier)) note(row);
  return inOrder(rows).map((row) => {
    const windows = note(row);
    if (row.status !== "ok") return row;
    const reliability = reliabilityOf(windows);
    return withReliability(row, reliability.windows === 0 ? undefined : reliability);
  });
}
