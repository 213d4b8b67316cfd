/** Names of what the page tier writes and alerting judges. */

/** What stands for the window's name in its rows, and in the incidents that come of them. */
export const PAGE_TIER = "page tier";

/** Of subjects, of KPIs, and of a version as a whole, which no rule judges. */
export const evidenceMetrics = { drift: "evidence", kpi: "kpi-evidence", model: "model-evidence" } as const;
export type EvidenceMetric = (typeof evidenceMetrics)[keyof typeof evidenceMetrics];

/**
 * What the notice tier writes beside it, of subjects and of a version as a whole: to be looked at, never to wake anyone. No rule judges these,
 * and none of their rows counts as breached.
 */
export const noticeMetrics = { drift: "notice", model: "model-notice" } as const;
export type NoticeMetric = (typeof noticeMetrics)[keyof typeof noticeMetrics];

/** Whether a metric is the page tier's. */
export const isEvidence = (metric: string): metric is EvidenceMetric =>
  Object.values<string>(evidenceMetrics).includes(metric);

/** What the page tier says of rates: "the share of missing values rose from 1 % to 98 %". */
const RATE_FINDING = /^the share of (missing|invalid) values rose from .* to (\d+(?:\.\d+)?) %$/;

/** The kind and the share (0 to 1) of a finding that speaks of missing or invalid values; null of others. */
export function rateFinding(finding: string): { readonly kind: "missing" | "invalid"; readonly share: number } | null {
  const [, kind, percent] = RATE_FINDING.exec(finding) ?? [];
  return kind === "missing" || kind === "invalid" ? { kind, share: Number(percent) / 100 } : null;
}
