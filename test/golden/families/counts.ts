/** Measures on counts over bins, and the bins themselves. */
import { z } from "zod";
import { chiSquaredQuantile } from "../../../src/math/chi-squared-quantile.ts";
import { contingencyTest } from "../../../src/math/contingency-test.ts";
import {
  greatestDifference,
  hellingerDistance,
  jensenShannonDivergence,
  kullbackLeibler,
  plainShares,
  smoothedShares,
  stabilityTerms,
  totalVariationDistance,
} from "../../../src/math/divergences.ts";
import { fisherExact } from "../../../src/math/fisher-exact.ts";
import { mergeBins, quantileCuts } from "../../../src/math/merge-bins.ts";
import { countIntoEdges, numericEdges } from "../../../src/math/numeric-edges.ts";
import { total } from "../../../src/math/total.ts";
import { twoProportionTest } from "../../../src/math/two-proportion-test.ts";
import { series } from "../../support/golden.ts";
import type { Family, Given } from "../golden-function.ts";

const countList = z.array(z.number());
const table = z.tuple([z.tuple([z.number(), z.number()]), z.tuple([z.number(), z.number()])]);
const proportions = z.object({ x1: z.number(), n1: z.number(), x2: z.number(), n2: z.number() });

const two = ({ inputs }: Given) => ({ a: countList.parse(inputs["counts_a"]), b: countList.parse(inputs["counts_b"]) });

/** Ten quantile bins of the first sample, at order statistics; with ties fewer. */
function quantileBins({ inputs }: Given) {
  const a = series(inputs["a"]).sort((x, y) => x - y);
  const all = numericEdges(a);
  const bins = countIntoEdges(a, all);
  const cuts = quantileCuts(bins, 10, false);
  return {
    edges: cuts.map((cut) => all[cut] ?? Number.NaN),
    countsA: mergeBins(bins, cuts),
    countsB: mergeBins(countIntoEdges(series(inputs["b"]), all), cuts),
  };
}

export const counts: Family = {
  quantile_bins10(given) {
    const { edges, countsA, countsB } = quantileBins(given);
    return { edges, counts_a: countsA, counts_b: countsB };
  },
  psi_kt10(given) {
    const { countsA, countsB } = quantileBins(given);
    const spread = 1 / total(countsA) + 1 / total(countsB);
    const freedom = countsA.length - 1;
    const clipped = (rows: readonly number[]) => plainShares(rows).map((share) => Math.max(share, 1e-4));
    return {
      psi: total(stabilityTerms(smoothedShares(countsA), smoothedShares(countsB))),
      psi_eps1e4: total(stabilityTerms(clipped(countsA), clipped(countsB))),
      null_mean_psi: freedom * spread,
      thr99: chiSquaredQuantile(0.99, freedom) * spread,
    };
  },
  psi_terms(given) {
    const { a, b } = two(given);
    const terms = stabilityTerms(smoothedShares(a), smoothedShares(b));
    return { psi: total(terms), terms };
  },
  chi2_gtest(given) {
    const { a, b } = two(given);
    const test = contingencyTest(a, b);
    return {
      chi2: test.chiSquared,
      chi2_p: test.chiSquaredP,
      dof: test.degreesOfFreedom,
      g: test.g,
      g_p: test.gP,
      cramers_v: test.cramersV,
    };
  },
  divergences(given) {
    const { a, b } = two(given);
    const [p, q] = [plainShares(a), plainShares(b)];
    const [smoothP, smoothQ] = [smoothedShares(a), smoothedShares(b)];
    const divergence = jensenShannonDivergence(p, q);
    return {
      js_base2: Math.sqrt(divergence / Math.LN2),
      js_nat: Math.sqrt(divergence),
      hellinger: hellingerDistance(p, q),
      tv: totalVariationDistance(p, q),
      linf: greatestDifference(p, q),
      kl_kt_ref_cur: kullbackLeibler(smoothP, smoothQ),
      kl_kt_cur_ref: kullbackLeibler(smoothQ, smoothP),
      psi_kt: total(stabilityTerms(smoothP, smoothQ)),
    };
  },
  fisher_exact({ inputs }) {
    return { p: fisherExact(table.parse(inputs["table"])) };
  },
  two_proportion_z({ inputs }) {
    const { x1, n1, x2, n2 } = proportions.parse(inputs);
    const { z: statistic, pValue } = twoProportionTest(x1, n1, x2, n2);
    return { z: statistic, p: pValue };
  },
};
