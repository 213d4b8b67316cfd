/** Other monitors' definitions, which Driftline measures itself against and does not use. */
import { evidentlyCategorical, evidentlyNumeric } from "../../../bench/comparators/evidently.ts";
import { nannymlCategorical, nannymlNumeric } from "../../../bench/comparators/nannyml.ts";
import { andersonDarling, kuiper, mannWhitney, welch } from "../../../bench/comparators/rank-tests.ts";
import { series } from "../../support/golden.ts";
import type { Family, Given } from "../golden-function.ts";

const two = ({ inputs }: Given) => [series(inputs["a"]), series(inputs["b"])] as const;

export const comparators: Family = {
  anderson_ksamp(given) {
    const { statistic, pValue } = andersonDarling(...two(given));
    return { statistic_normalised: statistic, p_clipped_001_25: pValue };
  },
  mannwhitney(given) {
    const { u, pValue } = mannWhitney(...two(given));
    return { U1: u, p_asymptotic_cc: pValue };
  },
  welch_t(given) {
    const { t, pValue } = welch(...two(given));
    return { t, p: pValue };
  },
  kuiper(given) {
    return { V: kuiper(...two(given)) };
  },
  evidently_num(given) {
    const distances = evidentlyNumeric(...two(given));
    return {
      psi: distances.psi,
      jensenshannon: distances.jensenShannon,
      kl_div: distances.kullbackLeibler,
      hellinger: distances.hellinger,
      wasserstein: distances.wasserstein,
      ks: distances.kolmogorovSmirnovP,
    };
  },
  evidently_cat(given) {
    const distances = evidentlyCategorical(...two(given));
    return {
      psi: distances.psi,
      jensenshannon: distances.jensenShannon,
      kl_div: distances.kullbackLeibler,
      hellinger: distances.hellinger,
    };
  },
  nannyml_num(given) {
    const distances = nannymlNumeric(...two(given));
    return {
      doane_edges: distances.doaneEdges,
      jensenshannon: distances.jensenShannon,
      hellinger: distances.hellinger,
      wasserstein: distances.wasserstein,
      ks: distances.kolmogorovSmirnov,
    };
  },
  nannyml_cat(given) {
    const distances = nannymlCategorical(...two(given));
    return {
      jensenshannon: distances.jensenShannon,
      hellinger: distances.hellinger,
      linf: distances.greatestDifference,
      chi2: distances.chiSquared,
    };
  },
};
