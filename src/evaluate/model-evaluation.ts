/** One model's evaluation: its marks, its pending panes, and the order in which a run writes. */
import type { Clock } from "../core/clock.ts";
import { leastOf } from "../math/extremes.ts";
import { readEpoch } from "../store/rebuilds.ts";
import type { Lane } from "../store/store.ts";
import { type AcceptedEvaluation, openAccepted } from "./accepted/accepted-evaluation.ts";
import { type DecidedUnder, readDecided } from "./accepted/register.ts";
import { type CommitRecord, type Marks, readCommitRecords, readMarks, writeMarks } from "./commit-records.ts";
import type { TimeWindow } from "./compute-windows.ts";
import type { CountWindow } from "./count-boundaries.ts";
import { type CountWindowState, evaluateCountWindows, isCountWindowDue, openCountWindows } from "./count-windows.ts";
import { joinEntitiesOfPredictions, joinEntityLabels } from "./entity-outcomes.ts";
import { openEpoch } from "./epoch.ts";
import { createReliabilityCheck, type ReliabilityCheck } from "./estimates/reliability.ts";
import { panesOfLaterCopies } from "./kept-rows.ts";
import { createMetricBatch, type MetricBatch } from "./metric-writer.ts";
import { type OnlineEvaluation, openOnlineEvaluation } from "./online/online-evaluation.ts";
import { joinEarlierLabels, joinNewLabels } from "./outcomes.ts";
import { createOwed } from "./owed.ts";
import { openPageTier, type PageTier } from "./page-tier/page-tier.ts";
import { summarisedBefore, summarisePanes, writeLedger } from "./panes.ts";
import { createPendingPanes } from "./pending-panes.ts";
import type { PreparedModel } from "./prepare-model.ts";
import { createRetention } from "./retention.ts";
import { openSegments, type SegmentEvaluation } from "./segments/segment-evaluation.ts";
import { openSteps, type StepState, writeSteps } from "./steps.ts";
import type { StoreNews } from "./store-news.ts";
import {
  type Dirty,
  type Evaluated,
  evaluateTimeWindows,
  isTimeWindowDue,
  openTimeWindows,
  type TimeWindowState,
} from "./time-windows.ts";
import { readFeedingPartitions, watermarkOf } from "./watermark.ts";

export interface ModelEvaluation {
  /** null where nothing was due: no event, no decision, and no pane or window that has closed since the last run. */
  run(final: boolean): Promise<Evaluated | null>;
  /** Does all that ends at or before a time, ms, whether or not anything of it is new. */
  runThrough(end: number): Promise<Evaluated>;
  /** As of the last run, ms; not finite before the first event and after a final run. */
  watermark(): number;
}

const noSteps = Number.NEGATIVE_INFINITY;

/** What is known of one of the model's references from one run to the next. */
interface Part {
  readonly prepared: PreparedModel;
  readonly timeWindows: readonly TimeWindowState[];
  readonly countWindows: readonly CountWindowState[];
  readonly steps: StepState;
  readonly segments: SegmentEvaluation | null;
  readonly accepted: AcceptedEvaluation;
  readonly pageTier: PageTier | null;
  readonly online: OnlineEvaluation | null;
  readonly batch: MetricBatch;
}

/** What is computed again from what is stored. */
export interface Again {
  /** Rows of each pane that is to be summarised, whether or not its commit records are still there. */
  readonly panes: ReadonlyMap<number, number>;
}

