/** Champion and challenger: what each got wrong so far, the difference with an interval that holds at all times at once, and what to do. */
import { z } from "zod";
import {
  type ComparableKpi,
  type CompareConfig,
  type ComparedSide,
  comparedKpis,
  comparisonSubject,
  isGoodKpi,
  sideWords,
} from "../../config/compare.ts";
import type { ModelConfig } from "../../config/schema.ts";
import { evidenceMetrics } from "../../core/evidence.ts";
import { total } from "../../math/total.ts";
import { comparedSums } from "../../sequential/compared-sums.ts";
import { pairedDifferenceInterval, rateDifferenceInterval } from "../../sequential/difference-interval.ts";
import { rateInterval } from "../../sequential/rate-interval.ts";
import { join, list, type Sql, sql, time } from "../../store/sql.ts";
import type { Lane } from "../../store/store.ts";

export interface Estimated {
  readonly value: number;
  readonly lower: number;
  readonly upper: number;
}

export interface ComparedKpi {
  readonly kpi: ComparableKpi;
  /** null before the first common window. */
  readonly champion: (Estimated & { readonly events: number }) | null;
  readonly challenger: (Estimated & { readonly events: number }) | null;
  /** The challenger's KPI less the champion's. */
  readonly difference: Estimated | null;
  /** How far the evidence that the challenger is worse is on its way to an alarm, as of the latest window worth telling; null without any. */
  readonly evidence: { readonly value: number; readonly threshold: number } | null;
  /** Since when the challenger counts as worse; null while it does not. */
  readonly worseSince: number | null;
  readonly finding: string;
  /** `worse`: the page tier says so. `as good`: worse by no more than the tolerance, with the interval's certainty. Else `open`. */
  readonly standing: "worse" | "as good" | "open";
}

export const verdicts = ["promote", "hold", "rollback"] as const;

export interface ComparisonView {
  readonly champion: string;
  readonly challenger: string;
  readonly traffic: CompareConfig["traffic"];
  readonly tolerance: number;
  /** Of the common windows, ms; null before the first. */
  readonly from: number | null;
  readonly to: number | null;
  readonly windows: number;
  readonly kpis: readonly ComparedKpi[];
  /** Share of the challenger's scores, or of its decisions, that lie elsewhere than the champion's, and what chance alone would show. */
  readonly scores: { readonly of: "score" | "prediction"; readonly moved: number; readonly chance: number } | null;
  /** `rollback`: worse in a KPI. `promote`: as good in all of them. */
  readonly verdict: (typeof verdicts)[number];
  /** One sentence. */
  readonly reason: string;
}

/** Probability that an interval ever leaves the truth out. */
const ALPHA = 0.05;

/** null where nothing is compared. */
export async function loadComparison(lane: Lane, model: ModelConfig): Promise<ComparisonView | null> {
  const { compare } = model;
  const metrics = comparedKpis(model);
  if (compare === undefined || metrics.length === 0 || model.false_alarms === null) return null;
  const sums = await readSums(lane, model.name, compare, metrics);
  const told = await readEvidence(lane, model.name, compare, metrics);
  const kpis = metrics.map((kpi) => {
    const subject = comparisonSubject(kpi, compare);
    return comparedKpi(
      kpi,
      compare,
      sums.find((row) => row.subject === subject)?.sums ?? null,
      told.find((row) => row.subject === subject) ?? null,
    );
  });
  const from = sums.length === 0 ? null : Math.min(...sums.map((row) => row.from));
  const to = sums.length === 0 ? null : Math.max(...sums.map((row) => row.to));
  return {
    champion: sideWords(compare.champion),
    challenger: sideWords(compare.challenger),
    traffic: compare.traffic,
    tolerance: compare.tolerance,
    from,
    to,
    windows: Math.max(0, ...sums.map((row) => row.windows)),
    kpis,
    scores: from === null || to === null ? null : await scoreDrift(lane, model.name, compare, from, to),
    ...verdictOf(kpis, compare.tolerance),
  };
}

