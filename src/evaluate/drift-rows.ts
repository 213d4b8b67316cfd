/** The window detectors' part of a window: every detector on every subject that it watches, as rows of `metrics`. */
import { type DetectorResult, hasBreached, limitOf } from "../core/detector.ts";
import { messageOf } from "../core/errors.ts";
import type { MetricRow } from "../core/metric.ts";
import type { SampleResult } from "../core/sample-detector.ts";
import type { ModelHistory, ReferenceSubject, WindowSummary } from "../core/summary.ts";
import type { AcceptedInWindow } from "./accepted/accepted-windows.ts";
import type { BoundDetector } from "./bound-detectors.ts";
import type { ModelInWindow } from "./model-history.ts";
import type { PreparedModel } from "./prepare-model.ts";
import { deviationOf } from "./references/exact-moments.ts";
import { subjectKey } from "./references/load-reference.ts";
import { type StoredSummary, summarisedSubjects } from "./summarise.ts";
import { LEAST_TRAILING_EVENTS } from "./trailing/trailing-references.ts";
import type { TrailingInWindow } from "./trailing/trailing-windows.ts";
import { momentScale } from "./value-expressions.ts";

/** One window of one version and variant. */
export interface SeriesWindow {
  readonly window: string;
  readonly start: number;
  readonly end: number;
  readonly version: string;
  readonly variant: string;
  /** Kept predictions. */
  readonly n: number;
}

const EMPTY = {
  n: 0,
  missing: 0,
  invalid: 0,
  mean: null,
  standardDeviation: null,
  minimum: null,
  maximum: null,
} as const;

/** What a row has from its window, before there is a number. `revision` is set when the row is written. */
export function blankRow(
  prepared: PreparedModel,
  window: SeriesWindow,
  computedAt: number,
): Omit<MetricRow, "subject_kind" | "subject" | "metric"> {
  return {
    model: prepared.config.name,
    version: window.version,
    variant: window.variant,
    segment: "",
    window: window.window,
    window_start: window.start,
    window_end: window.end,
    value: null,
    lower: null,
    upper: null,
    threshold: null,
    breached: false,
    n: 0,
    coverage: 1,
    status: "insufficient",
    detail: "{}",
    reference_id: prepared.referenceId,
    monitor_hash: prepared.monitorHash,
    revision: 0,
    computed_at: computedAt,
  };
}

/** The summary of a subject, the empty one where no row of the window has been seen. */
export function windowSummary(subject: ReferenceSubject, summary: StoredSummary | undefined): WindowSummary {
  if (summary === undefined) return { ...EMPTY, bins: subject.bins.map(() => 0) };
  const valid = summary.n - summary.missing - summary.invalid;
  // A prediction that was not explained is no missing value.
  const explained = subject.subjectKind === "attribution" ? { n: summary.n - summary.missing, missing: 0 } : {};
  const moments = subject.kind === "numeric" && valid > 0;
  return {
    n: summary.n,
    missing: summary.missing,
    invalid: summary.invalid,
    bins: summary.bins,
    mean: moments ? Number(BigInt(summary.s1)) / momentScale(subject) / valid : null,
    standardDeviation:
      moments && summary.s2 !== undefined
        ? deviationOf({ n: valid, s1: BigInt(summary.s1), s2: BigInt(summary.s2), scale: momentScale(subject) })
        : null,
    minimum: summary.minimum,
    maximum: summary.maximum,
    ...(summary.new_values === undefined || summary.new_values.length === 0 ? {} : { newValues: summary.new_values }),
    ...explained,
  };
}

/**
 * @param model the model's events as a whole; null for windows by number of events, which have no volume
 * @param accepted by subject key, what is compared with something else than the reference
 * @param trailing what the rest is compared with instead of the reference; null: with it
 */
export function driftRows(
  prepared: PreparedModel,
  window: SeriesWindow,
  summaries: ReadonlyMap<string, StoredSummary>,
  model: ModelInWindow | null,
  computedAt: number,
  accepted: ReadonlyMap<string, AcceptedInWindow> = new Map(),
  trailing: TrailingInWindow | null = null,
): MetricRow[] {
  const blank = blankRow(prepared, window, computedAt);
  const rows: MetricRow[] = [];
  for (const subject of summarisedSubjects(prepared)) {
    const held = accepted.get(subjectKey(subject));
    if (held !== undefined) {
      for (const detector of prepared.detectors)
        if (detector.watches(subject)) rows.push(judgedAsAccepted(blank, detector, subject, held));
      continue;
    }
    if (trailing !== null) {
      for (const detector of prepared.detectors)
        if (detector.watches(subject)) rows.push(judgedAsTrailing(blank, detector, subject, trailing));
      continue;
    }
    const summary = windowSummary(subject, summaries.get(subjectKey(subject)));
    for (const detector of prepared.detectors) {
      if (detector.watches(subject)) rows.push(judged(blank, detector, subject, summary));
    }
  }
  if (model !== null) {
    const subject = modelSubject(model.before, model.history);
    const { before: _before, history: _history, ...counted } = model;
    const summary = { ...EMPTY, ...counted, n: window.n, bins: [] };
    for (const detector of prepared.detectors) {
      if (detector.watches(subject)) rows.push(judged(blank, detector, subject, summary));
    }
  }
  return rows;
}

