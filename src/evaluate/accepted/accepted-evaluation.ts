/**
 * Accepted drift in a model's evaluation. A baseline is evaluated as a reference of its own that has one subject: its panes are summarised over its
 * bins and sealed as steps under its id, so that windows and sequential tests read it as they read the reference.
 */
import type { Lane } from "../../store/store.ts";
import type { PreparedModel } from "../prepare-model.ts";
import { subjectKey } from "../references/load-reference.ts";
import { openSteps, type StepState, writeSteps } from "../steps.ts";
import type { AcceptedBaseline } from "./accepted-baseline.ts";
import { panesOfBaseline } from "./accepted-panes.ts";
import { cutBins } from "./baseline-bins.ts";
import { readRows, withCounts } from "./baseline-rows.ts";
import { readBaselines, type StoredBaseline, writeBaseline } from "./baseline-store.ts";
import { type DecidedUnder, type NextSteps, registerAcceptances } from "./register.ts";

export interface AcceptedEvaluation {
  /** As of the last call; those of the store at first. */
  readonly baselines: () => readonly AcceptedBaseline[];
  /** Takes note of what people have decided; before steps are sealed. */
  note(next: NextSteps, now: number, decided: () => Promise<DecidedUnder>): Promise<void>;
  /** Summarises and seals what has changed of the whole; after the model's own steps. `sizes`: rows of a pane. */
  advance(panes: readonly number[], sealedTo: number, sizes: (pane: number) => number, now: number): Promise<void>;
  /** The same of segments, after their steps; panes of segments. */
  advanceSegments(panes: readonly number[], sealedTo: number, now: number): Promise<void>;
}

export async function openAccepted(lane: Lane, prepared: PreparedModel): Promise<AcceptedEvaluation> {
  const model = prepared.config.name;
  let baselines: readonly StoredBaseline[] =
    prepared.reference === null ? [] : await readBaselines(lane, model, prepared.referenceId);
  const opened = new Map<string, StepState>();

  const advanceOne = async (
    known: StoredBaseline,
    panes: readonly number[],
    sealedTo: number,
    sizes: (pane: number) => number,
    now: number,
  ): Promise<StoredBaseline> => {
    const place = panesOfBaseline(lane, prepared, known);
    if (place === null) return known;
    const { baseline, ready } = await readRows(lane, prepared, known);
    let changed = baseline;
    const first = Math.min(...ready.values());
    if (changed.bins === null) {
      const subject = prepared.reference?.subjects.find((one) => subjectKey(one) === subjectKey(known));
      if (subject === undefined || !Number.isFinite(first)) return keep(changed, known, now);
      const span = { from: known.since, to: first };
      changed = { ...changed, bins: await cutBins(lane, prepared, subject, span, place.rows) };
      changed = await writeBaseline(lane, model, changed, now);
    }
    const own = preparedOn(prepared, changed);
    const isMine = (pane: number) => pane >= changed.since && pane < changed.until;
    let steps = opened.get(changed.baselineId);
    let mine = panes.filter(isMine);
    if (steps === undefined) {
      steps = await openSteps(lane, own, place.scope);
      mine = [...new Set([...mine, ...(await place.lacking(own, sealedTo))])].sort((a, b) => a - b);
    }
    if (mine.length > 0) await place.summarise(own, mine, sizes);
    await writeSteps(lane, own, steps, mine, now, place.scope);
    opened.set(changed.baselineId, steps);
    return keep(await withCounts(lane, own, changed, ready), known, now);
  };
  const keep = async (changed: StoredBaseline, known: StoredBaseline, now: number): Promise<StoredBaseline> =>
    JSON.stringify(changed) === JSON.stringify(known) ? known : await writeBaseline(lane, model, changed, now);

  const advanceAll = async (
    isMine: (baseline: AcceptedBaseline) => boolean,
    panes: readonly number[],
    sealedTo: number,
    sizes: (pane: number) => number,
    now: number,
  ): Promise<void> => {
    const advanced: StoredBaseline[] = [];
    for (const known of baselines) {
      // One that is over changes only where late events reach its time.
      const isOver = known.until <= sealedTo && !panes.some((pane) => pane >= known.since && pane < known.until);
      advanced.push(isOver || !isMine(known) ? known : await advanceOne(known, panes, sealedTo, sizes, now));
    }
    baselines = advanced;
  };

  return {
    baselines: () => baselines,
    async note(next, now, decided) {
      if (prepared.reference === null || !Number.isFinite(next.whole)) return;
      baselines = await registerAcceptances(lane, prepared, baselines, next, now, decided);
    },
    advance: (panes, sealedTo, sizes, now) => advanceAll(({ segment }) => segment === "", panes, sealedTo, sizes, now),
    advanceSegments: (panes, sealedTo, now) =>
      advanceAll(
        ({ segment }) => segment !== "",
        panes,
        sealedTo,
        () => 0,
        now,
      ),
  };
}

/** The model as it is evaluated under a baseline: with that one subject over its bins. */
export function preparedOn(prepared: PreparedModel, { baselineId, bins }: AcceptedBaseline): PreparedModel {
  const { reference } = prepared;
  if (reference === null || bins === null) throw new TypeError(`The baseline ${baselineId} has no bins`);
  return {
    ...prepared,
    referenceId: baselineId,
    pageTier: null,
    trailing: null,
    reference: {
      ...reference,
      referenceId: baselineId,
      subjects: [bins.subject],
      tails: bins.tail.length === 0 ? new Map() : new Map([[subjectKey(bins.subject), bins.tail]]),
    },
  };
}
