/** Mean and deviation from exact sums of whole numbers, so that they do not depend on the order in which rows were read. */

export interface ExactSums {
  readonly n: number;
  /** Sum of round(x * scale). */
  readonly s1: bigint;
  /** Sum of its square. */
  readonly s2: bigint;
  readonly scale: number;
}

/** 0 where there are no rows. */
export function meanOf({ n, s1, scale }: Omit<ExactSums, "s2">): number {
  return n === 0 ? 0 : Number(s1) / n / scale;
}

/** Population standard deviation; 0 where there are no rows. */
export function deviationOf({ n, s1, s2, scale }: ExactSums): number {
  if (n === 0) return 0;
  // n·Σx² − (Σx)² is formed exactly: in floats it would cancel.
  const spread = BigInt(n) * s2 - s1 * s1;
  return Math.sqrt(Number(spread)) / n / scale;
}

/** A power of two that keeps 40 binary digits of numbers up to `magnitude`. */
export function fixedScale(magnitude: number): number {
  const power = magnitude > 0 && Number.isFinite(magnitude) ? Math.ceil(Math.log2(magnitude)) : 0;
  return 2 ** Math.max(-900, Math.min(900, 40 - power));
}
