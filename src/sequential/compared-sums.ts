/** What is kept of a challenger's and a champion's common windows: four numbers that add up, by how they share the traffic. */

/**
 * `split`: bad and all events of the champion, then of the challenger. `shadow`: events that the challenger alone, the champion alone, both and
 * neither have wrong.
 */
export type Traffic = "split" | "shadow";

/** What was bad of how many events, of each side. */
export interface ComparedSums {
  readonly championBad: number;
  readonly championEvents: number;
  readonly challengerBad: number;
  readonly challengerEvents: number;
}

export function comparedSums(traffic: Traffic, sums: readonly number[]): ComparedSums {
  const [a = 0, b = 0, c = 0, d = 0] = sums;
  if (traffic === "split") return { championBad: a, championEvents: b, challengerBad: c, challengerEvents: d };
  const events = a + b + c + d;
  return { championBad: b + c, championEvents: events, challengerBad: a + c, challengerEvents: events };
}
