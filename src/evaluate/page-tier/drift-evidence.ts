/** Drift in the page tier: reads the steps that are new, takes them through each version's tracker, and writes what they say. */
import { evidenceMetrics } from "../../core/evidence.ts";
import type { Lane } from "../../store/store.ts";
import type { PreparedModel } from "../prepare-model.ts";
import { seriesKey } from "../window-series.ts";
import { type CarriedSubject, readCarriedOver } from "./carried-over.ts";
import { describeFinding } from "./described-finding.ts";
import { type DriftStep, forgetIdle, newUnit, type StepOutcome, takeStep, type UnitState } from "./drift-tracker.ts";
import {
  type EvidenceRow,
  onScale,
  type StepPlace,
  type SubjectEvidence,
  subjectRow,
  writeEvidence,
} from "./evidence-rows.ts";
import { readUnits, saveUnits, type Units } from "./saved-states.ts";
import { type StoredStep, storedSteps } from "./stored-steps.ts";
import { DAY_MS, type PageTierPlan } from "./watched-streams.ts";

export interface DriftEvidence {
  /** Takes the steps of panes that begin before or at `sealedTo`. */
  run(sealedTo: number, now: number): Promise<void>;
}

/** Steps that a restart replays at most. */
const SAVE_EVERY_STEPS = 64;

export async function openDriftEvidence(
  lane: Lane,
  prepared: PreparedModel,
  plan: PageTierPlan,
): Promise<DriftEvidence> {
  const model = prepared.config.name;
  const { pane } = prepared.config;
  const saved = await readUnits(lane, model, plan);
  const { units } = saved;
  let through = saved.through;
  let unsaved = 0;
  // Rows that end what is watched no more; written with the next steps.
  const ended: EvidenceRow[] = [];
  if (through === Number.NEGATIVE_INFINITY) {
    const carried = await readCarriedOver(lane, model, plan.planId);
    through = carried.through;
    for (const subject of carried.changed) ended.push(...carry(plan, units, subject, pane));
  }
  const takePane = createPaneTaker(lane, prepared, plan, units);
  return {
    async run(sealedTo, now) {
      if (!Number.isFinite(sealedTo) || sealedTo < through) return;
      for await (const panes of storedSteps(lane, prepared, through)) {
        const written: EvidenceRow[] = ended.splice(0);
        for (const [start, steps] of panes) {
          written.push(...(await takePane(start, steps)));
          through = start + pane;
          unsaved++;
        }
        for (const { version, variant, unit } of units.values())
          written.push(
            ...idleRows({ version, variant, start: through - pane, end: through, watchedMs: 0 }, plan, unit),
          );
        await writeEvidence(lane, prepared, plan.planId, written, now);
        if (unsaved < SAVE_EVERY_STEPS) continue;
        await saveUnits(lane, model, plan, units, through, now);
        unsaved = 0;
      }
    },
  };
}

type TakePane = (start: number, steps: readonly StoredStep[]) => Promise<EvidenceRow[]>;

/** Takes the steps of one pane through the trackers of their versions. */
function createPaneTaker(lane: Lane, prepared: PreparedModel, plan: PageTierPlan, units: Units): TakePane {
  const places = new Map(plan.streams.map(({ subject, stream }, index) => [`${subject} ${stream}`, index]));
  return async (start, stored) => {
    const steps = new Map<string, { version: string; variant: string; counts: (readonly number[] | undefined)[] }>();
    for (const { version, variant, ...row } of stored) {
      const place = places.get(`${row.subject_kind}/${row.subject} ${row.stream}`);
      if (place === undefined) continue;
      const key = seriesKey({ version, variant });
      if (!steps.has(key)) steps.set(key, { version, variant, counts: plan.streams.map(() => undefined) });
      const counts = steps.get(key)?.counts;
      if (counts !== undefined) counts[place] = row.counts;
    }
    const written: EvidenceRow[] = [];
    for (const [key, { version, variant, counts }] of [...steps].sort(([a], [b]) => (a < b ? -1 : 1))) {
      const known = units.get(key) ?? { version, variant, unit: newUnit(plan) };
      units.set(key, known);
      const { unit } = known;
      const step: DriftStep = { start, end: start + prepared.config.pane, counts };
      const watchedMs = step.end - (unit.through ?? start);
      const outcome = await takeStep(plan, unit, step, (finding, since, end) =>
        describeFinding(lane, prepared, { version, variant, finding, since, end }),
      );
      written.push(...rowsOf(plan, { version, variant, start, end: step.end, watchedMs }, step, outcome));
    }
    return written;
  };
}

