/**
 * The rising factorial a(a+1)…(a+c-1) = Γ(a+c)/Γ(a) against the power a^c, as a logarithm. The difference of two log-gammas loses all its
 * digits where a is large (1e8 rows of a reference, a pane of 100); what is left of it after the power is taken out does not.
 */

/** From here on Stirling's series to the 11th power is exact to the last digit. */
const STIRLING_FROM = 16;

/**
 * ln[Γ(a+c) / (Γ(a) a^c)] for a > 0 and a whole c >= 0: the sum of ln(1 + i/a) over i < c, about c²/2a for small c.
 * Relative error about 1e-15 of c.
 */
export function risingFactorialExcess(a: number, c: number): number {
  if (c < 2) return 0;
  if (a >= STIRLING_FROM) return byStirling(a, c);
  const steps = Math.min(c, Math.ceil(STIRLING_FROM - a));
  let product = 1;
  for (let i = 1; i < steps; i++) product *= 1 + i / a;
  // At most 16 factors; for a below 1e-19 they could overflow, and a reference's bins weigh 1 or more.
  const first = Math.log(product);
  const rest = c - steps;
  return rest === 0 ? first : first + rest * Math.log1p(steps / a) + byStirling(a + steps, rest);
}

function byStirling(a: number, c: number): number {
  return (a + c - 0.5) * Math.log1p(c / a) - c + (remainder(a + c) - remainder(a));
}

/** ln Γ(x) - [(x - 1/2) ln x - x + ln √(2π)], by Stirling's series. */
function remainder(x: number): number {
  const u = 1 / (x * x);
  return (1 / 12 - u * (1 / 360 - u * (1 / 1260 - u * (1 / 1680 - u * (1 / 1188 - (u * 691) / 360360))))) / x;
}
