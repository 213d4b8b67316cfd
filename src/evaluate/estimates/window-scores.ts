/** A window's scores as histograms, by the decision that was made on them: all that estimates before labels need of its rows. */
import { z } from "zod";
import type { Task } from "../../core/model-schema.ts";
import type { ProbabilityCells } from "../../math/confidence-based-estimates.ts";
import { join, type Sql, sql } from "../../store/sql.ts";
import { SCORE_SCALE, scoreCell } from "../references/labelled-scores.ts";
import { probabilityOf, type ScoreCalibration } from "./score-calibration.ts";

/** One array a class: (cell, rows, sum of scores in fixed point), the cells as in LabelledScores, those without rows left out. */
export function scoreColumns(task: Task, calibrations: readonly ScoreCalibration[]): Sql {
  return sql`[${join(calibrations.map((calibration) => histogram(task, calibration)))}]`;
}

function histogram(task: Task, { positive, bins }: ScoreCalibration): Sql {
  const score =
    task === "binary" ? sql`ifNull(score, -1)` : sql`if(empty(probabilities), -1, probabilities[${positive}])`;
  // NaN fails both comparisons, and what is no cell is not counted.
  const usable = sql`prediction_text != '' AND ${score} >= 0 AND ${score} <= 1`;
  const cell = sql`if(${usable}, ${scoreCell(score, bins)} + if(prediction_text = ${positive}, ${bins}, 0), ${2 * bins + 8})`;
  const fixed = sql`toInt64(round(least(greatest(${score}, 0), 1) * ${SCORE_SCALE}))`;
  return sql`arrayFilter(c -> c.2 > 0, arrayZip(range(${2 * bins}), countResample(0, ${2 * bins}, 1)(${cell}), sumResample(0, ${2 * bins}, 1)(${fixed}, ${cell})))`;
}

export const scoreRow = z.array(z.array(z.tuple([z.number(), z.number(), z.number()])));
export type WindowScores = z.output<typeof scoreRow>;

/** Histograms of one class with calibrated probabilities. */
export function probabilityCells(calibration: ScoreCalibration, found: WindowScores[number]): ProbabilityCells {
  const empty = () => ({
    rows: new Float64Array(calibration.bins),
    probability: new Float64Array(calibration.bins),
  });
  const cells = { decided: empty(), others: empty() };
  for (const [cell, rows, scores] of found) {
    const decided = cell >= calibration.bins;
    const sums = decided ? cells.decided : cells.others;
    const bin = decided ? cell - calibration.bins : cell;
    sums.rows[bin] = rows;
    sums.probability[bin] = rows * probabilityOf(calibration, scores / SCORE_SCALE / rows);
  }
  return cells;
}