/** Goes on with a subject that has changed under an earlier plan; the row that ends it where it is watched no more. */
function carry(plan: PageTierPlan, units: Units, carried: CarriedSubject, pane: number): EvidenceRow[] {
  const { version, variant, subjectKind, subject, ...changed } = carried;
  const key = `${subjectKind}/${subject}`;
  if (plan.streams.some((stream) => stream.subject === key)) {
    const known = units.get(seriesKey(carried)) ?? { version, variant, unit: newUnit(plan) };
    units.set(seriesKey(carried), known);
    known.unit.changed.set(key, changed);
    return [];
  }
  const { alarmedAt: start } = changed;
  const place = { version, variant, start, end: start + pane, watchedMs: 0 };
  const of = { subjectKind, subject, logEvidence: 0, share: 1, n: 0 };
  const state = { changed: undefined, over: changed };
  return [subjectRow(place, evidenceMetrics.drift, of, { value: 0, threshold: 0 }, state) ?? []].flat();
}

function rowsOf(plan: PageTierPlan, place: StepPlace, step: DriftStep, outcome: StepOutcome): EvidenceRow[] {
  const quiet = (step.end - step.start) / DAY_MS;
  const { decision, changed, over, changedEvidence } = outcome;
  const subjects = subjectsOf(plan, step);
  const rows = [...decision.subjects, ...changedEvidence].flatMap(({ subject, logEvidence }) => {
    const known = subjects.get(subject);
    if (known === undefined) return [];
    const of = { ...known, logEvidence };
    const scale = onScale(of, plan.threshold, quiet);
    const state = { changed: changed.get(subject), over: over.get(subject) };
    return subjectRow(place, evidenceMetrics.drift, of, scale, state) ?? [];
  });
  const whole: EvidenceRow = {
    version: place.version,
    variant: place.variant,
    window_start: place.start,
    window_end: place.end,
    metric: evidenceMetrics.model,
    subject_kind: "model",
    subject: "model",
    ...onScale({ logEvidence: decision.logEvidence, share: 1 }, plan.threshold, quiet),
    breached: decision.alarms,
    alarmed: outcome.isNew,
    n: Math.max(0, ...[...subjects.values()].map(({ n }) => n)),
    onset: null,
    onset_from: null,
    onset_to: null,
    finding: "",
    watched_ms: place.watchedMs,
  };
  return [whole, ...rows];
}

function subjectsOf(plan: PageTierPlan, step: DriftStep): Map<string, Omit<SubjectEvidence, "logEvidence">> {
  const subjects = new Map<string, Omit<SubjectEvidence, "logEvidence">>();
  for (const [index, { subject, subjectKind, name, share }] of plan.streams.entries()) {
    const known = subjects.get(subject);
    const n = known?.n ?? (step.counts[index] ?? []).reduce((sum, count) => sum + count, 0);
    subjects.set(subject, { subjectKind, subject: name, share: share + (known?.share ?? 0), n });
  }
  return subjects;
}

/** Rows that end what has changed in a version without events. */
function idleRows(place: StepPlace, plan: PageTierPlan, unit: UnitState): EvidenceRow[] {
  const idle = forgetIdle(unit, place.end);
  return [...idle].flatMap(([subject, over]) => {
    const stream = plan.streams.find((one) => one.subject === subject);
    if (stream === undefined) return [];
    const of = { subjectKind: stream.subjectKind, subject: stream.name, logEvidence: 0, share: stream.share, n: 0 };
    const scale = { value: 0, threshold: onScale(of, plan.threshold, 1).threshold };
    return subjectRow(place, evidenceMetrics.drift, of, scale, { changed: undefined, over }) ?? [];
  });
}
