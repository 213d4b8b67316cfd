/** A replay as people see it on the terminal: a bar with live figures, then a summary as a table or as JSON. */
import type { Incident } from "../core/incident.ts";
import type { ReplayProgress, ReplayResult, StoreSummary } from "../service/replay.ts";

const BAR_WIDTH = 28;
const number = new Intl.NumberFormat("en-US");

export interface ProgressView {
  show(progress: ReplayProgress): void;
  end(): void;
}

/** Redraws in place on a terminal; elsewhere writes a line at each tenth, so that a log stays short. */
export function progressView(stream: NodeJS.WriteStream): ProgressView {
  let lines = 0;
  let tenth = -1;
  return {
    show(progress) {
      const share = progress.total === 0 ? 1 : Math.min(1, progress.done / progress.total);
      if (stream.isTTY !== true) {
        if (Math.floor(share * 10) === tenth) return;
        tenth = Math.floor(share * 10);
        stream.write(`${headline(progress, share)}\n`);
        return;
      }
      const text = [`${bar(share)} ${headline(progress, share)}`, ...details(progress)];
      const width = Math.max(20, (stream.columns ?? 80) - 1);
      stream.write(
        `${lines > 0 ? `\u001b[${lines}A` : ""}${text.map((line) => `\u001b[2K${clip(line, width)}\n`).join("")}`,
      );
      lines = text.length;
    },
    end() {
      lines = 0;
    },
  };
}

const clip = (line: string, width: number): string => (line.length > width ? `${line.slice(0, width - 1)}…` : line);
const bar = (share: number): string => "█".repeat(Math.round(share * BAR_WIDTH)).padEnd(BAR_WIDTH, "░");

function headline(progress: ReplayProgress, share: number): string {
  return `${String(Math.floor(share * 100)).padStart(3)} %  ${number.format(progress.done)} of ${number.format(progress.total)} events  ${number.format(Math.round(progress.eventsPerSecond))} events/s  ${progress.windows} windows  ${progress.incidents.length} incidents`;
}

function details(summary: StoreSummary): string[] {
  const kpis = summary.kpis.map((kpi) => `${kpi.metric} ${kpi.value === null ? "–" : kpi.value.toFixed(3)}`).join("  ");
  const drifted = summary.drifted.length === 0 ? "none" : summary.drifted.join(", ");
  const open = summary.incidents.filter((incident) => incident.state !== "resolved");
  return [
    `  KPIs       ${kpis === "" ? "waiting for labels" : kpis}`,
    `  drifted    ${drifted}`,
    `  incidents  ${open.length} open, ${summary.incidents.length - open.length} resolved`,
  ];
}

/** What `replay` and `demo` print at their end. */
export function summaryTable(result: ReplayResult): string {
  const rows: (readonly [string, string])[] = [
    [
      "events",
      `${number.format(result.events)} (${number.format(result.predictions)} predictions, ${number.format(result.labels)} labels)`,
    ],
    ["dead letters", number.format(result.deadLetters)],
    ["windows", number.format(result.windows)],
    ["time", `${result.seconds.toFixed(1)} s, ${number.format(Math.round(result.eventsPerSecond))} events/s`],
    [
      "KPIs, newest window",
      result.kpis.map((kpi) => `${kpi.metric} ${kpi.value === null ? "–" : kpi.value.toFixed(3)}`).join(", ") || "–",
    ],
    ["drifted, newest window", result.drifted.join(", ") || "none"],
    ["incidents", number.format(result.incidents.length)],
  ];
  const width = Math.max(...rows.map(([name]) => name.length));
  const incidents = result.incidents.map(
    (incident) => `  ${day(incident.opened_at)}  ${incident.state.padEnd(10)} ${incident.title}`,
  );
  return `${[...rows.map(([name, value]) => `${name.padEnd(width)}  ${value}`), ...incidents].join("\n")}\n`;
}

const day = (ms: number): string => new Date(ms).toISOString().slice(0, 10);

/** The documented JSON of `replay --json`: snake_case inside an incident as in SQL, camelCase outside as promised. */
export function summaryJson(result: ReplayResult): string {
  return `${JSON.stringify({
    events: result.events,
    predictions: result.predictions,
    labels: result.labels,
    deadLetters: result.deadLetters,
    windows: result.windows,
    incidents: result.incidents.map(incidentJson),
    seconds: result.seconds,
    eventsPerSecond: result.eventsPerSecond,
  })}\n`;
}

function incidentJson(incident: Incident): Record<string, unknown> {
  const unique = (values: readonly string[]) => [...new Set(values)];
  return {
    id: incident.incident_id,
    model: incident.model,
    window: incident.window,
    severity: incident.severity,
    state: incident.state,
    title: incident.title,
    subjects: unique(incident.members.map((member) => member.subject)),
    metrics: unique(incident.members.map((member) => member.metric)),
    onset: iso(incident.onset),
    openedAt: iso(incident.opened_at),
    resolvedAt: incident.resolved_at === null ? null : iso(incident.resolved_at),
  };
}

const iso = (ms: number): string => new Date(ms).toISOString();
