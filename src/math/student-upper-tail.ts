/** p-values of Student's law, for means whose spread is estimated. */
import { incompleteBeta } from "./incomplete-beta.ts";

/** P(T > t) of Student's law; the degrees of freedom are above 0 and need not be whole. */
export function studentUpperTail(t: number, degreesOfFreedom: number): number {
  const square = t * t;
  if (!Number.isFinite(square)) return Number.isNaN(t) ? Number.NaN : t > 0 ? 0 : 1;
  const tail = incompleteBeta(degreesOfFreedom / (degreesOfFreedom + square), degreesOfFreedom / 2, 0.5) / 2;
  return t > 0 ? tail : 1 - tail;
}
