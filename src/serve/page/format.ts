/** How numbers, times and names are written on the page: one place, so that the same thing always looks the same. */

const MONTHS = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
const HOUR = 3_600_000;
const DAY = 24 * HOUR;
/** No-break space: between a number and its unit. */
export const NBSP = "\u00a0";
const MINUS = "\u2212";

/** Metrics whose value is a share of events, shown in per cent. */
const SHARES = new Set([
  "total-variation",
  "missing-rate",
  "invalid-rate",
  "type-change",
  "new-category-rate",
  "out-of-range-rate",
  "l-infinity",
  "label_coverage",
  "duplicate-rate",
  "label-delay",
  "mape",
]);

export const isShare = (metric: string): boolean => SHARES.has(metric);

/** 20000 as "20,000". */
export function whole(value: number): string {
  const text = Math.round(Math.abs(value))
    .toString()
    .replace(/\B(?=(\d{3})+$)/g, ",");
  return value < 0 && text !== "0" ? MINUS + text : text;
}

/** A number with a fixed count of decimals and a true minus sign. */
export function decimal(value: number, digits: number): string {
  const text = Math.abs(value).toFixed(digits);
  const grouped = Math.abs(value) >= 10_000 ? text.replace(/\B(?=(\d{3})+(\.|$))/g, ",") : text;
  return value < 0 && Number(text) !== 0 ? MINUS + grouped : grouped;
}

/** A number with about three significant digits: 0.0123, 1.23, 123, 12,345. */
export function short(value: number): string {
  const size = Math.abs(value);
  if (size !== 0 && (size < 0.0005 || size >= 1e9))
    return value.toExponential(1).replace("-", MINUS).replace("e+", "e");
  if (size >= 100) return decimal(value, 0);
  if (size >= 10) return decimal(value, 1);
  return decimal(value, size < 1 ? 3 : 2);
}

/** The same without the zeros at the end: for limits, axes and ranges, which people wrote or counted. */
export const trimmed = (value: number): string =>
  Number.isInteger(value) && Math.abs(value) < 1e9
    ? whole(value)
    : short(value)
        .replace(/(\.\d*?)0+$/, "$1")
        .replace(/\.$/, "");

/** A share 0..1 as "7.8 %". */
export const percent = (share: number, digits = 1): string => `${decimal(share * 100, digits)}${NBSP}%`;

/** A value of a metric as people read it, with its unit where it is a share. */
export const valueText = (metric: string, value: number): string => (isShare(metric) ? percent(value) : short(value));

/** A limit of a metric, as the configuration has it. */
export const limitText = (metric: string, limit: number): string =>
  isShare(metric) ? `${trimmed(Math.round(limit * 1e6) / 1e4)}${NBSP}%` : trimmed(limit);

/** A value of a metric for a narrow cell: per cent without the sign, numbers below 1 without the leading zero. */
export function cellText(metric: string, value: number): string {
  if (isShare(metric)) return decimal(value * 100, 1);
  if (Math.abs(value) < 1) return decimal(value, 3).replace(/^(\u2212?)0\./, "$1.");
  return short(value);
}

const two = (value: number): string => String(value).padStart(2, "0");

/** "15 Apr 2016", UTC. */
export function day(ms: number): string {
  const date = new Date(ms);
  return `${date.getUTCDate()} ${MONTHS[date.getUTCMonth()] ?? ""} ${date.getUTCFullYear()}`;
}

/** "15 Apr 2016 21:19", UTC. */
export const moment = (ms: number): string => `${day(ms)} ${clock(ms)}`;

/** "21:19", UTC; with seconds where they are not zero. */
export function clock(ms: number): string {
  const date = new Date(ms);
  const seconds = date.getUTCSeconds();
  return `${two(date.getUTCHours())}:${two(date.getUTCMinutes())}${seconds === 0 ? "" : `:${two(seconds)}`}`;
}

/** Whether a window is shorter than a day, be it one on which the clocks were put forward (by two hours at most, at Troll). */
export const isOfHours = (start: number, end: number): boolean => end - start < DAY - 2 * HOUR;

/** Two short lines for a column's head: day and year, or time and day for windows shorter than a day. */
export function columnHead(start: number, end: number): readonly [string, string] {
  const date = new Date(end);
  const dayText = `${date.getUTCDate()} ${MONTHS[date.getUTCMonth()] ?? ""}`;
  return isOfHours(start, end) ? [clock(end), dayText] : [dayText, String(date.getUTCFullYear())];
}

/** "24 Sep 2017 – 7 Jan 2018", or with times for a window shorter than a day. */
export function range(start: number, end: number): string {
  if (!isOfHours(start, end)) return `${day(start)} – ${day(end)}`;
  return day(start) === day(end - 1)
    ? `${day(start)} ${clock(start)} – ${clock(end)}`
    : `${moment(start)} – ${moment(end)}`;
}

/** "5 features", "1 feature". */
export const plural = (count: number, noun: string, nouns = `${noun}s`): string =>
  `${whole(count)} ${count === 1 ? noun : nouns}`;

const KPI_NAMES: Readonly<Record<string, string>> = {
  accuracy: "Accuracy",
  precision: "Precision",
  recall: "Recall",
  specificity: "Specificity",
  false_positive_rate: "False positive rate",
  f1: "F1",
  roc_auc: "ROC AUC",
  log_loss: "Log loss",
  brier: "Brier score",
  mae: "MAE",
  rmse: "RMSE",
  r2: "R²",
  label_coverage: "Labels arrived",
  ece: "Calibration error",
  bias: "Bias",
  mape: "MAPE",
  median_absolute_error: "Median absolute error",
  pinball_loss: "Pinball loss",
  label_delay: "Label delay, s",
  label_delay_p90: "Label delay, 90 %, s",
  weighted_precision: "Precision, weighted",
  weighted_recall: "Recall, weighted",
  weighted_f1: "F1, weighted",
  top_2_accuracy: "Top 2 accuracy",
  top_3_accuracy: "Top 3 accuracy",
  top_5_accuracy: "Top 5 accuracy",
};
const ESTIMATED = "estimated_";

/** Whether a KPI is told before its labels. */
export const isEstimated = (kpi: string): boolean => kpi.startsWith(ESTIMATED);

/** A KPI's name for people; a custom one keeps its own. */
export const kpiName = (kpi: string): string => {
  const name = isEstimated(kpi) ? kpi.slice(ESTIMATED.length) : kpi;
  if (!Object.hasOwn(KPI_NAMES, name)) return kpi;
  return isEstimated(kpi) ? `${KPI_NAMES[name] ?? name}, estimated` : (KPI_NAMES[name] ?? kpi);
};

/** "census v1", "census v1 challenger"; a series without a version is the model's name alone. */
export function seriesName(series: {
  readonly model: string;
  readonly version: string;
  readonly variant: string;
}): string {
  const version = series.version === "" ? "" : ` v${series.version}`;
  return `${series.model}${version}${series.variant === "" ? "" : ` ${series.variant}`}`;
}

/** A percentage for an SVG coordinate: two decimals, never NaN. */
export const x = (share: number): string => `${(Number.isFinite(share) ? share * 100 : 0).toFixed(2)}%`;
