/** A row of the `metrics` table: one number of one window, with everything needed to judge it. */
import type { SubjectKind } from "./summary.ts";

export const metricStatuses = ["ok", "insufficient", "error"] as const;
export type MetricStatus = (typeof metricStatuses)[number];

/** Keys are the column names of `metrics`. Times are milliseconds since 1970 UTC. */
export interface MetricRow {
  readonly model: string;
  readonly version: string;
  readonly variant: string;
  /** '' is the whole. */
  readonly segment: string;
  /** The window's name as configured: '1h', '20000 events'. */
  readonly window: string;
  readonly window_start: number;
  readonly window_end: number;
  readonly subject_kind: SubjectKind;
  /** The feature's name, else the kind's. */
  readonly subject: string;
  readonly metric: string;
  /** null unless status is ok. */
  readonly value: number | null;
  readonly lower: number | null;
  readonly upper: number | null;
  readonly threshold: number | null;
  readonly breached: boolean;
  /** Events of the window that bear on the value (labelled ones for a KPI). */
  readonly n: number;
  /** Share of the window's predictions that have a label; 1 for metrics that need none. */
  readonly coverage: number;
  readonly status: MetricStatus;
  /** JSON object. */
  readonly detail: string;
  readonly reference_id: string;
  readonly monitor_hash: string;
  readonly revision: number;
  readonly computed_at: number;
}
