/**
 * KPIs as ratios of sums over rows, realised or estimated: only such a KPI can be told apart exactly by segments. F1 is one (2 tp over
 * 2 tp + fp + fn); ROC-AUC, R² and the user's own expressions are not.
 */
import { estimatedBy, isEstimate, kpiNames } from "../../config/kpis.ts";
import { probabilityOf, type ScoreCalibration } from "../estimates/score-calibration.ts";
import { type ClassRate, isClassRate } from "../kpis/classification.ts";
import type { PreparedModel } from "../prepare-model.ts";
import type { RowColumns } from "./window-rows.ts";

/** A row's part of numerator and denominator; null where the row does not bear on the KPI. */
export type RowPart = (rows: RowColumns, row: number) => readonly [number, number] | null;

export interface RatioKpi {
  readonly metric: string;
  /** Whether a greater value is the worse one. */
  readonly lossLike: boolean;
  /** False where the reference says nothing of it (label coverage). */
  readonly inReference: boolean;
  readonly part: RowPart;
}

/** A probability of 0 that was wrong would cost infinitely much: as for the KPI itself. */
const CLIP = 2.220446049250313e-16;

const isClassKpi = (name: string): name is "accuracy" | ClassRate => name === "accuracy" || isClassRate(name);

/** null where the KPI is no ratio of sums, or not of this model. */
export function ratioKpi(metric: string, prepared: PreparedModel): RatioKpi | null {
  const name = kpiNames.find((known) => known === metric);
  if (name === undefined) return null;
  const part = isEstimate(name) ? estimatedPart(estimatedBy(name), prepared) : realisedPart(name, prepared);
  if (part === null) return null;
  const lossLike =
    name === "false_positive_rate" || name === "log_loss" || name === "brier" || name === "mae" || name === "rmse";
  return { metric, lossLike, inReference: name !== "label_coverage", part };
}

/** By whether the row was decided to be positive and is: the parts of precision, recall, specificity, false positive rate and F1. */
function classPart(kpi: ClassRate, decided: boolean, chance: number): readonly [number, number] | null {
  if (kpi === "precision") return decided ? [chance, 1] : null;
  if (kpi === "recall") return [decided ? chance : 0, chance];
  if (kpi === "specificity") return [decided ? 0 : 1 - chance, 1 - chance];
  if (kpi === "false_positive_rate") return [decided ? 1 - chance : 0, 1 - chance];
  return decided ? [2 * chance, 1 + chance] : [0, chance];
}

function realisedPart(name: string, { config, schema }: PreparedModel): RowPart | null {
  const positive = config.task === "binary" ? (schema.classes[1] ?? "1") : null;
  if (name === "label_coverage")
    return ({ labels, actual }, row) => [
      Number(config.task === "regression" ? (actual[row] ?? null) !== null : (labels[row] ?? "") !== ""),
      1,
    ];
  if (config.task === "regression")
    return name === "mae" ? errorPart(Math.abs) : name === "rmse" ? errorPart((e) => e * e) : null;
  if (name === "accuracy") return ({ decisions, labels }, row) => known(decisions, labels, row, (right) => [right, 1]);
  if (positive === null) return null;
  if (isClassRate(name))
    return ({ decisions, labels }, row) =>
      known(decisions, labels, row, () =>
        classPart(name, decisions[row] === positive, Number(labels[row] === positive)),
      );
  if (name !== "log_loss" && name !== "brier") return null;
  return ({ labels, scores }, row) => {
    const score = scores[row] ?? null;
    const label = labels[row] ?? "";
    if (label === "" || score === null || score < 0 || score > 1) return null;
    const truth = label === positive ? score : 1 - score;
    return [name === "brier" ? (1 - truth) ** 2 : -Math.log(Math.min(1 - CLIP, Math.max(CLIP, truth))), 1];
  };
}

function errorPart(size: (error: number) => number): RowPart {
  return ({ predicted, actual }, row) => {
    const value = predicted[row] ?? null;
    const truth = actual[row] ?? null;
    return value === null || truth === null ? null : [size(value - truth), 1];
  };
}

function known<Part>(
  decisions: readonly string[],
  labels: readonly string[],
  row: number,
  part: (right: number) => Part,
): Part | null {
  const decision = decisions[row] ?? "";
  const label = labels[row] ?? "";
  return decision === "" || label === "" ? null : part(Number(decision === label));
}

/** What is expected of a row by its calibrated score, on both sides alike. Two classes only: an event's other probabilities are not kept. */
function estimatedPart(kpi: string, { config, estimation }: PreparedModel): RowPart | null {
  const calibration: ScoreCalibration | undefined =
    typeof estimation === "string" || estimation.from !== "scores" ? undefined : estimation.calibrations[0];
  if (calibration === undefined || config.task !== "binary" || !isClassKpi(kpi)) return null;
  return ({ decisions, scores }, row) => {
    const score = scores[row] ?? null;
    const decision = decisions[row] ?? "";
    if (score === null || score < 0 || score > 1 || decision === "") return null;
    const chance = probabilityOf(calibration, score);
    const decided = decision === calibration.positive;
    return kpi === "accuracy" ? [decided ? chance : 1 - chance, 1] : classPart(kpi, decided, chance);
  };
}
