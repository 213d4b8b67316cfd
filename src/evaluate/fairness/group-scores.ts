/** A window's scores by group and decision, as histograms: what fairness before labels needs of its rows. */
import { z } from "zod";
import { type ExpectedConfusion, expectedConfusion } from "../../math/confidence-based-estimates.ts";
import { featureColumn } from "../../store/model-tables.ts";
import { join, name, type Sql, sql } from "../../store/sql.ts";
import { calibrate, type ScoreCalibration } from "../estimates/score-calibration.ts";
import { probabilityCells } from "../estimates/window-scores.ts";
import type { PreparedModel } from "../prepare-model.ts";
import { GROUP_SCORE_BINS, SCORE_SCALE, scoreCell } from "../references/labelled-scores.ts";
import { categoryPlace, textOrEmpty } from "../value-expressions.ts";

/** A feature with the groups whose scores the reference has calibrated, each for itself. */
export interface CalibratedFeature {
  readonly feature: string;
  readonly groups: readonly { readonly group: string; readonly calibration: ScoreCalibration }[];
  /** Groups of the reference that have no estimate, and why. */
  readonly without: readonly { readonly group: string; readonly reason: string }[];
}

const known = new WeakMap<PreparedModel, CalibratedFeature[]>();

/** A score may mean another thing in another group, so each has its own calibration. None where the model is not binary. */
export function calibratedFeatures(prepared: PreparedModel): CalibratedFeature[] {
  const before = known.get(prepared);
  if (before !== undefined) return before;
  const { config, reference } = prepared;
  const scores = config.estimates && config.task === "binary" ? (reference?.groupScores ?? []) : [];
  const features = (config.fairness?.groups ?? []).flatMap((feature): CalibratedFeature[] => {
    const isCategorical = reference?.subjects.some(
      ({ subject, kind }) => subject === feature && kind === "categorical",
    );
    const own = scores
      .filter((one) => one.feature === feature && isCategorical === true)
      .sort((a, b) => (a.group < b.group ? -1 : 1));
    const calibrated = own.map((one) => ({ group: one.group, calibration: calibrate(one.scores) }));
    if (own.length === 0) return [];
    return [
      {
        feature,
        groups: calibrated.flatMap(({ group, calibration }) =>
          typeof calibration === "string" ? [] : [{ group, calibration }],
        ),
        without: calibrated.flatMap(({ group, calibration }) =>
          typeof calibration === "string" ? [{ group, reason: calibration }] : [],
        ),
      },
    ];
  });
  known.set(prepared, features);
  return features;
}

const CELLS = 2 * GROUP_SCORE_BINS;

/** One array a feature: (cell, rows, sum of scores in fixed point), the cells of its groups one after the other. */
export const groupScoreColumns = (prepared: PreparedModel, features: readonly CalibratedFeature[]): Sql =>
  sql`[${join(features.map((feature) => histogram(prepared, feature)))}]`;

function histogram({ schema }: PreparedModel, { feature, groups }: CalibratedFeature): Sql {
  const size = groups.length * CELLS;
  if (size === 0) return sql`CAST([] AS Array(Tuple(UInt16, UInt64, Int64)))`;
  const score = sql`ifNull(score, -1)`;
  const value = name(featureColumn(feature));
  const names = groups.map(({ group }) => group);
  const place = sql`toUInt32(${categoryPlace(names, textOrEmpty(value), sql`toUInt64(${names.length})`)})`;
  const usable = sql`prediction_text != '' AND isNotNull(${value}) AND ${score} >= 0 AND ${score} <= 1`;
  const decided = sql`if(prediction_text = ${schema.classes[1] ?? "1"}, ${GROUP_SCORE_BINS}, 0)`;
  const cell = sql`toUInt32(if(${usable}, ${place} * ${CELLS} + ${scoreCell(score, GROUP_SCORE_BINS)} + ${decided}, ${size + 8}))`;
  const fixed = sql`toInt64(round(least(greatest(${score}, 0), 1) * ${SCORE_SCALE}))`;
  return sql`arrayFilter(c -> c.2 > 0, arrayZip(range(${size}), countResample(0, ${size}, 1)(${cell}), sumResample(0, ${size}, 1)(${fixed}, ${cell})))`;
}

export const groupScoreRow = z.array(z.array(z.tuple([z.number(), z.number(), z.number()])));

/** The expected confusion matrix of each group with a calibration. */
export function expectedByGroup(
  { groups }: CalibratedFeature,
  found: z.output<typeof groupScoreRow>[number],
): { readonly group: string; readonly expected: ExpectedConfusion; readonly calibration: ScoreCalibration }[] {
  return groups.map(({ group, calibration }, index) => {
    const own = found
      .filter(([cell]) => Math.floor(cell / CELLS) === index)
      .map(([cell, rows, scores]): [number, number, number] => [cell - index * CELLS, rows, scores]);
    return { group, calibration, expected: expectedConfusion(probabilityCells(calibration, own)) };
  });
}
