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
import { watchedKey } from "./segment-streams.ts";
import { type StoredStep, storedSteps } from "./stored-steps.ts";
import { DAY_MS, type DriftPlan, type PageTierPlan } from "./watched-streams.ts";

export interface DriftEvidence {
  /** Takes the steps of panes that begin before or at `sealedTo`. */
  run(sealedTo: number, now: number): Promise<void>;
}

/** Of the whole, or of all segments together. */
export interface DriftScope {
  readonly ofSegments: boolean;
  /** Length of a step, ms. */
  readonly paneMs: number;
  /** Steps that begin before it are of an earlier plan, ms. */
  readonly since: number;
  /** What has changed under an earlier plan. */
  readonly carried: readonly CarriedSubject[];
}

export async function wholeScope(lane: Lane, { config }: PreparedModel, plan: PageTierPlan): Promise<DriftScope> {
  const { through, changed } = await readCarriedOver(lane, config.name, plan.planId, false);
  // Segments that are watched no more end with the whole's steps.
  const left = plan.segments === null ? (await readCarriedOver(lane, config.name, plan.planId, true)).changed : [];
  return { ofSegments: false, paneMs: config.pane, since: through, carried: [...changed, ...left] };
}

/** Steps that a restart replays at most. */
const SAVE_EVERY_STEPS = 64;

export async function openDriftEvidence(
  lane: Lane,
  prepared: PreparedModel,
  plan: DriftPlan,
  scope: DriftScope,
): Promise<DriftEvidence> {
  const model = prepared.config.name;
  const pane = scope.paneMs;
  // Evidence is of the model's plan as a whole, of which segments are a part.
  const planId = prepared.pageTier?.planId ?? plan.planId;
  const saved = await readUnits(lane, model, plan);
  const { units } = saved;
  let through = saved.through;
  let unsaved = 0;
  // Rows that end what is watched no more; written with the next steps.
  const ended: EvidenceRow[] = [];
  if (through === Number.NEGATIVE_INFINITY) {
    through = scope.since;
    for (const subject of scope.carried) ended.push(...carry(plan, units, subject, pane));
  }
  const takePane = createPaneTaker(lane, prepared, plan, scope, units);
  return {
    async run(sealedTo, now) {
      if (!Number.isFinite(sealedTo) || sealedTo < through) return;
      for await (const panes of storedSteps(lane, prepared, through, scope.ofSegments)) {
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
        await writeEvidence(lane, prepared, planId, written, now);
        if (unsaved < SAVE_EVERY_STEPS) continue;
        await saveUnits(lane, model, plan, units, through, now);
        unsaved = 0;
      }
    },
  };
}

type TakePane = (start: number, steps: readonly StoredStep[]) => Promise<EvidenceRow[]>;

/** Takes the steps of one pane through the trackers of their versions. */
function createPaneTaker(
  lane: Lane,
  prepared: PreparedModel,
  plan: DriftPlan,
  { ofSegments, paneMs }: DriftScope,
  units: Units,
): TakePane {
  const places = new Map(plan.streams.map(({ subject, stream }, index) => [`${subject} ${stream}`, index]));
  return async (start, stored) => {
    const steps = new Map<string, { version: string; variant: string; counts: (readonly number[] | undefined)[] }>();
    for (const { version, variant, ...row } of stored) {
      const place = places.get(`${watchedKey(row.segment, `${row.subject_kind}/${row.subject}`)} ${row.stream}`);
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
      const step: DriftStep = { start, end: start + paneMs, counts };
      const watchedMs = step.end - (unit.through ?? start);
      const outcome = await takeStep(plan, unit, step, (finding, since, end) =>
        describeFinding(lane, prepared, { version, variant, finding, since, end, paneMs }),
      );
      const place = { version, variant, start, end: step.end, watchedMs };
      if (!ofSegments) written.push(wholeRow(plan, place, step, outcome));
      written.push(...subjectRows(plan, place, step, outcome));
    }
    return written;
  };
}

