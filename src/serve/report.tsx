/** A model's report as one HTML file that needs nothing else. */
import type { ModelConfig } from "../config/schema.ts";
import type { Lane } from "../store/store.ts";
import type { DetectorWords } from "./context.ts";
import { renderDocument } from "./page/layout.tsx";
import { ReportPage } from "./page/report-page.tsx";
import type { Span } from "./queries/grid.ts";
import { loadReport } from "./queries/report.ts";
import { styleSheet } from "./routes/assets.ts";

export interface ReportOptions {
  readonly lane: Lane;
  readonly detectors: ReadonlyMap<string, DetectorWords>;
  /** Where the links lead: address of the service, without a slash at its end. */
  readonly url: string;
  readonly now: number;
}

export async function htmlReport(
  { lane, detectors, url, now }: ReportOptions,
  model: ModelConfig,
  span: Span,
): Promise<string> {
  const report = await loadReport(lane, model, span, now);
  return renderDocument(
    `${model.name}, monitoring report · Driftline`,
    styleSheet(),
    url,
    <ReportPage report={report} detectors={detectors} />,
  );
}
