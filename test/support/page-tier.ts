/** A plan of the page tier for tests: two categorical features over known shares, and steps drawn from others. */
import assert from "node:assert/strict";
import { estimationOf } from "../../src/evaluate/estimates/estimated-kpis.ts";
import { kpiBounds } from "../../src/evaluate/page-tier/kpi-bounds.ts";
import { type PageTierPlan, planPageTier } from "../../src/evaluate/page-tier/watched-streams.ts";
import type { LoadedReference } from "../../src/evaluate/references/load-reference.ts";
import { modelConfig } from "./event-writer.ts";
import { uniform } from "./golden.ts";
import { referenceOf } from "./summaries.ts";

export const HOUR = 3_600_000;
export const SHARES = [0.4, 0.3, 0.2, 0.1] as const;

export function loadedReference(rows = 100_000, more: Partial<LoadedReference> = {}): LoadedReference {
  const bins = [...SHARES.map((share) => Math.round(share * rows)), 0, 0];
  const subject = (name: string) =>
    referenceOf({ kind: "categorical", subject: name, bins, categories: ["a", "b", "c", "d"], missing: rows / 100 });
  return {
    model: "m",
    referenceId: "r1",
    contentHash: "1",
    origin: "test",
    rows,
    subjects: [subject("colour"), subject("shape")],
    tails: new Map(),
    labelledScores: [],
    groupScores: [],
    lossModel: null,
    sample: null,
    importances: [],
    projections: [],
    ...more,
  };
}

export function planOf(written: Readonly<Record<string, unknown>> = {}, reference = loadedReference()): PageTierPlan {
  const config = modelConfig({ name: "m", task: "binary", pane: "1h", windows: ["1h"], ...written });
  const plan = planPageTier(config, reference, kpiBounds(config, reference, estimationOf(config, reference)));
  assert.ok(plan !== null);
  return plan;
}

/** Counts of `n` rows with these shares: of the values, then [missing, present], then [invalid, valid]. */
export function drawn(shares: readonly number[], n: number, seed: number, missingShare = 0.01): number[][] {
  const draw = uniform(seed);
  const bins = Array.from({ length: shares.length + 2 }, () => 0);
  let missing = 0;
  for (let row = 0; row < n; row++) {
    if (draw() < missingShare) {
      missing++;
      continue;
    }
    let at = draw();
    let bin = 0;
    while (bin < shares.length - 1 && at >= (shares[bin] ?? 0)) at -= shares[bin++] ?? 0;
    bins[bin] = (bins[bin] ?? 0) + 1;
  }
  return [bins, [missing, n - missing], [0, n]];
}
