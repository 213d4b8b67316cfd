/** How far a window's scores were from probabilities, once its labels are known: the expected calibration error. */
import { z } from "zod";
import { calibrationError } from "../../math/calibration-error.ts";
import { type Sql, sql } from "../../store/sql.ts";
import { type KpiValue, undefinedKpi, Z95 } from "./kpi-value.ts";

const BINS = 10;
/** Sums of scores are of whole numbers, the same in any order of rows. */
const SCALE = 2 ** 30;

/** Of a score (no NULL; what is not within 0..1 is left out), by bin of equal width: rows with a label, sum of the scores in fixed point, rows that are `isRight`. */
export function calibrationColumns(score: Sql, isRight: Sql): Sql {
  const bin = sql`if(labelled AND ${score} >= 0 AND ${score} <= 1, toUInt32(least(floor(${score} * ${BINS}), ${BINS - 1})), ${BINS + 8})`;
  const fixed = sql`toInt64(round(least(greatest(${score}, 0), 1) * ${SCALE}))`;
  return sql`arrayZip(countResample(0, ${BINS}, 1)(${bin}), sumResample(0, ${BINS}, 1)(${fixed}, ${bin}), sumResample(0, ${BINS}, 1)(toUInt64(${isRight}), ${bin}))`;
}

export const calibrationRow = z.array(z.tuple([z.number(), z.number(), z.number()]));

/** Debiased: what chance alone would show is taken off. `detail` has both, how many labels are positive and what the scores say of that, and the reliability curve as `bins`: rows, mean score, positive share. */
export function expectedCalibrationError(found: z.output<typeof calibrationRow>): KpiValue {
  const bins = found.map(([rows, scores, positives]) => ({ rows, scores: scores / SCALE, positives }));
  const n = bins.reduce((sum, { rows }) => sum + rows, 0);
  if (n === 0) return undefinedKpi(0, "no labelled prediction has a probability");
  const { plain, noise, debiased, deviation, greatest } = calibrationError(bins);
  return {
    status: "ok",
    value: debiased,
    lower: Math.max(0, debiased - Z95 * deviation),
    upper: Math.min(1, debiased + Z95 * deviation),
    n,
    detail: {
      plain,
      noise,
      greatest,
      positives: bins.reduce((sum, { positives }) => sum + positives, 0),
      scores: bins.reduce((sum, { scores }) => sum + scores, 0),
      bins: bins
        .filter(({ rows }) => rows > 0)
        .map(({ rows, scores, positives }) => [rows, round(scores / rows), round(positives / rows)]),
    },
  };
}

/**
 * Of several classes: the greatest probability against how often its class is the true one (top-label calibration; Guo, Pleiss, Sun &
 * Weinberger 2017, ICML). It is judged by window alone, so what the page tier tests by is left out.
 */
export function topLabelCalibrationError(found: z.output<typeof calibrationRow>): KpiValue {
  const value = expectedCalibrationError(found);
  if (value.status !== "ok") return value;
  const { positives: _positives, scores: _scores, ...detail } = value.detail ?? {};
  return { ...value, detail };
}

const round = (share: number): number => Math.round(share * 1e6) / 1e6;
