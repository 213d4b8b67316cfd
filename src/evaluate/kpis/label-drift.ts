/** Drift of the ground truth: the window's labels against those of the reference. They come with the KPIs, when labels do. */
import { z } from "zod";
import type { MetricRow } from "../../core/metric.ts";
import type { ReferenceSubject } from "../../core/summary.ts";
import { type Sql, sql } from "../../store/sql.ts";
import { blankRow, judged, type SeriesWindow, windowSummary } from "../drift-rows.ts";
import type { PreparedModel } from "../prepare-model.ts";
import { categoricalBins, momentScale, numericBins, rounded } from "../value-expressions.ts";

/** A label that has not come is not an event with a missing value: `label_coverage` tells of those. */
const NOT_FOR_LABELS: ReadonlySet<string> = new Set(["missing-rate", "invalid-rate"]);

/** null where the reference has no labels or no detector watches them. */
export function labelSubject({ reference, detectors }: PreparedModel): ReferenceSubject | null {
  const subject = reference?.subjects.find(({ subjectKind }) => subjectKind === "label") ?? null;
  return subject !== null &&
    detectors.some((detector) => detector.watches(subject) && !NOT_FOR_LABELS.has(detector.name))
    ? subject
    : null;
}

/** (bins, sum of round(x * scale), minimum, maximum) of the labels. */
export function labelColumns(subject: ReferenceSubject): Sql {
  if (subject.kind === "categorical") {
    const inTail = (subject.bins[subject.categories.length] ?? 0) > 0 ? sql`true` : null;
    return sql`(${categoricalBins(subject.categories, sql`toString(label_text)`, sql`labelled`, inTail)}, '0', CAST(NULL AS Nullable(Float64)), CAST(NULL AS Nullable(Float64)))`;
  }
  const value = rounded(sql`ifNull(label, 0)`);
  const whole = sql`toInt128(round(least(greatest(${value} * ${momentScale(subject)}, -1e18), 1e18)))`;
  return sql`(${numericBins(subject.edges, value, sql`labelled`)}, toString(sumIf(${whole}, labelled)), minOrNullIf(${value}, labelled), maxOrNullIf(${value}, labelled))`;
}

export const labelRow = z.tuple([z.array(z.number()), z.string(), z.number().nullable(), z.number().nullable()]);

export function labelDriftRows(
  prepared: PreparedModel,
  subject: ReferenceSubject,
  window: SeriesWindow,
  found: z.output<typeof labelRow> | undefined,
  labelled: number,
  computedAt: number,
): MetricRow[] {
  const summary =
    found === undefined
      ? undefined
      : {
          ...window,
          slice: window.start,
          subjectKind: subject.subjectKind,
          subject: subject.subject,
          n: labelled,
          missing: 0,
          invalid: 0,
          bins: found[0],
          s1: found[1],
          minimum: found[2],
          maximum: found[3],
        };
  const coverage = window.n === 0 ? 0 : labelled / window.n;
  const blank = { ...blankRow(prepared, window, computedAt), coverage };
  return prepared.detectors
    .filter((detector) => detector.watches(subject) && !NOT_FOR_LABELS.has(detector.name))
    .map((detector) => judged(blank, detector, subject, windowSummary(subject, summary)));
}
