/** Drift in the page and the notice tier: reads the steps that are new, takes them through each version's trackers, and writes what they say. */
import { evidenceMetrics, noticeMetrics } from "../../core/evidence.ts";
import type { Lane } from "../../store/store.ts";
import type { AcceptedBaseline } from "../accepted/accepted-baseline.ts";
import type { PreparedModel } from "../prepare-model.ts";
import { type Series, seriesKey } from "../window-series.ts";
import { type CarriedSubject, readCarriedOver } from "./carried-over.ts";
import { describeFinding } from "./described-finding.ts";
import {
  compareFrom,
  type Describe,
  type DriftStep,
  forgetIdle,
  newUnit,
  type StepOutcome,
  takeStep,
  type UnitState,
} from "./drift-tracker.ts";
import {
  type EvidenceRow,
  onScale,
  type StepPlace,
  type SubjectEvidence,
  subjectRow,
  writeEvidence,
} from "./evidence-rows.ts";
import { harmless, noticeRows, openNotices } from "./notice-evidence.ts";
import type { NoticePlan } from "./notice-plan.ts";
import { createRebasing, type Rebased, type Rebasing } from "./rebased-streams.ts";
import { readUnits, saveUnits, type Units } from "./saved-states.ts";
import { watchedKey } from "./segment-streams.ts";
import { type StoredStep, storedSteps } from "./stored-steps.ts";
import { DAY_MS, type TierPlan } from "./tier-plan.ts";
import type { PageTierPlan } from "./watched-streams.ts";

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
  /** Beside the whole; segments have none. */
  readonly notices: NoticePlan | null;
  /** What stands in for the reference where people have accepted drift. */
  readonly baselines: () => readonly AcceptedBaseline[];
}

export async function wholeScope(
  lane: Lane,
  prepared: PreparedModel,
  plan: PageTierPlan,
  baselines: DriftScope["baselines"],
): Promise<DriftScope> {
  const { through, changed } = await readCarriedOver(lane, prepared, plan.planId);
  // Segments that are watched no more end with the whole's steps.
  const left =
    plan.segments === null ? (await readCarriedOver(lane, prepared, plan.planId, evidenceMetrics, true)).changed : [];
  const carried = [...changed, ...left];
  return { ofSegments: false, paneMs: prepared.config.pane, since: through, carried, notices: plan.notices, baselines };
}

/** Steps that a restart replays at most. */
const SAVE_EVERY_STEPS = 64;

export async function openDriftEvidence(
  lane: Lane,
  prepared: PreparedModel,
  plan: TierPlan,
  scope: DriftScope,
): Promise<DriftEvidence> {
  const tolerance = prepared.pageTier?.tolerance ?? null;
  const rebasing = createRebasing(scope.baselines, { tolerance });
  const model = prepared.config.name;
  const pane = scope.paneMs;
  // Evidence is of the model's plan as a whole, of which segments are a part.
  const planId = prepared.pageTier?.planId ?? plan.planId;
  const saved = await readUnits(lane, prepared, plan, rebasing);
  const { units } = saved;
  let through = saved.through;
  let unsaved = 0;
  // Rows that end what is watched no more; written with the next steps.
  const ended: EvidenceRow[] = [];
  if (through === Number.NEGATIVE_INFINITY) {
    through = scope.since;
    for (const subject of scope.carried)
      ended.push(...carry(plan, units, subject, pane, evidenceMetrics.drift, rebasing));
  }
  const takePane = createPaneTaker(lane, prepared, {
    plan,
    units,
    paneMs: pane,
    rebasing,
    rowsOf: (place, step, outcome) => [
      ...(scope.ofSegments ? [] : [wholeRow(plan, place, step, outcome)]),
      ...subjectRows(plan, place, step, outcome),
    ],
  });
  const notices = await openNoticesBeside(lane, prepared, scope, units, through);
  return {
    async run(sealedTo, now) {
      if (!Number.isFinite(sealedTo) || sealedTo < through) return;
      for await (const panes of storedSteps(lane, prepared, through, scope.ofSegments, rebasing.ids())) {
        const written: EvidenceRow[] = ended.splice(0);
        for (const [start, steps] of panes) {
          const before = changedSubjects(units);
          written.push(...(await takePane(start, steps)));
          await notices?.takePane(start, steps, before);
          through = start + pane;
          unsaved++;
        }
        const place = { start: through - pane, end: through, watchedMs: 0 };
        for (const { version, variant, unit } of units.values())
          written.push(...idleRows({ ...place, version, variant }, plan, unit, evidenceMetrics.drift));
        await writeEvidence(lane, prepared, planId, written, now);
        await notices?.write(place, now);
        if (unsaved < SAVE_EVERY_STEPS) continue;
        // Notices first: those that are ahead pass over what they have taken, while none could make up for a step that they missed.
        await notices?.save(through, now);
        await saveUnits(lane, model, plan, units, through, now);
        unsaved = 0;
      }
    },
  };
}

