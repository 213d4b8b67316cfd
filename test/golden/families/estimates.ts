/** Performance without labels, calibration, fairness and ranking. */
import { z } from "zod";
import {
  nannymlAveragePrecision,
  nannymlRocAuc,
  nannymlSamplingError,
} from "../../../bench/comparators/nannyml-estimates.ts";
import { estimatedRate, estimatedRocAuc, expectedConfusion } from "../../../src/math/confidence-based-estimates.ts";
import { confusionMatrix } from "../../../src/math/confusion-metrics.ts";
import type { ConfusionCounts } from "../../../src/math/confusion-rates.ts";
import {
  equalisedOddsDifference,
  equalisedOddsRatio,
  type GroupCounts,
  type GroupRate,
  groupShare,
  rateDifference,
  rateRatio,
} from "../../../src/math/group-fairness.ts";
import { isotonicCurve, isotonicValue } from "../../../src/math/isotonic-regression.ts";
import { normalisedDiscountedGain } from "../../../src/math/normalised-discounted-gain.ts";
import { probabilityCells } from "../../support/probability-cells.ts";
import { columnsOf } from "../columns.ts";
import type { Family } from "../golden-function.ts";

const numbers = z.array(z.number());
const nan = Number.NaN;
/** The isotonic cases fit the first rows alone, and are read at these places. */
const FITTED_ROWS = 60;
const grid = Array.from({ length: 11 }, (_, step) => step / 10);

function confusionCounts(labels: readonly number[], decided: readonly number[]): ConfusionCounts {
  const [[tn = 0, fp = 0] = [], [fn = 0, tp = 0] = []] = confusionMatrix(labels, decided, 2);
  return { tp, fp, fn, tn };
}

/** The counts of each group, the groups being numbers from 0 on. */
function groupCounts(group: readonly number[], labels: readonly number[], decided: readonly number[]): GroupCounts[] {
  return Array.from({ length: 1 + Math.max(...group) }, (_, index) => {
    const isIn = (_value: number, row: number) => group[row] === index;
    const counts = confusionCounts(labels.filter(isIn), decided.filter(isIn));
    const { tp, fp, fn, tn } = counts;
    return { group: String(index), rows: tp + fp + fn + tn, selected: tp + fp, ...counts };
  });
}

export const estimates: Family = {
  cbpe(given) {
    const column = columnsOf(given);
    const scores = column("p");
    const isRecalibrated = String(given.inputs["rule"]).startsWith("calibrated");
    const calibrated = isRecalibrated ? column("c") : scores;
    const cells = probabilityCells(
      scores,
      calibrated,
      column("yhat").map((decision) => decision === 1),
    );
    const confusion = expectedConfusion(cells);
    return {
      accuracy: estimatedRate("accuracy", confusion)?.value,
      precision: estimatedRate("precision", confusion)?.value,
      recall: estimatedRate("recall", confusion)?.value,
      specificity: estimatedRate("specificity", confusion)?.value,
      f1: estimatedRate("f1", confusion)?.value,
      roc_auc_exact_halfties: estimatedRocAuc(cells, true)?.value,
      roc_auc_nannyml: nannymlRocAuc(calibrated, scores),
      ap_nannyml: nannymlAveragePrecision(calibrated, scores),
    };
  },
  cbpe_sampling_error(given) {
    const column = columnsOf(given);
    const counts = confusionCounts(column("y"), column("yhat"));
    const components = (rate: Parameters<typeof nannymlSamplingError>[0]) => {
      const found = nannymlSamplingError(rate, counts);
      return [found?.deviation ?? nan, found?.share ?? nan];
    };
    return {
      accuracy: components("accuracy").slice(0, 1),
      precision: components("precision"),
      recall: components("recall"),
      specificity: components("specificity"),
      f1: components("f1"),
    };
  },
  isotonic(given) {
    const column = columnsOf(given);
    const curve = isotonicCurve(column("p").slice(0, FITTED_ROWS), column("y").slice(0, FITTED_ROWS));
    return { grid, fit: grid.map((x) => isotonicValue(curve, x)) };
  },
  fairness(given) {
    const column = columnsOf(given);
    const groups = groupCounts(column("group"), column("y"), column("yhat"));
    const rates = (rate: GroupRate) =>
      groups.map((counts) => groupShare(rate, counts)).map(({ of, rows }) => of / rows);
    return {
      demographic_parity_difference: rateDifference("selection_rate", groups)?.value,
      demographic_parity_ratio: rateRatio("selection_rate", groups)?.value,
      equalized_odds_difference: equalisedOddsDifference(groups)?.value,
      equalized_odds_ratio: equalisedOddsRatio(groups)?.value,
      equal_opportunity_difference: rateDifference("true_positive_rate", groups)?.value,
      selection_rate: rates("selection_rate"),
      tpr: rates("true_positive_rate"),
      fpr: rates("false_positive_rate"),
      count: groups.map(({ rows }) => rows),
    };
  },
  ranking({ inputs }) {
    const [relevance, scores] = [numbers.parse(inputs["relevance"]), numbers.parse(inputs["scores"])];
    return {
      ndcg: normalisedDiscountedGain(relevance, scores),
      ndcg_at_3: normalisedDiscountedGain(relevance, scores, 3),
    };
  },
};