const ofChallenger = ({ challenger }: CompareConfig): Sql =>
  sql`version = ${challenger.version ?? ""} AND variant = ${challenger.variant ?? ""}`;

function readSums(lane: Lane, model: string, compare: CompareConfig, kpis: readonly ComparableKpi[]) {
  return lane.query(
    sql`SELECT subject, sumForEach(sums) AS sums, count() AS windows, toUnixTimestamp64Milli(min(pane_start)) AS from, toUnixTimestamp64Milli(max(step_end)) AS to
      FROM (SELECT subject, sums, pane_start, step_end FROM steps FINAL WHERE model = ${model} AND subject_kind = 'kpi' AND stream = ${compare.traffic}
        AND subject IN ${list(kpis.map((kpi) => comparisonSubject(kpi, compare)))} AND ${ofChallenger(compare)}) GROUP BY subject`,
    z.object({
      subject: z.string(),
      sums: z.array(z.number()),
      windows: z.number(),
      from: z.number(),
      to: z.number(),
    }),
  );
}

const toldRow = z.object({
  subject: z.string(),
  value: z.number().nullable(),
  threshold: z.number().nullable(),
  worse: z.boolean(),
  onset: z.number().nullable(),
  finding: z.string(),
});

function readEvidence(lane: Lane, model: string, compare: CompareConfig, kpis: readonly ComparableKpi[]) {
  return lane.query(
    sql`SELECT subject, argMax(value, window_start) AS value, argMax(threshold, window_start) AS threshold, argMax(breached, window_start) AS worse,
        toUnixTimestamp64Milli(argMax(onset, window_start)) AS onset, argMax(finding, window_start) AS finding
      FROM evidence FINAL WHERE model = ${model} AND metric = ${evidenceMetrics.kpi} AND ${ofChallenger(compare)}
        AND subject IN ${list(kpis.map((kpi) => comparisonSubject(kpi, compare)))} GROUP BY subject`,
    toldRow,
  );
}

/** Pure: from the sums of the common windows to what is shown of a KPI. */
export function comparedKpi(
  kpi: ComparableKpi,
  { traffic, tolerance }: Pick<CompareConfig, "traffic" | "tolerance">,
  sums: readonly number[] | null,
  told: z.output<typeof toldRow> | null,
): ComparedKpi {
  const isGood = isGoodKpi(kpi);
  const all = comparedSums(traffic, sums ?? []);
  const isBoth = all.championEvents > 0 && all.challengerEvents > 0;
  const [challengerOnly = 0, championOnly = 0, both = 0, neither = 0] = sums ?? [];
  const bad =
    traffic === "shadow"
      ? pairedDifferenceInterval({ challengerOnly, championOnly, alike: both + neither }, ALPHA)
      : rateDifferenceInterval(
          { sum: all.championBad, events: all.championEvents },
          { sum: all.challengerBad, events: all.challengerEvents },
          ALPHA,
        );
  const side = (sum: number, events: number) => ({
    ...inKpi(isGood, 1, { value: sum / events, ...rateInterval(sum, events, ALPHA) }),
    events,
  });
  const value = all.challengerBad / all.challengerEvents - all.championBad / all.championEvents;
  const worse = told?.worse === true;
  return {
    kpi,
    champion: isBoth ? side(all.championBad, all.championEvents) : null,
    challenger: isBoth ? side(all.challengerBad, all.challengerEvents) : null,
    difference: isBoth ? inKpi(isGood, 0, { value, ...bad }) : null,
    evidence: told === null ? null : { value: told.value ?? 0, threshold: told.threshold ?? 0 },
    worseSince: worse ? told.onset : null,
    finding: worse ? told.finding : "",
    standing: worse ? "worse" : isBoth && bad.upper <= tolerance ? "as good" : "open",
  };
}

