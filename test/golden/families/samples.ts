/** Two-sample measures on raw values. */
import { populationDeviation } from "../../../bench/comparators/histogram.ts";
import { cramerVonMisesStatistic, cramerVonMisesUpperTail } from "../../../src/math/cramer-von-mises.ts";
import { squaredEnergyDistance } from "../../../src/math/energy-distance.ts";
import { kolmogorovFiniteUpperTail } from "../../../src/math/kolmogorov-finite-upper-tail.ts";
import { kolmogorovSmirnovDistance, kolmogorovSmirnovExactUpperTail } from "../../../src/math/kolmogorov-smirnov.ts";
import { kolmogorovUpperTail } from "../../../src/math/kolmogorov-upper-tail.ts";
import { roundHalfToEven } from "../../../src/math/round-half-to-even.ts";
import { wassersteinDistance } from "../../../src/math/wasserstein-distance.ts";
import { series } from "../../support/golden.ts";
import type { Family, Given } from "../golden-function.ts";

/** The file leaves the exact p-value out beyond so many pairs. */
const MOST_PAIRS = 250_000;
/** SciPy ends the series of the Cramér-von Mises law after the first term below this. */
const SCIPY_LEAST_TERM = 1e-7;

const two = ({ inputs }: Given) => ({ a: series(inputs["a"]), b: series(inputs["b"]) });

export const samples: Family = {
  ks_2samp(given) {
    const { a, b } = two(given);
    const [n, m] = [a.length, b.length];
    const distance = kolmogorovSmirnovDistance(a, b);
    const size = (n * m) / (n + m);
    return {
      D: distance,
      p_exact: n * m > MOST_PAIRS ? Number.NaN : kolmogorovSmirnovExactUpperTail(distance, n, m),
      p_asymp_scipy: kolmogorovFiniteUpperTail(distance, roundHalfToEven(size)),
      p_kolmogorov: kolmogorovUpperTail(Math.sqrt(size) * distance),
    };
  },
  wasserstein1(given) {
    const { a, b } = two(given);
    const distance = wassersteinDistance(a, b);
    return { w1: distance, w1_over_std_ref: distance / populationDeviation(a) };
  },
  energy_distance(given) {
    const { a, b } = two(given);
    const squared = squaredEnergyDistance(a, b);
    return { scipy: Math.sqrt(squared), squared };
  },
  cvm_2samp(given) {
    const { a, b } = two(given);
    const statistic = cramerVonMisesStatistic(a, b);
    return { statistic, p_asymptotic: cramerVonMisesUpperTail(statistic, a.length, b.length, SCIPY_LEAST_TERM) };
  },
};
