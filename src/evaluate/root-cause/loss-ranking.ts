/** Features by what their drift is likely to cost: the change of the model's mean loss if each value went on losing what it lost in the reference. */
import type { CauseReport } from "../../core/incident-cause.ts";
import { holmAdjusted } from "../../math/holm.ts";
import { normalProbability } from "../../math/normal-probability.ts";
import { predictedLossChange } from "../../math/predicted-loss-change.ts";
import type { Lane } from "../../store/store.ts";
import { windowSummary } from "../drift-rows.ts";
import { Z95 } from "../kpis/kpi-value.ts";
import type { PreparedModel } from "../prepare-model.ts";
import { subjectKey } from "../references/load-reference.ts";
import { readBinLosses } from "../references/reference-rows.ts";
import type { StoredSummary } from "../summarise.ts";

const MOST_FEATURES = 10;
/** Chance, over all features together, that one is listed whose drift costs nothing. */
const LEVEL = 0.05;

/** Only features whose drift is likely to cost something, beyond chance; empty where the reference has no labels. */
export async function lossRanking(
  lane: Lane,
  { config, reference, referenceId }: PreparedModel,
  summaries: ReadonlyMap<string, StoredSummary>,
): Promise<CauseReport["features"]> {
  if (reference === null || summaries.size === 0) return [];
  const losses = await readBinLosses(lane, config.name, referenceId);
  const all = reference.subjects.flatMap((subject) => {
    const known = subject.subjectKind === "feature" ? losses.get(subject.subject) : undefined;
    if (known === undefined) return [];
    const window = windowSummary(subject, summaries.get(subjectKey(subject)));
    const zeros = () => Array.from({ length: subject.bins.length + 2 }, () => 0);
    const sums = { rows: zeros(), losses: zeros(), squares: zeros() };
    for (const { code, ...sum } of known) {
      sums.rows[code] = sum.rows;
      sums.losses[code] = sum.losses;
      sums.squares[code] = sum.squares;
    }
    const found = predictedLossChange(
      [...subject.bins, subject.missing, subject.invalid],
      [...window.bins, window.missing, window.invalid],
      sums,
    );
    return found === null ? [] : [{ subject: subject.subject, ...found }];
  });
  const pValues = holmAdjusted(
    all.map(({ change, deviation }) => (deviation > 0 ? normalProbability(-change / deviation) : 1)),
  );
  return all
    .filter((_, index) => (pValues[index] ?? 1) <= LEVEL)
    .sort((a, b) => b.change - a.change || (a.subject < b.subject ? -1 : 1))
    .slice(0, MOST_FEATURES)
    .map(({ subject, change, deviation }) => ({
      subject,
      loss_change: change,
      lower: change - Z95 * deviation,
      upper: change + Z95 * deviation,
    }));
}