/** Goes on with a subject that has changed under an earlier plan; the row that ends it where it is watched no more. */
function carry(plan: DriftPlan, units: Units, carried: CarriedSubject, pane: number): EvidenceRow[] {
  const { version, variant, segment, subjectKind, subject, ...changed } = carried;
  const key = watchedKey(segment, `${subjectKind}/${subject}`);
  if (plan.streams.some((stream) => stream.subject === key)) {
    const known = units.get(seriesKey(carried)) ?? { version, variant, unit: newUnit(plan) };
    units.set(seriesKey(carried), known);
    known.unit.changed.set(key, changed);
    return [];
  }
  const { alarmedAt: start } = changed;
  const place = { version, variant, start, end: start + pane, watchedMs: 0 };
  const of = { segment, subjectKind, subject, logEvidence: 0, share: 1, n: 0 };
  const state = { changed: undefined, over: changed };
  return [subjectRow(place, evidenceMetrics.drift, of, { value: 0, threshold: 0 }, state) ?? []].flat();
}

function subjectRows(plan: DriftPlan, place: StepPlace, step: DriftStep, outcome: StepOutcome): EvidenceRow[] {
  const quiet = (step.end - step.start) / DAY_MS;
  const { decision, changed, over, changedEvidence } = outcome;
  const subjects = subjectsOf(plan, step);
  return [...decision.subjects, ...changedEvidence].flatMap(({ subject, logEvidence }) => {
    const known = subjects.get(subject);
    if (known === undefined) return [];
    const of = { ...known, logEvidence };
    const scale = onScale(of, plan.threshold, quiet);
    const state = { changed: changed.get(subject), over: over.get(subject) };
    return subjectRow(place, evidenceMetrics.drift, of, scale, state) ?? [];
  });
}

/** The row of all that is watched of a version together. */
function wholeRow(plan: DriftPlan, place: StepPlace, step: DriftStep, { decision, isNew }: StepOutcome): EvidenceRow {
  const quiet = (step.end - step.start) / DAY_MS;
  return {
    version: place.version,
    variant: place.variant,
    window_start: place.start,
    window_end: place.end,
    segment: "",
    metric: evidenceMetrics.model,
    subject_kind: "model",
    subject: "model",
    ...onScale({ logEvidence: decision.logEvidence, share: 1 }, plan.threshold, quiet),
    breached: decision.alarms,
    alarmed: isNew,
    n: Math.max(0, ...[...subjectsOf(plan, step).values()].map(({ n }) => n)),
    onset: null,
    onset_from: null,
    onset_to: null,
    finding: "",
    watched_ms: place.watchedMs,
  };
}

function subjectsOf(plan: DriftPlan, step: DriftStep): Map<string, Omit<SubjectEvidence, "logEvidence">> {
  const subjects = new Map<string, Omit<SubjectEvidence, "logEvidence">>();
  for (const [index, { subject, segment, subjectKind, name, share }] of plan.streams.entries()) {
    const known = subjects.get(subject);
    const n = known?.n ?? (step.counts[index] ?? []).reduce((sum, count) => sum + count, 0);
    subjects.set(subject, { segment, subjectKind, subject: name, share: share + (known?.share ?? 0), n });
  }
  return subjects;
}

/** Rows that end what has changed in a version without events. */
function idleRows(place: StepPlace, plan: DriftPlan, unit: UnitState): EvidenceRow[] {
  const idle = forgetIdle(unit, place.end);
  return [...idle].flatMap(([subject, over]) => {
    const stream = plan.streams.find((one) => one.subject === subject);
    if (stream === undefined) return [];
    const { segment, subjectKind, name, share } = stream;
    const of = { segment, subjectKind, subject: name, logEvidence: 0, share, n: 0 };
    const scale = { value: 0, threshold: onScale(of, plan.threshold, 1).threshold };
    return subjectRow(place, evidenceMetrics.drift, of, scale, { changed: undefined, over }) ?? [];
  });
}
