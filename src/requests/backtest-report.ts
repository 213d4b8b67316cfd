/** A back-test's result as JSON, as the route and `--json` give it, and as a table for the terminal. */
import { z } from "zod";
import { severities } from "../core/incident.ts";
import type { BacktestIncident, BacktestResult, BacktestSide } from "./backtest.ts";

const incidentSchema = z.object({
  id: z.string(),
  model: z.string(),
  window: z.string(),
  severity: z.enum(severities),
  title: z.string(),
  /** ISO 8601, as all times here. */
  opened_at: z.string(),
  resolved_at: z.string().nullable(),
  /** Times that people are told of it, on each channel. */
  told: z.number(),
});
type ReportedIncident = z.output<typeof incidentSchema>;

const sideSchema = z.object({
  incidents: z.array(incidentSchema),
  /** By target: "channel oncall". */
  deliveries: z.record(z.string(), z.number()),
});
type ReportedSide = z.output<typeof sideSchema>;

export const backtestReportSchema = z.object({
  /** By model: what had to be computed anew. */
  computed: z.record(z.string(), z.enum(["incidents", "page tier", "windows"])),
  today: sideSchema,
  changed: sideSchema,
  /** Ids of the incidents of one cause; null on the side that has none. */
  pairs: z.array(z.object({ today: z.string().nullable(), changed: z.string().nullable() })),
  seconds: z.number(),
});
export type BacktestReport = z.output<typeof backtestReportSchema>;

export function reportOf({ computed, stored, changed, pairs, seconds }: BacktestResult): BacktestReport {
  return {
    computed: { ...computed },
    today: reportedSide(stored),
    changed: reportedSide(changed),
    pairs: pairs.map((pair) => ({ today: pair.stored?.id ?? null, changed: pair.changed?.id ?? null })),
    seconds,
  };
}

const iso = (ms: number): string => new Date(ms).toISOString();
const reportedSide = ({ incidents, deliveries }: BacktestSide): ReportedSide => ({
  incidents: incidents.map(reportedIncident),
  deliveries: { ...deliveries },
});
const reportedIncident = ({ opened_at, resolved_at, ...rest }: BacktestIncident): ReportedIncident => ({
  ...rest,
  opened_at: iso(opened_at),
  resolved_at: resolved_at === null ? null : iso(resolved_at),
});

export function tableOf({ computed, today, changed, pairs, seconds }: BacktestReport): string {
  const header = ["opened today", "opened with the change", "severity", "told", "what"];
  const rows = pairs.map((pair) => {
    const before = byId(today, pair.today);
    const after = byId(changed, pair.changed);
    return [
      opened(before),
      opened(after),
      beside(before?.severity, after?.severity),
      beside(before?.told, after?.told),
      (after ?? before)?.title ?? "",
    ];
  });
  const widths = header.map((name, column) => Math.max(name.length, ...rows.map((row) => row[column]?.length ?? 0)));
  const line = (cells: readonly string[]) =>
    cells.map((cell, column) => (column === cells.length - 1 ? cell : cell.padEnd(widths[column] ?? 0))).join("  ");
  const depths = Object.entries(computed).map(([model, depth]) => `${model}: ${depth}`);
  return [
    line(header),
    ...rows.map(line),
    "",
    `incidents   ${summary(today)} today; ${summary(changed)} with the change`,
    `deliveries  ${deliveries(today)} today; ${deliveries(changed)} with the change`,
    `computed    ${depths.join(", ")}; ${seconds.toFixed(1)} s`,
    "",
  ].join("\n");
}

const byId = ({ incidents }: ReportedSide, id: string | null) => incidents.find((incident) => incident.id === id);

const opened = (incident: ReportedIncident | undefined): string =>
  incident === undefined ? "–" : incident.opened_at.slice(0, 16).replace("T", " ");

function beside(before: string | number | undefined, after: string | number | undefined): string {
  if (before === undefined || after === undefined || before === after) return String(after ?? before ?? "");
  return `${before} → ${after}`;
}

function summary({ incidents }: ReportedSide): string {
  const pages = incidents.filter(({ severity }) => severity === "page").length;
  return `${incidents.length} (${pages} ${pages === 1 ? "page" : "pages"})`;
}

function deliveries({ deliveries: byTarget }: ReportedSide): string {
  const named = Object.entries(byTarget).map(([target, count]) => `${count} to ${target}`);
  return named.length === 0 ? "none" : named.join(", ");
}
