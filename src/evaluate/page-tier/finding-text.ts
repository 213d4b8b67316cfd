/** What has changed, in words: "RELP: the share of 17 rose from 3.1 % to 9.4 %". */
import { type Aspect, dot, sharesOf } from "../../sequential/directions.ts";
import type { Finding } from "../../sequential/replay.ts";
import type { WatchedStream } from "./watched-streams.ts";

/** @param counts of the stream's bins since the onset */
export function findingText(
  { stream, tilt: index }: Finding & { readonly stream: WatchedStream },
  counts: readonly number[],
): string {
  const { plan } = stream;
  const tilt = plan.tilts[index];
  const direction = tilt === undefined ? undefined : plan.directions[tilt.direction];
  if (tilt === undefined || direction === undefined) return "";
  const { aspect, bin } = direction;
  const isUp = tilt.factor > 0;
  const label = bin === null ? "" : (plan.stream.bins[bin]?.label ?? "");
  const moved = moments[aspect];
  if (moved !== undefined) return moved[isUp ? 0 : 1];
  return `the share of ${subjectOf(aspect, label)} ${fromTo(direction.score, plan.stream.weights, counts)}`;
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
  if (aspect === "values in a range") return `values in ${label}`;
  if (aspect === "rate") return `${label} values`;
  if (aspect === "below the minimum") return "values below the reference's minimum";
  if (aspect === "above the maximum") return "values above the reference's maximum";
  if (aspect.endsWith("1 %")) return `what was the ${aspect}`;
  return aspect;
}

function fromTo(score: readonly number[], weights: readonly number[], counts: readonly number[]): string {
  const before = dot(sharesOf(weights), score);
  const rows = counts.reduce((sum, count) => sum + count, 0);
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
