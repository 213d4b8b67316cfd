/** Measures of predictions against their labels. The cases' `rule` says how labels and predictions come from the series. */
import { calibrationError } from "../../../src/math/calibration-error.ts";
import {
  confusionMatrix,
  confusionMetrics,
  macroAverage,
  weightedAverage,
} from "../../../src/math/confusion-metrics.ts";
import { kendallCorrelation, pearsonCorrelation, spearmanCorrelation } from "../../../src/math/correlation.ts";
import { brierScore, logLoss } from "../../../src/math/proper-scores.ts";
import { pinballLoss, regressionMetrics } from "../../../src/math/regression-metrics.ts";
import { scoreRanking } from "../../../src/math/roc-auc.ts";
import { reliabilityBins } from "../../support/reliability-bins.ts";
import { columnsOf } from "../columns.ts";
import type { Family } from "../golden-function.ts";

export const performance: Family = {
  binary_metrics(given) {
    const column = columnsOf(given);
    const p = column("p");
    const isPositive = column("y").map((label) => label === 1);
    const matrix = confusionMatrix(column("y"), column("yhat"), 2);
    const metrics = confusionMetrics(matrix);
    const ranking = scoreRanking(p, isPositive);
    const calibration = calibrationError(reliabilityBins(p, isPositive));
    return {
      roc_auc: ranking.rocAuc,
      average_precision: ranking.averagePrecision,
      log_loss_clip1e15: logLoss(p, isPositive, 1e-15),
      brier: brierScore(p, isPositive),
      ece10: calibration.plain,
      mce10: calibration.greatest,
      accuracy: metrics.accuracy,
      precision: metrics.precision[1],
      recall: metrics.recall[1],
      f1: metrics.f1[1],
      mcc: metrics.matthews,
      kappa: metrics.kappa,
      balanced_accuracy: metrics.balancedAccuracy,
      ks_stat: ranking.greatestSeparation,
      tn_fp_fn_tp: matrix.flat(),
    };
  },
  multiclass(given) {
    const column = columnsOf(given);
    const [actual, predicted] = [column("y"), column("yhat")];
    const matrix = confusionMatrix(actual, predicted, 1 + Math.max(...actual, ...predicted));
    const metrics = confusionMetrics(matrix);
    return {
      confusion: matrix,
      accuracy: metrics.accuracy,
      macro_f1: macroAverage(metrics.f1, matrix),
      weighted_f1: weightedAverage(metrics.f1, metrics.support),
      macro_precision: macroAverage(metrics.precision, matrix),
      macro_recall: macroAverage(metrics.recall, matrix),
      mcc: metrics.matthews,
      kappa: metrics.kappa,
    };
  },
  regression(given) {
    const column = columnsOf(given);
    const [actual, predicted] = [column("y"), column("yhat")];
    const metrics = regressionMetrics(actual, predicted);
    return {
      mae: metrics.mae,
      rmse: metrics.rmse,
      r2: metrics.r2,
      mape: metrics.mape,
      medae: metrics.medianAbsoluteError,
      me: metrics.meanError,
      explained_variance: metrics.explainedVariance,
      pinball09: pinballLoss(actual, predicted, 0.9),
      max_error: metrics.greatestError,
    };
  },
  correlation(given) {
    const column = columnsOf(given);
    const [x, y] = [column("x"), column("y")];
    return {
      pearson: pearsonCorrelation(x, y),
      spearman: spearmanCorrelation(x, y),
      kendall: kendallCorrelation(x, y),
    };
  },
};