type TakePane = (start: number, steps: readonly StoredStep[]) => Promise<EvidenceRow[]>;

/** A plan, the states of the versions under it, and how what a step says becomes rows. */
interface Tier {
  readonly plan: TierPlan;
  readonly units: Units;
  /** Length of a step, ms. */
  readonly paneMs: number;
  readonly rebasing: Rebasing;
  readonly rowsOf: (place: StepPlace, step: DriftStep, outcome: StepOutcome) => EvidenceRow[];
  /** By series key: subjects of which the step may teach nothing. */
  readonly frozen?: (key: string) => ReadonlySet<string>;
}

/** Takes the steps of one pane through the trackers of their versions. */
function createPaneTaker(lane: Lane, prepared: PreparedModel, tier: Tier): TakePane {
  const { plan, units, paneMs, rebasing, rowsOf, frozen } = tier;
  const places = new Map(plan.streams.map(({ subject, stream }, index) => [`${subject} ${stream}`, index]));
  return async (start, stored) => {
    const steps = new Map<string, SeriesInPane>();
    for (const { version, variant, ...row } of stored) {
      const place = places.get(`${watchedKey(row.segment, `${row.subject_kind}/${row.subject}`)} ${row.stream}`);
      if (place === undefined) continue;
      const key = seriesKey({ version, variant });
      const known = steps.get(key) ?? beginPane(plan, rebasing, { version, variant }, start);
      steps.set(key, known);
      const wanted = known.rebased.get(plan.streams[place]?.subject ?? "")?.baselineId ?? prepared.referenceId;
      if (row.reference_id === wanted) known.counts[place] = row.counts;
    }
    const written: EvidenceRow[] = [];
    for (const [key, { version, variant, counts, rebased }] of [...steps].sort(([a], [b]) => (a < b ? -1 : 1))) {
      const known = units.get(key) ?? { version, variant, unit: newUnit(plan) };
      units.set(key, known);
      const { unit } = known;
      const step: DriftStep = { start, end: start + paneMs, counts, rebased };
      const watchedMs = step.end - (unit.through ?? start);
      const toWords: Describe = (finding, since, end) => {
        const referenceId = rebased.get(finding.subject)?.baselineId ?? prepared.referenceId;
        return describeFinding(lane, prepared, { version, variant, finding, since, end, paneMs, referenceId });
      };
      const outcome = await takeStep(plan, unit, step, toWords, frozen?.(key));
      written.push(...rowsOf({ version, variant, start, end: step.end, watchedMs }, step, outcome));
    }
    return written;
  };
}

interface SeriesInPane extends Series {
  /** In the order of the plan's streams. */
  readonly counts: (readonly number[] | undefined)[];
  /** By subject key. */
  readonly rebased: ReadonlyMap<string, Rebased>;
}

function beginPane({ streams }: TierPlan, rebasing: Rebasing, series: Series, start: number): SeriesInPane {
  const rebased = new Map<string, Rebased>();
  for (const stream of streams) {
    const found = rebased.get(stream.subject) ?? rebasing.at(series, stream, start);
    if (found !== null) rebased.set(stream.subject, found);
  }
  return { ...series, counts: streams.map(() => undefined), rebased };
}

interface NoticesBeside {
  /** `before`: what counted as changed in the page tier before the step. */
  takePane(
    start: number,
    steps: readonly StoredStep[],
    before: ReadonlyMap<string, ReadonlySet<string>>,
  ): Promise<void>;
  /** Writes what the panes since the last time have said. */
  write(place: Omit<StepPlace, "version" | "variant">, now: number): Promise<void>;
  save(through: number, now: number): Promise<void>;
}

