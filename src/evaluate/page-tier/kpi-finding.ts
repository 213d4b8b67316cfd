/** How a KPI has fallen, in words: "fell to 0.71, below its limit 0.8". */
import { isEstimate, kpiNames } from "../../config/kpis.ts";
import type { KpiBound } from "./kpi-bounds.ts";

/** @param isOther whether what is bad is the complement of the KPI's bad mean: of calibration, scores that are too high */
export function kpiFinding(
  kpi: KpiBound,
  { bad, events }: { readonly bad: number; readonly events: number },
  isOther = false,
): string {
  const bound = isOther ? (kpi.otherBound ?? kpi.bound) : kpi.bound;
  const mean = events === 0 ? bound : bad / events;
  if (kpi.otherBound !== undefined) return calibrationText(mean, bound, isOther, kpi.source);
  const which = kpi.source === "limit" ? "its limit" : "what the reference allows,";
  const [value, limit] = [valueOf(kpi, mean), valueOf(kpi, bound)].map(text);
  const capped = isLoss(kpi) ? ` (a greater error than ${text(unitOf(kpi, kpi.cap ?? 1))} counts as that)` : "";
  return `${kpi.isGood ? "fell" : "rose"} to ${value}, ${kpi.isGood ? "below" : "above"} ${which} ${limit}${capped}`;
}

/** The KPI of a bad mean. */
const valueOf = (kpi: KpiBound, mean: number): number => (kpi.isGood ? 1 - mean : unitOf(kpi, mean * (kpi.cap ?? 1)));

const nameOf = ({ metric }: KpiBound): string => {
  const known = kpiNames.find((name) => name === metric);
  return known !== undefined && isEstimate(known) ? known.slice("estimated_".length) : metric;
};

const isLoss = (kpi: KpiBound): boolean => nameOf(kpi) === "mae" || nameOf(kpi) === "rmse";

const unitOf = (kpi: KpiBound, loss: number): number => (nameOf(kpi) === "rmse" ? Math.sqrt(loss) : loss);

/** The bad mean is of (1 + y - p) / 2, or of its complement. */
function calibrationText(mean: number, bound: number, tooHigh: boolean, source: KpiBound["source"]): string {
  const points = (share: number) => `${text(100 * (2 * share - 1))} points`;
  const which = source === "limit" ? "its limit is" : "the reference allows";
  return `labels are positive ${points(mean)} ${tooHigh ? "less" : "more"} often than the scores say; ${which} ${points(bound)}`;
}

const text = (value: number) => String(Number(value.toPrecision(3)));
