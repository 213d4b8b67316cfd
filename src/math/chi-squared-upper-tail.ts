/** p-value of a chi-squared statistic: the regularized upper incomplete gamma function of @stdlib, accurate far out. */
import gammainc from "@stdlib/math-base-special-gammainc";

/** P(X > statistic) for a chi-squared variable; 1 with no degrees of freedom or a statistic of 0. */
export function chiSquaredUpperTail(statistic: number, degreesOfFreedom: number): number {
  if (degreesOfFreedom <= 0 || statistic <= 0) return 1;
  return gammainc(statistic / 2, degreesOfFreedom / 2, true, true);
}
