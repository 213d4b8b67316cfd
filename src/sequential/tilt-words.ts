/** What a tilt says, in words for people: "mean up", "more values above the maximum", "category DE up", "missing up". */
import type { Aspect } from "./directions.ts";
import type { TiltPlan } from "./tilt-plan.ts";

const sets: Partial<Readonly<Record<Aspect, string>>> = {
  "below the minimum": "values below the reference's minimum",
  "above the maximum": "values above the reference's maximum",
  "lowest 1 %": "values among the reference's lowest 1 %",
  "highest 1 %": "values among the reference's highest 1 %",
  "lowest and highest 1 %": "values among the reference's lowest and highest 1 %",
};

/** Words for a tilt of a plan; "" for an index that it does not have. Labels of bins come as they are: escape them where they are shown. */
export function wordsOf({ tilts, directions, stream }: TiltPlan, tilt: number): string {
  const chosen = tilts[tilt];
  const direction = directions[chosen?.direction ?? -1];
  if (chosen === undefined || direction === undefined) return "";
  const isUp = chosen.factor > 0;
  const label = stream.bins[direction.bin ?? -1]?.label ?? "";
  const set = setWords(direction.aspect, label);
  if (set !== undefined) return `${isUp ? "more" : "fewer"} ${set}`;
  return `${nameOf(direction.aspect, label)} ${isUp ? "up" : "down"}`;
}

/** The values that a set of bins stands for, such as "values in (3, 7.5]"; undefined for what is no set of numbers. */
export function setWords(aspect: Aspect, label: string): string | undefined {
  return aspect === "values in a range" ? rangeWords(label) : sets[aspect];
}

/** Labels are "(3, 7.5]", "3" for a bin of one value, "below 3", "above 3", "at most 3". */
function rangeWords(label: string): string {
  if (label.startsWith("(")) return `values in ${label}`;
  return /^-?\d/.test(label) ? `values equal to ${label}` : `values ${label}`;
}

function nameOf(aspect: Aspect, label: string): string {
  if (aspect === "category") return `category ${label}`;
  return aspect === "rate" ? label : aspect;
}