/** @param again computes windows alone: what sequential tests have seen once they do not look at again */
export async function openModelEvaluation(
  lane: Lane,
  model: PreparedModel,
  clock: Clock,
  news: StoreNews,
  again: Again | null = null,
): Promise<ModelEvaluation> {
  const { config } = model;
  const readTo: Marks = await readMarks(lane, config.name);
  const feeding = await readFeedingPartitions(lane, config.name);
  const reliability = createReliabilityCheck();
  const isTested = again === null;
  const shared = { now: clock.now(), reliability, epoch: await readEpoch(lane, config.name), isTested };
  const opened: Part[] = [];
  for (const prepared of [model, ...model.others]) opened.push(await openPart(lane, prepared, shared));
  const pending = createPendingPanes(readTo, feeding, again?.panes);
  const retain = isTested ? createRetention(lane, model, clock.now()) : () => Promise.resolve();
  let reached = Number.NEGATIVE_INFINITY;
  let watermark = Number.NEGATIVE_INFINITY;
  const owed = createOwed(model, news);

  const reach = (now: number) => Math.max(reached, watermarkOf(news.times(), feeding, config.allowed_lateness, now));
  const hasClosed = (through: number) =>
    pending.panes().some((pane) => pane + config.pane <= through) || opened.some((part) => isPartDue(part, through));
  const isDue = (now: number): boolean => {
    const through = reach(now);
    if (owed.look({ feeding, watermark: through, hasClosed: hasClosed(through), now })) return true;
    watermark = reached = through;
    return false;
  };
  /** `end`: null for the watermark. */
  const runTo = async (end: number | null): Promise<Evaluated> => {
    const now = clock.now();
    await noteAccepted(lane, config.name, opened, now);
    const records = await readCommitRecords(lane, config.name, readTo);
    pending.note(records);
    // A partition that joins with old events opens nothing again: they are late.
    reached = reach(now);
    watermark = end ?? reached;
    const closed = pending.panes().filter((pane) => pane + config.pane <= watermark);
    const copies = await panesOfLaterCopies(lane, model.dedupe, closed);
    // Each reference has summarised them all, of its versions.
    const panes = [...new Set([...closed, ...(await summarisedBefore(lane, model, copies))])];
    const changed = new Map<Part, ReadonlySet<number>>();
    for (const part of opened)
      changed.set(part, new Set(await summarisePanes(lane, part.prepared, panes, pending.rows)));
    const labelled = await joinOutcomes(lane, model, records);
    const labelsFrom = leastOf(records.map((record) => record.labelsFrom));
    const done: Evaluated = { windows: 0, rows: 0 };
    for (const part of opened) {
      const dirty = { panes, changed: changed.get(part) ?? new Set(), labelled, labelsFrom };
      await evaluatePart(lane, part, dirty, { sizes: pending.rows, watermark, now }, done);
    }
    await settle(lane, config.name, opened, reliability);
    for (const part of opened) await judgePart(part, { panes, labelled }, { watermark, now }, done);
    pending.done(closed);
    if (records.length > 0 || closed.length > 0) await writeMarks(lane, config.name, pending.marks());
    await retain(now);
    owed.settle(now);
    return done;
  };
  return {
    run: async (final) => (isDue(clock.now()) || final ? await runTo(final ? Number.POSITIVE_INFINITY : null) : null),
    runThrough: runTo,
    watermark: () => watermark,
  };
}

/** Estimates are judged over all versions. */
async function settle(
  lane: Lane,
  model: string,
  [main]: readonly Part[],
  reliability: ReliabilityCheck,
): Promise<void> {
  if (main === undefined) return;
  await reliability.settle(lane, model, main.batch);
  await main.batch.flush();
}

/** Whether a window has closed by the watermark, or an online detector has still to go on. */
const isPartDue = ({ timeWindows, countWindows, segments, online }: Part, watermark: number): boolean =>
  timeWindows.some((state) => isTimeWindowDue(state, watermark)) ||
  countWindows.some((state) => isCountWindowDue(state, watermark)) ||
  segments?.isDue(watermark) === true ||
  online?.isBehind() === true;

/** What all parts of a model have in common. */
interface OpenedWith {
  /** Clock time, ms. */
  readonly now: number;
  readonly reliability: ReliabilityCheck;
  /** The number of the model's epoch. */
  readonly epoch: number;
  /** Whether sequential tests go on with what is computed. */
  readonly isTested: boolean;
}