/** The notice tier over the same steps; null where it is off. `pageUnits`: as they are after each step. */
async function openNoticesBeside(
  lane: Lane,
  prepared: PreparedModel,
  { notices: plan, baselines }: DriftScope,
  pageUnits: Units,
  pageThrough: number,
): Promise<NoticesBeside | null> {
  if (plan === null) return null;
  const { name: model, pane } = prepared.config;
  const rebasing = createRebasing(baselines, { tolerance: null, fading: plan.fading });
  const opened = await openNotices(lane, prepared, plan, pageThrough, rebasing, (...of) =>
    carry(...of, pane, noticeMetrics.drift, rebasing),
  );
  const { units } = opened;
  let rows = [...opened.ended];
  let before: ReadonlyMap<string, ReadonlySet<string>> = new Map();
  const takePane = createPaneTaker(lane, prepared, {
    plan,
    units,
    paneMs: pane,
    rebasing,
    rowsOf: (place, step, outcome) => noticeRows(plan, place, step, outcome, subjectsOf(plan, step)),
    // Neither from the step with which a change is told, nor from the one with which it ends.
    frozen: (key) => new Set([...(before.get(key) ?? []), ...(pageUnits.get(key)?.unit.changed.keys() ?? [])]),
  });
  return {
    async takePane(start, steps, changedBefore) {
      if (start < opened.through) return;
      before = changedBefore;
      rows.push(...(await takePane(start, steps)));
    },
    async write(place, now) {
      for (const { version, variant, unit } of units.values())
        rows.push(...idleRows({ ...place, version, variant }, plan, unit, noticeMetrics.drift).map(harmless));
      await writeEvidence(lane, prepared, plan.planId, rows, now);
      rows = [];
    },
    save: (through, now) => saveUnits(lane, model, plan, units, through, now),
  };
}

/** By series key. */
const changedSubjects = (units: Units): ReadonlyMap<string, ReadonlySet<string>> =>
  new Map([...units].map(([key, { unit }]) => [key, new Set(unit.changed.keys())]));

/** Goes on with a subject that has changed under an earlier plan; the row that ends it where it is watched no more. */
function carry(
  plan: TierPlan,
  units: Units,
  carried: CarriedSubject,
  pane: number,
  metric: EvidenceRow["metric"],
  rebasing: Rebasing,
): EvidenceRow[] {
  const { version, variant, segment, subjectKind, subject, ...changed } = carried;
  const key = watchedKey(segment, `${subjectKind}/${subject}`);
  const stream = plan.streams.find((one) => one.subject === key);
  if (stream !== undefined) {
    const known = units.get(seriesKey(carried)) ?? { version, variant, unit: newUnit(plan) };
    units.set(seriesKey(carried), known);
    known.unit.changed.set(key, changed);
    compareFrom(plan, known.unit, key, rebasing.at(carried, stream, changed.alarmedAt - pane));
    return [];
  }
  const { alarmedAt: start } = changed;
  const place = { version, variant, start, end: start + pane, watchedMs: 0 };
  const of = { segment, subjectKind, subject, logEvidence: 0, share: 1, n: 0 };
  const state = { changed: undefined, over: changed };
  return [subjectRow(place, metric, of, { value: 0, threshold: 0 }, state) ?? []].flat();
}

function subjectRows(plan: TierPlan, place: StepPlace, step: DriftStep, outcome: StepOutcome): EvidenceRow[] {
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
function wholeRow(plan: TierPlan, place: StepPlace, step: DriftStep, { decision, isNew }: StepOutcome): EvidenceRow {
  const quiet = (step.end - step.start) / DAY_MS;
  return {
    version: place.version,
    variant: place.variant,
    window_start: place.start,
    window_end: place.end,
    metric: evidenceMetrics.model,
    subject_kind: "model",
    subject: "model",
    ...onScale({ logEvidence: decision.logEvidence, share: 1 }, plan.threshold, quiet),
    breached: decision.alarms,
    alarmed: isNew,
    n: Math.max(0, ...[...subjectsOf(plan, step).values()].map(({ n }) => n)),
    onset: null,
    finding: "",
    watched_ms: place.watchedMs,
  };
}

function subjectsOf(plan: TierPlan, step: DriftStep): Map<string, Omit<SubjectEvidence, "logEvidence">> {
  const subjects = new Map<string, Omit<SubjectEvidence, "logEvidence">>();
  for (const [index, { subject, segment, subjectKind, name, share }] of plan.streams.entries()) {
    const known = subjects.get(subject);
    const n = known?.n ?? (step.counts[index] ?? []).reduce((sum, count) => sum + count, 0);
    subjects.set(subject, { segment, subjectKind, subject: name, share: share + (known?.share ?? 0), n });
  }
  return subjects;
}

/** Rows that end what has changed in a version without events. */
function idleRows(place: StepPlace, plan: TierPlan, unit: UnitState, metric: EvidenceRow["metric"]): EvidenceRow[] {
  const idle = forgetIdle(unit, place.end);
  return [...idle].flatMap(([subject, over]) => {
    const stream = plan.streams.find((one) => one.subject === subject);
    if (stream === undefined) return [];
    const { segment, subjectKind, name, share } = stream;
    const of = { segment, subjectKind, subject: name, logEvidence: 0, share, n: 0 };
    const scale = { value: 0, threshold: onScale(of, plan.threshold, 1).threshold };
    return subjectRow(place, metric, of, scale, { changed: undefined, over }) ?? [];
  });
}
