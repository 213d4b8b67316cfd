/** What a model's report holds: its numbers over a span of time, what was decided, and under which configurations and references. */
import { z } from "zod";
import { type Decision, readDecisions } from "../../alert/decisions.ts";
import { readDecided } from "../../audit/audit-store.ts";
import type { Entry } from "../../audit/chain.ts";
import { type Verification, verifyAudit } from "../../audit/verify.ts";
import type { WindowSpec } from "../../config/duration.ts";
import type { ModelConfig } from "../../config/schema.ts";
import { sql } from "../../store/sql.ts";
import type { Lane } from "../../store/store.ts";
import { type FeatureFairness, loadFairness } from "./fairness.ts";
import { type Grid, loadGrid, type Span, withinSpan } from "./grid.ts";
import { type IncidentView, selectIncidents } from "./incidents.ts";
import { type SeriesView, selectSeries } from "./models.ts";
import { ofSeries } from "./rows.ts";
import { loadSegmentKpis, type SegmentKpis } from "./segment-kpis.ts";

export interface ReportedReference {
  readonly reference_id: string;
  readonly origin: string;
  readonly rows: number;
  readonly created_ms: number;
}

export interface ReportedConfiguration {
  readonly monitor_hash: string;
  readonly reference_id: string;
  readonly first_ms: number;
}

/** One version and variant. */
export interface ReportedSeries {
  readonly series: SeriesView;
  readonly grid: Grid;
  readonly fairness: readonly FeatureFairness[];
  /** null where nothing is known by segment. */
  readonly bySegment: SegmentKpis | null;
  /** Windows in the span; of many the newest are in the grid. */
  readonly windows: number;
}

export interface Report {
  readonly model: ModelConfig;
  readonly span: Span;
  readonly madeAt: number;
  readonly series: readonly ReportedSeries[];
  /** Those that were open at some time of the span, in the order of their opening. */
  readonly incidents: readonly IncidentView[];
  readonly references: readonly ReportedReference[];
  readonly configurations: readonly ReportedConfiguration[];
  /** Acceptances of drift that have had a baseline, the newest first. */
  readonly accepted: readonly Decision[];
  readonly decisions: readonly Entry[];
  readonly audit: Verification;
}

/** Windows side by side that a page can hold. */
const MOST_WINDOWS = 16;
const MOST_INCIDENTS = 10_000;

export async function loadReport(lane: Lane, model: ModelConfig, span: Span, now: number): Promise<Report> {
  const incidents = await selectIncidents(lane, { model: model.name, limit: MOST_INCIDENTS });
  return {
    model,
    span,
    madeAt: now,
    series: await loadSeries(lane, model, span),
    incidents: incidents
      .filter(
        ({ opened_at, resolved_at }) => opened_at < span.to && (resolved_at ?? Number.POSITIVE_INFINITY) >= span.from,
      )
      .sort((one, other) => one.opened_at - other.opened_at),
    references: await lane.query(
      sql`SELECT reference_id, any(origin) AS origin, max(rows) AS rows, toUnixTimestamp64Milli(min(created_at)) AS created_ms
        FROM \`references\` FINAL WHERE model = ${model.name} GROUP BY reference_id ORDER BY created_ms`,
      z.object({ reference_id: z.string(), origin: z.string(), rows: z.number(), created_ms: z.number() }),
    ),
    configurations: await lane.query(
      sql`SELECT monitor_hash, reference_id, toUnixTimestamp64Milli(first_at) AS first_ms FROM monitors FINAL WHERE model = ${model.name} ORDER BY first_at`,
      z.object({ monitor_hash: z.string(), reference_id: z.string(), first_ms: z.number() }),
    ),
    accepted: (await readDecisions(lane)).filter(
      (decision) => decision.kind === "acceptance" && decision.model === model.name && decision.baseline !== null,
    ),
    // Decisions are made when data come, so those on a span of event time may be later.
    decisions: await readDecided(lane, model.name, Number.NEGATIVE_INFINITY, Number.POSITIVE_INFINITY),
    audit: await verifyAudit(lane),
  };
}

/** Of each version and variant the window whose number in the span can be shown best: the most that a page holds, else the fewest. */
async function loadSeries(lane: Lane, model: ModelConfig, span: Span): Promise<ReportedSeries[]> {
  const all = (await selectSeries(lane)).filter((row) => row.model === model.name);
  const keys = new Map(all.map((row) => [JSON.stringify([row.version, row.variant]), row]));
  const found: ReportedSeries[] = [];
  for (const key of [...keys.keys()].sort()) {
    const own = all.filter((row) => JSON.stringify([row.version, row.variant]) === key);
    const counted = await Promise.all(
      own.map(async (row) => ({ series: row, windows: await countWindows(lane, row, span) })),
    );
    const [chosen] = counted.filter(({ windows }) => windows > 0).sort((a, b) => fit(b.windows) - fit(a.windows));
    if (chosen === undefined) continue;
    const { series, windows } = chosen;
    const window = windowOf(model, series.window);
    const grid = await loadGrid(lane, model, {
      series,
      window,
      referenceId: series.reference_id,
      limit: MOST_WINDOWS,
      span,
    });
    const fairness = model.fairness === undefined ? [] : await loadFairness(lane, series, window.name, grid.columns);
    const bySegment = await loadSegmentKpis(lane, model, series, window.name, grid.columns);
    found.push({ series, grid, fairness, bySegment, windows });
  }
  return found;
}

const fit = (windows: number): number => (windows <= MOST_WINDOWS ? windows : -windows);

async function countWindows(lane: Lane, series: SeriesView, span: Span): Promise<number> {
  const [row] = await lane.query(
    sql`SELECT uniqExact(window_start) AS n FROM metrics WHERE ${ofSeries(series)} AND window = ${series.window} AND ${withinSpan(span)}`,
    z.object({ n: z.number() }),
  );
  return row?.n ?? 0;
}

/** As configured; one that is configured no more by what its rows say. */
function windowOf(model: ModelConfig, name: string): WindowSpec {
  const known = model.windows.find((window) => window.name === name);
  return known ?? { name, kind: "count", events: Number.parseInt(name, 10) || 0 };
}