async function openPart(
  lane: Lane,
  prepared: PreparedModel,
  { now, reliability, epoch, isTested }: OpenedWith,
): Promise<Part> {
  const windows = await openWindows(lane, prepared, now);
  const steps = await openSteps(lane, prepared);
  const segments = isTested ? await openSegments(lane, prepared) : null;
  const accepted = await openAccepted(lane, prepared);
  const pageTier = isTested ? await openPageTier(lane, prepared, accepted.baselines) : null;
  const online = await openOnlineEvaluation(lane, prepared, [...windows.timeWindows, ...windows.countWindows], epoch);
  const batch = createMetricBatch(
    lane,
    epoch,
    (entries) => writeLedger(lane, prepared, entries),
    (fresh, before) => reliability.keep(fresh, before),
    prepared.online?.names,
  );
  return { prepared, ...windows, steps, segments, accepted, pageTier, online, batch };
}

/** Every reference takes note of what people had decided when the run began. */
async function noteAccepted(lane: Lane, model: string, parts: readonly Part[], now: number): Promise<void> {
  let decided: Promise<DecidedUnder> | null = null;
  const readOnce = () => {
    decided ??= readDecided(lane, model);
    return decided;
  };
  for (const { prepared, steps, segments, accepted } of parts) {
    const next = { whole: steps.sealedTo + prepared.config.pane, segments: segments?.next() ?? noSteps };
    await accepted.note(next, now, readOnce);
  }
}

/** Returns the panes of the predictions that may have got another label. */
async function joinOutcomes(lane: Lane, model: PreparedModel, records: readonly CommitRecord[]): Promise<number[]> {
  const labelled = await joinNewLabels(lane, model, records);
  await joinEarlierLabels(lane, model, records);
  return [
    ...labelled,
    ...(await joinEntityLabels(lane, model, records)),
    ...(await joinEntitiesOfPredictions(lane, model, records)),
  ];
}

/** The windows of the versions of one reference. */
async function evaluatePart(
  lane: Lane,
  { prepared, timeWindows, countWindows, steps, accepted, batch }: Part,
  dirty: Omit<Dirty, "accepted">,
  { sizes, watermark, now }: { sizes: (pane: number) => number; watermark: number; now: number },
  done: Evaluated,
): Promise<void> {
  // Before the windows: those since an acceptance are compared with what steps have shown until then.
  await writeSteps(lane, prepared, steps, dirty.panes, now);
  await accepted.advance(dirty.panes, steps.sealedTo, sizes, now);
  const touched = { ...dirty, accepted: accepted.baselines() };
  const add = ({ windows, rows }: Evaluated) => {
    done.windows += windows;
    done.rows += rows;
  };
  for (const state of timeWindows)
    add(await evaluateTimeWindows(lane, prepared, batch, state, touched, watermark, now));
  for (const state of countWindows)
    add(await evaluateCountWindows(lane, prepared, batch, state, touched, watermark, now));
  await batch.flush();
}

/** What reads the windows and steps of the versions of one reference: online detectors, segments and the page tier. */
async function judgePart(
  { steps, segments, accepted, pageTier, online }: Part,
  touched: Pick<Dirty, "panes" | "labelled">,
  { watermark, now }: { watermark: number; now: number },
  done: Evaluated,
): Promise<void> {
  done.rows += (await online?.run({ touched, isChanged: done.windows > 0, watermark, now })) ?? 0;
  const segmentsSealedTo = (await segments?.run(touched.panes, watermark, now, accepted)) ?? noSteps;
  await pageTier?.run({ sealedTo: steps.sealedTo, segmentsSealedTo, watermark, isChanged: done.rows > 0, now });
}

async function openWindows(
  lane: Lane,
  prepared: PreparedModel,
  now: number,
): Promise<Pick<Part, "timeWindows" | "countWindows">> {
  const { windows } = prepared.config;
  const epochs = await openEpoch(lane, prepared, now);
  const epochOf = (window: { readonly name: string }) => epochs.get(window.name) ?? Number.NEGATIVE_INFINITY;
  const timeWindows: TimeWindowState[] = [];
  for (const spec of windows.filter((window): window is TimeWindow => window.kind === "time"))
    timeWindows.push(await openTimeWindows(lane, prepared, spec, epochOf(spec)));
  const countWindows = windows
    .filter((window): window is CountWindow => window.kind === "count")
    .map((spec) => openCountWindows(spec, epochOf(spec)));
  return { timeWindows, countWindows };
}
