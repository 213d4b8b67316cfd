/** Special functions and laws, by the name that a case gives in `fn`. */
import { z } from "zod";
import { binomialProbability } from "../../../src/math/binomial-probability.ts";
import { chiSquaredQuantile } from "../../../src/math/chi-squared-quantile.ts";
import { chiSquaredUpperTail } from "../../../src/math/chi-squared-upper-tail.ts";
import { hypergeometricProbability } from "../../../src/math/fisher-exact.ts";
import { gammaLogarithm } from "../../../src/math/gamma-logarithm.ts";
import { betaQuantile, incompleteBeta } from "../../../src/math/incomplete-beta.ts";
import { kolmogorovFiniteUpperTail } from "../../../src/math/kolmogorov-finite-upper-tail.ts";
import { kolmogorovUpperTail } from "../../../src/math/kolmogorov-upper-tail.ts";
import { normalProbability } from "../../../src/math/normal-probability.ts";
import { normalQuantile } from "../../../src/math/normal-quantile.ts";
import { studentUpperTail } from "../../../src/math/student-upper-tail.ts";
import type { Family } from "../golden-function.ts";

const nan = Number.NaN;
const functions: Readonly<Record<string, (...given: readonly number[]) => number>> = {
  "kolmogorov_sf(x)": (x = nan) => kolmogorovUpperTail(x),
  "kstwo_sf(x,n)": (x = nan, n = nan) => kolmogorovFiniteUpperTail(x, n),
  "chi2_sf(x,k)": (x = nan, k = nan) => chiSquaredUpperTail(x, k),
  "chi2_isf(p,k)": (p = nan, k = nan) => chiSquaredQuantile(1 - p, k),
  "chi2_ppf(q,k)": (q = nan, k = nan) => chiSquaredQuantile(q, k),
  "norm_ppf(p)": (p = nan) => normalQuantile(p),
  "norm_cdf(x)": (x = nan) => normalProbability(x),
  "norm_sf(x)": (x = nan) => normalProbability(-x),
  "gammaln(x)": (x = nan) => gammaLogarithm(x),
  "gammaincc(a,x)": (a = nan, x = nan) => chiSquaredUpperTail(2 * x, 2 * a),
  "betainc_reg(x,a,b)": (x = nan, a = nan, b = nan) => incompleteBeta(x, a, b),
  "beta_ppf(q,a,b)": (q = nan, a = nan, b = nan) => betaQuantile(q, a, b),
  "t_sf(t,df)": (t = nan, freedom = nan) => studentUpperTail(t, freedom),
  "binom_cdf(k,n,p)": (k = nan, n = nan, p = nan) => binomialProbability(k, n, p),
  "hypergeom_cdf(k,N,K,n)": (k = nan, rows = nan, marked = nan, drawn = nan) =>
    hypergeometricProbability(k, rows, marked, drawn),
};
const args = z.array(z.union([z.number().transform((x) => [x]), z.array(z.number())]));

export const special: Family = {
  special({ inputs }) {
    const name = z.string().parse(inputs["fn"]);
    const compute = functions[name];
    if (compute === undefined) throw new Error(`there is no function ${name}`);
    return { values: args.parse(inputs["args"]).map((given) => compute(...given)) };
  },
};
