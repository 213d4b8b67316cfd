/** Rounding as NumPy and SQL engines do it, so that ranks agree. */

/** The nearest whole number, the even one of two that are equally near. */
export function roundHalfToEven(x: number): number {
  const down = Math.floor(x);
  if (x - down !== 0.5) return Math.round(x);
  return down % 2 === 0 ? down : down + 1;
}
