/** Kolmogorov's limit law: the p-value of a two-sample Kolmogorov-Smirnov distance from large samples. */

/**
 * Q(x) = P(sup |Brownian bridge| > x), with x = sqrt(n m / (n + m)) · D.
 *
 * Below 1 the theta-function form converges faster (Marsaglia, Tsang & Wang 2003, Journal of Statistical Software 8(18)); 1 for x <= 0.
 */
export function kolmogorovUpperTail(x: number): number {
  if (x <= 0.05) return 1;
  if (x < 1) {
    let sum = 0;
    for (let k = 1; k <= 19; k += 2) sum += Math.exp(-(k * k * Math.PI * Math.PI) / (8 * x * x));
    return Math.min(1, Math.max(0, 1 - (Math.sqrt(2 * Math.PI) / x) * sum));
  }
  let sum = 0;
  for (let k = 1; k <= 10; k++) sum += (k % 2 === 1 ? 1 : -1) * Math.exp(-2 * k * k * x * x);
  return Math.min(1, Math.max(0, 2 * sum));
}