/** The time before, as the reference that a detector of the whole model compares with. */
export const modelSubject = (n: number, before: ModelHistory): ReferenceSubject => ({
  subjectKind: "model",
  subject: "model",
  kind: "numeric",
  edges: [],
  categories: [],
  bins: [],
  means: [],
  n,
  missing: 0,
  invalid: 0,
  mean: 0,
  standardDeviation: 0,
  minimum: 0,
  maximum: 0,
  before,
});

/** The answer of one detector as a row. */
export function judged(
  blank: ReturnType<typeof blankRow>,
  detector: BoundDetector,
  subject: ReferenceSubject,
  summary: WindowSummary,
): MetricRow {
  const row = {
    ...blank,
    subject_kind: subject.subjectKind,
    subject: subject.subject,
    metric: detector.name,
    n: summary.n,
  };
  return withResult(row, () => detector.compare(subject, summary));
}

/** The same against what a person has accepted as the new normal; `detail` names the decision. */
function judgedAsAccepted(
  blank: ReturnType<typeof blankRow>,
  detector: BoundDetector,
  subject: ReferenceSubject,
  { baseline, series, reference, summary }: AcceptedInWindow,
): MetricRow {
  const accepted = { accepted: baseline.decisionId };
  const compare: BoundDetector["compare"] = (against, window) => {
    if (reference === null) return notYet(series.rows, baseline.needed);
    const result = detector.compare(against, window);
    return result.status === "ok" ? { ...result, detail: { ...result.detail, ...accepted } } : result;
  };
  const against = reference ?? subject;
  return judged(blank, { ...detector, compare }, against, windowSummary(against, summary));
}

/** The same against the trailing reference; `detail` names it. */
function judgedAsTrailing(
  blank: ReturnType<typeof blankRow>,
  detector: BoundDetector,
  subject: ReferenceSubject,
  { trailing, subjects, summaries }: TrailingInWindow,
): MetricRow {
  const against = subjects.get(subjectKey(subject));
  const compare: BoundDetector["compare"] = (reference, window) => {
    if (against === undefined) return tooFewBefore(trailing.rows);
    const result = detector.compare(reference, window);
    const trailingId = trailing.own?.referenceId ?? "";
    return result.status === "ok" ? { ...result, detail: { ...result.detail, trailing: trailingId } } : result;
  };
  const of = against ?? subject;
  return judged(blank, { ...detector, compare }, of, windowSummary(of, summaries.get(subjectKey(subject))));
}

const tooFewBefore = (rows: number) => ({
  status: "insufficient" as const,
  rows,
  needed: LEAST_TRAILING_EVENTS,
  reason: `Its trailing reference has too few rows: ${rows} events lie in the time before; ${LEAST_TRAILING_EVENTS} are needed.`,
});

const notYet = (rows: number, needed: number) => ({
  status: "insufficient" as const,
  rows,
  needed,
  reason: `Its drift was accepted as the new normal, of which there are too few rows yet; ${needed} are needed.`,
});

/** A row with the answer of a detector; one that throws is an error of its row alone. */
export function withResult(row: MetricRow, compare: () => DetectorResult | SampleResult): MetricRow {
  try {
    const result = compare();
    if (result.status === "insufficient")
      return { ...row, detail: JSON.stringify({ reason: result.reason, needed: result.needed }) };
    if (!Number.isFinite(result.value))
      return { ...row, status: "error", detail: JSON.stringify({ reason: "the detector gave no finite number" }) };
    const { expected, upper99, lower01 } = result.noise;
    return {
      ...row,
      status: "ok",
      value: result.value,
      lower: result.lower ?? null,
      upper: result.upper ?? null,
      threshold: limitOf(result),
      breached: hasBreached(result),
      detail: JSON.stringify({
        expected,
        upper99,
        ...(lower01 === undefined ? {} : { lower01 }),
        least: result.least,
        ...result.detail,
      }),
    };
  } catch (thrown) {
    return { ...row, status: "error", detail: JSON.stringify({ reason: messageOf(thrown) }) };
  }
}
