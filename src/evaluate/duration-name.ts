/** Durations as people write them. */

const UNITS: readonly (readonly [number, string])[] = [
  [86_400_000, "d"],
  [3_600_000, "h"],
  [60_000, "m"],
  [1000, "s"],
  [1, "ms"],
];

/** `1m`, `90s`, `1d`: with the largest unit that divides it. */
export function durationName(ms: number): string {
  for (const [unit, letter] of UNITS) {
    if (ms % unit === 0) return `${ms / unit}${letter}`;
  }
  return `${ms}ms`;
}
