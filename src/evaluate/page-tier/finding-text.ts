/** What has changed, in words: "RELP: the share of 17 rose from 3.1 % to 9.4 %". */
import { total } from "../../math/total.ts";
import { type Aspect, dot, sharesOf } from "../../sequential/directions.ts";
import type { Finding } from "../../sequential/replay.ts";
import { setWords } from "../../sequential/tilt-words.ts";

/**
 * @param counts of the stream's bins since the onset
 * @param weights what the reference has in these bins, where it is not compared as a whole
 */
export function findingText(
  { stream: { plan }, tilt: index }: Finding,
  counts: readonly number[],
  weights: readonly number[] = plan.stream.weights,
): string {
  const tilt = plan.tilts[index];
  const direction = tilt === undefined ? undefined : plan.directions[tilt.direction];
  if (tilt === undefined || direction === undefined) return "";
  const { aspect, bin } = direction;
  const isUp = tilt.factor > 0;
  const label = bin === null ? "" : (plan.stream.bins[bin]?.label ?? "");
  const moved = moments[aspect];
  if (moved !== undefined) return moved[isUp ? 0 : 1];
  return `the share of ${subjectOf(aspect, label)} ${fromTo(direction.score, weights, counts)}`;
}

/** More of it, and less. */
const moments: Readonly<Partial<Record<Aspect, readonly [string, string]>>> = {
  mean: ["values are higher", "values are lower"],
  scale: ["values are spread wider", "values lie closer together"],
  skewness: ["the shape leans to high values", "the shape leans to low values"],
  tails: ["extreme values are more frequent", "extreme values are rarer"],
};

function subjectOf(aspect: Aspect, label: string): string {
  if (aspect === "category") return label;
  if (aspect === "rate") return `${label} values`;
  return setWords(aspect, label) ?? aspect;
}

function fromTo(score: readonly number[], weights: readonly number[], counts: readonly number[]): string {
  const before = dot(sharesOf(weights), score);
  const rows = total(counts);
  if (rows === 0) return `left ${percent(before)}`;
  const after = dot(
    counts.map((count) => count / rows),
    score,
  );
  return `${after >= before ? "rose" : "fell"} from ${percent(before)} to ${percent(after)}`;
}

/** Two significant digits below ten percent. */
function percent(share: number): string {
  const value = 100 * share;
  return `${value >= 10 ? value.toFixed(1) : Number(value.toPrecision(2))} %`;
}
