/** Rows of the store as lines of a digest. */
import type { ModelConfig } from "../config/schema.ts";
import type { DigestBreach, DigestIncident, DigestKpi, DigestNotice } from "../core/digest.ts";
import type { DigestLinks } from "./compose.ts";
import type { BreachRow, IncidentRow, KpiRow, NoticeRow } from "./found.ts";
import { breachSentence, incidentSentence, kpiSentence, noticeSentence } from "./sentences.ts";

export function toIncident(row: IncidentRow, links: DigestLinks): DigestIncident {
  const line = {
    incident_id: row.id,
    severity: row.severity,
    state: row.state,
    opened: row.opened > 0,
    resolved: row.state === "resolved",
    title: row.title,
    link: links.incident(row.id),
  };
  return { ...line, sentence: incidentSentence(line) };
}

/** null where the row has no number. */
export function toKpi(row: KpiRow, config: ModelConfig, links: DigestLinks): DigestKpi | null {
  const { value, end_ms, threshold, model, ...rest } = row;
  if (value === null) return null;
  const line = {
    ...rest,
    value,
    window_end: end_ms,
    limit: threshold ?? limitOf(row, config),
    link: links.model(model, row.window),
  };
  return { ...line, sentence: kpiSentence(line) };
}

/** As configured; of a KPI with both the one that its value lies nearer to. */
function limitOf({ metric, value }: KpiRow, { kpis }: ModelConfig): number | null {
  const kpi = kpis.find((one) => ("use" in one ? one.use : one.name) === metric);
  const limits = [kpi?.min, kpi?.max].filter((limit) => limit !== undefined);
  const [nearest = null] = limits.sort((a, b) => Math.abs((value ?? 0) - a) - Math.abs((value ?? 0) - b));
  return nearest;
}

/** One line a subject: the detector and window that are furthest beyond, and what else breached. Rows come the worst first. */
export function toBreaches(rows: readonly BreachRow[], links: DigestLinks): DigestBreach[] {
  const bySubject = new Map<string, BreachRow[]>();
  for (const row of rows) {
    const key = JSON.stringify([row.segment, row.version, row.variant, row.subject_kind, row.subject]);
    const known = bySubject.get(key);
    if (known === undefined) bySubject.set(key, [row]);
    else known.push(row);
  }
  return [...bySubject.values()].flatMap((group): DigestBreach[] => {
    const [worst] = group;
    if (worst === undefined) return [];
    const { excess: _excess, start_ms, model, ...row } = worst;
    const also = [...new Set(group.map(({ metric }) => metric))].filter((metric) => metric !== row.metric).sort();
    const at = { window: row.window, start: start_ms };
    const line = { ...row, also, link: links.subject({ ...row, model }, row.subject_kind, row.subject, at) };
    return [{ ...line, sentence: breachSentence(line) }];
  });
}

export function toNotice(row: NoticeRow, links: DigestLinks): DigestNotice {
  const { version, variant, segment, subject_kind, subject, finding, onset_ms: since } = row;
  const link = links.subject(row, subject_kind, subject);
  const line = { version, variant, segment, subject_kind, subject, finding, since, link };
  return { ...line, sentence: noticeSentence(line) };
}
