/**
 * Concept drift: whether a score means what it meant in the reference, P(y | score), once the labels of a window are there. Estimates
 * before labels take it that it does, so this row also says whether they can be trusted.
 */
import { z } from "zod";
import type { MetricRow } from "../../core/metric.ts";
import { conditionalShift, type ScoredRows } from "../../math/conditional-shift.ts";
import { type IsotonicCurve, isotonicCurve, isotonicValue } from "../../math/isotonic-regression.ts";
import { momentQuantile } from "../../math/moment-law.ts";
import { type Sql, sql } from "../../store/sql.ts";
import { blankRow, type SeriesWindow } from "../drift-rows.ts";
import type { PreparedModel } from "../prepare-model.ts";
import { SCORE_SCALE, scoreCell } from "../references/labelled-scores.ts";
import { LEAST_COVERAGE, notJudged } from "./kpi-value.ts";

export const CONCEPT_DRIFT = "concept-drift";
/** Labelled rows, and rows of either kind, below which a reference can't say what a score means: as for estimates. */
const LEAST_ROWS = 500;
const LEAST_OF_A_KIND = 30;
/** Bins of about equally many reference rows. */
const BINS = 10;
/** A mean change of the share of positives that is worth a breach: what estimates don't survive. */
const LEAST_SHIFT = 0.02;

export interface ConceptReference {
  readonly positive: string;
  /** Cells of equal width over [0, 1]. */
  readonly cells: number;
  /** The bin of each cell, ascending. */
  readonly binOf: readonly number[];
  readonly curve: IsotonicCurve;
  readonly bins: readonly ScoredRows[];
}

/** null where the model is not of two classes, or its reference has too few rows with a score and a label. */
export function conceptReference({ config, reference }: PreparedModel): ConceptReference | null {
  const scores = config.task === "binary" ? reference?.labelledScores[0] : undefined;
  if (scores === undefined) return null;
  const cells = scores.rows.length / 2;
  const rows = sum(scores.rows);
  const positives = sum(scores.positives);
  if (rows < LEAST_ROWS || positives < LEAST_OF_A_KIND || rows - positives < LEAST_OF_A_KIND) return null;
  const shares = scores.rows.map((count, cell) => (count > 0 ? (scores.positives[cell] ?? 0) / count : 0));
  const curve = isotonicCurve(scores.means, shares, scores.rows);
  const both = (counts: readonly number[], cell: number) => (counts[cell] ?? 0) + (counts[cell + cells] ?? 0);
  const binOf: number[] = [];
  let before = 0;
  for (let cell = 0; cell < cells; cell++) {
    // By the middle of the cell's rows, so that a cell with many goes to the bin where most of them lie.
    const count = both(scores.rows, cell);
    binOf.push(Math.max(binOf.at(-1) ?? 0, Math.min(BINS - 1, Math.floor(((before + count / 2) / rows) * BINS))));
    before += count;
  }
  const found = scores.rows.map((count, cell) => ({
    cell: cell % cells,
    rows: count,
    positives: scores.positives[cell] ?? 0,
    mean: scores.means[cell] ?? 0,
  }));
  return { positive: scores.positive, cells, binOf, curve, bins: binned(found, binOf, curve) };
}

interface ScoredCell {
  readonly cell: number;
  readonly rows: number;
  readonly positives: number;
  readonly mean: number;
}

function binned(found: readonly ScoredCell[], binOf: readonly number[], curve: IsotonicCurve): ScoredRows[] {
  const bins = Array.from({ length: BINS }, () => ({ rows: 0, positives: 0, expected: 0 }));
  for (const { cell, rows, positives, mean } of found) {
    const bin = bins[binOf[cell] ?? 0];
    if (bin === undefined || rows === 0) continue;
    bin.rows += rows;
    bin.positives += positives;
    bin.expected += rows * isotonicValue(curve, mean);
  }
  return bins;
}

const sum = (values: readonly number[]): number => values.reduce((total, value) => total + value, 0);

/** (cell, labelled rows, positives of them, sum of scores in fixed point); cells without rows are left out. */
export function conceptColumns({ positive, cells }: ConceptReference): Sql {
  const score = sql`ifNull(score, -1)`;
  const cell = sql`if(labelled AND ${score} >= 0 AND ${score} <= 1, ${scoreCell(score, cells)}, ${cells + 8})`;
  const fixed = sql`toInt64(round(least(greatest(${score}, 0), 1) * ${SCORE_SCALE}))`;
  const summed = (value: Sql) => sql`sumResample(0, ${cells}, 1)(${value}, ${cell})`;
  return sql`arrayFilter(c -> c.2 > 0, arrayZip(range(${cells}), countResample(0, ${cells}, 1)(${cell}), ${summed(sql`toUInt64(label_text = ${positive})`)}, ${summed(fixed)}))`;
}

export const conceptRow = z.array(z.tuple([z.number(), z.number(), z.number(), z.number()]));

export function conceptDriftRow(
  prepared: PreparedModel,
  concept: ConceptReference,
  window: SeriesWindow,
  found: z.output<typeof conceptRow> | undefined,
  counts: { readonly n: number; readonly labels: number },
  computedAt: number,
): MetricRow {
  const cells = (found ?? []).map(([cell, rows, positives, scores]) => ({
    cell,
    rows,
    positives,
    mean: scores / SCORE_SCALE / rows,
  }));
  const n = cells.reduce((total, { rows }) => total + rows, 0);
  const needed = prepared.config.min_rows;
  const row: MetricRow = {
    ...blankRow(prepared, window, computedAt),
    subject_kind: "kpi",
    subject: "kpi",
    metric: CONCEPT_DRIFT,
    n,
    coverage: counts.n === 0 ? 0 : counts.labels / counts.n,
  };
  const bins = binned(cells, concept.binOf, concept.curve);
  const shift = n < needed ? null : conditionalShift(concept.bins, bins);
  if (shift === null)
    return {
      ...row,
      detail: JSON.stringify({
        reason: `The window has ${n} rows with a score and a label; ${needed} are needed.`,
        needed,
      }),
    };
  const upper99 = momentQuantile(0.99, shift.noise);
  const judged = row.coverage >= LEAST_COVERAGE;
  const threshold = Math.max(LEAST_SHIFT, upper99);
  return {
    ...row,
    status: "ok",
    value: shift.value,
    threshold,
    breached: judged && shift.value > threshold,
    detail: JSON.stringify({
      expected: shift.noise.mean,
      upper99,
      least: LEAST_SHIFT,
      // Upper end of the score, labelled rows, share of positives expected by the reference, share found, and the shift.
      bins: bins.flatMap(({ rows, positives, expected }, bin) => {
        const end = (concept.binOf.lastIndexOf(bin) + 1) / concept.cells;
        return rows === 0
          ? []
          : [[end, rows, round(expected / rows), round(positives / rows), round(shift.shifts[bin] ?? 0)]];
      }),
      ...(judged ? {} : notJudged(row.coverage, LEAST_COVERAGE)),
    }),
  };
}

const round = (share: number): number => Math.round(share * 1e6) / 1e6;