/** Of what is bad, as the KPI that is good: its complement to `whole`. */
function inKpi(isGood: boolean, whole: 0 | 1, { value, lower, upper }: Estimated): Estimated {
  return isGood ? { value: whole - value, lower: whole - upper, upper: whole - lower } : { value, lower, upper };
}

/** Pure. */
export function verdictOf(kpis: readonly ComparedKpi[], tolerance: number): Pick<ComparisonView, "verdict" | "reason"> {
  const worse = kpis.filter(({ standing }) => standing === "worse");
  const [first] = worse;
  if (first !== undefined) {
    const more = worse.length === 1 ? "" : `, and ${worse.length - 1} more`;
    return { verdict: "rollback", reason: `the challenger's ${first.kpi} ${first.finding}${more}` };
  }
  const open = kpis.filter(({ standing }) => standing === "open");
  const names = (some: readonly ComparedKpi[]) => some.map(({ kpi }) => kpi).join(", ");
  if (open.length === 0)
    return {
      verdict: "promote",
      reason: `the challenger is worse by no more than ${tolerance} in ${names(kpis)}`,
    };
  const without = open.filter(({ difference }) => difference === null);
  if (without.length === kpis.length)
    return { verdict: "hold", reason: "no window has labels of both champion and challenger yet" };
  return {
    verdict: "hold",
    reason: `whether the challenger is worse by more than ${tolerance} can't be told yet of ${names(open)}`,
  };
}

const isOf = ({ version, variant }: ComparedSide): Sql =>
  join(
    [
      ...(version === undefined ? [] : [sql`version = ${version}`]),
      ...(variant === undefined ? [] : [sql`variant = ${variant}`]),
    ],
    " AND ",
  );

/** Over the bins of the newest reference: of scores, else of decisions; null where the model has neither or no reference. */
async function scoreDrift(
  lane: Lane,
  model: string,
  { champion, challenger }: CompareConfig,
  from: number,
  to: number,
): Promise<ComparisonView["scores"]> {
  const [row] = await lane.query(
    sql`SELECT subject_kind AS kind, sumForEachIf(counts, ${isOf(champion)}) AS champion, sumForEachIf(counts, ${isOf(challenger)}) AS challenger
      FROM steps FINAL WHERE model = ${model} AND subject_kind IN ('score', 'prediction') AND stream = 'values' AND segment = ''
        AND pane_start >= ${time(from)} AND pane_start < ${time(to)}
      GROUP BY subject_kind, reference_id ORDER BY max(pane_start) DESC, subject_kind = 'score' DESC LIMIT 1`,
    z.object({
      kind: z.enum(["score", "prediction"]),
      champion: z.array(z.number()),
      challenger: z.array(z.number()),
    }),
  );
  return row === undefined ? null : { of: row.kind, ...apart(row.champion, row.challenger) };
}

/** Total-variation distance of two samples' shares, and its mean by chance if both were of one law (normal approximation). */
export function apart(
  first: readonly number[],
  second: readonly number[],
): { readonly moved: number; readonly chance: number } {
  const [n, m] = [total(first), total(second)];
  if (n === 0 || m === 0) return { moved: 0, chance: 0 };
  let [moved, chance] = [0, 0];
  for (let bin = 0; bin < Math.max(first.length, second.length); bin++) {
    const [a, b] = [first[bin] ?? 0, second[bin] ?? 0];
    const share = (a + b) / (n + m);
    moved += Math.abs(a / n - b / m) / 2;
    chance += Math.sqrt((2 / Math.PI) * share * (1 - share) * (1 / n + 1 / m)) / 2;
  }
  return { moved, chance };
}

/** As strict JSON, for the API. */
export function comparisonJson(view: ComparisonView): Record<string, unknown> {
  const iso = (ms: number | null) => (ms === null ? null : new Date(ms).toISOString());
  return {
    ...view,
    from: iso(view.from),
    to: iso(view.to),
    kpis: view.kpis.map(({ worseSince, ...kpi }) => ({ ...kpi, worse_since: iso(worseSince) })),
  };
}
