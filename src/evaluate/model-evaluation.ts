/** One model's evaluation: its marks, its pending panes, and the order in which a run writes. */
import type { Clock } from "../core/clock.ts";
import { readEpoch } from "../store/rebuilds.ts";
import type { Lane } from "../store/store.ts";
import { openAccepted } from "./accepted/accepted-evaluation.ts";
import { type CommitRecord, type Marks, readCommitRecords, readMarks, writeMarks } from "./commit-records.ts";
import type { CountWindow } from "./count-boundaries.ts";
import { type CountWindowState, evaluateCountWindows, isCountWindowDue, openCountWindows } from "./count-windows.ts";
import { joinEntitiesOfPredictions, joinEntityLabels } from "./entity-outcomes.ts";
import { openEpoch } from "./epoch.ts";
import { createReliabilityCheck, type ReliabilityCheck } from "./estimates/reliability.ts";
import { panesOfLaterCopies } from "./kept-rows.ts";
import { createMetricBatch } from "./metric-writer.ts";
import { openOnlineEvaluation } from "./online/online-evaluation.ts";
import { joinEarlierLabels, joinNewLabels } from "./outcomes.ts";
import { createOwed } from "./owed.ts";
import { openPageTier } from "./page-tier/page-tier.ts";
import { summarisedBefore, summarisePanes, writeLedger } from "./panes.ts";
import { createPendingPanes } from "./pending-panes.ts";
import type { PreparedModel } from "./prepare-model.ts";
import { createRetention } from "./retention.ts";
import { openSegments } from "./segments/segment-evaluation.ts";
import { openSteps, writeSteps } from "./steps.ts";
import type { StoreNews } from "./store-news.ts";
import {
  type Dirty,
  type Evaluated,
  evaluateTimeWindows,
  isTimeWindowDue,
  openTimeWindows,
  type TimeWindow,
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

/** What is computed again from what is stored. */
export interface Again {
  /** Rows of each pane that is to be summarised, whether or not its commit records are still there. */
  readonly panes: ReadonlyMap<number, number>;
}

/** @param again computes windows alone: what sequential tests have seen once they do not look at again */
export async function openModelEvaluation(
  lane: Lane,
  prepared: PreparedModel,
  clock: Clock,
  news: StoreNews,
  again: Again | null = null,
): Promise<ModelEvaluation> {
  const { config } = prepared;
  const model = config.name;
  const readTo: Marks = await readMarks(lane, model);
  const feeding = await readFeedingPartitions(lane, model);
  const { timeWindows, countWindows } = await openWindows(lane, prepared);
  const steps = await openSteps(lane, prepared);
  const segments = again === null ? await openSegments(lane, prepared) : null;
  const accepted = await openAccepted(lane, prepared);
  const pageTier = again === null ? await openPageTier(lane, prepared, accepted.baselines) : null;
  const epoch = await readEpoch(lane, model);
  const online = await openOnlineEvaluation(lane, prepared, [...timeWindows, ...countWindows], epoch);
  const pending = createPendingPanes(readTo, feeding, again?.panes);
  const windows: Windows = { timeWindows, countWindows, reliability: createReliabilityCheck(), epoch };
  const retain = createRetention(lane, prepared, clock.now());
  let reached = Number.NEGATIVE_INFINITY;
  let watermark = Number.NEGATIVE_INFINITY;
  const owed = createOwed(prepared, news);

  const reach = (now: number) => Math.max(reached, watermarkOf(news.times(), feeding, config.allowed_lateness, now));
  const hasClosed = (through: number) =>
    pending.panes().some((pane) => pane + config.pane <= through) ||
    isAnyDue(timeWindows, countWindows, through) ||
    segments?.isDue(through) === true ||
    online?.isBehind() === true;
  const isDue = (now: number): boolean => {
    const through = reach(now);
    if (owed.look({ feeding, watermark: through, hasClosed: hasClosed(through), now })) return true;
    watermark = reached = through;
    return false;
  };
  /** `end`: null for the watermark. */
  const runTo = async (end: number | null): Promise<Evaluated> => {
    const now = clock.now();
    await accepted.note({ whole: steps.sealedTo + config.pane, segments: segments?.next() ?? noSteps }, now);
    const records = await readCommitRecords(lane, model, readTo);
    pending.note(records);
    // A partition that joins with old events opens nothing again: they are late.
    reached = reach(now);
    watermark = end ?? reached;
    const closed = pending.panes().filter((pane) => pane + config.pane <= watermark);
    const copies = await panesOfLaterCopies(lane, prepared.dedupe, closed);
    const dirty = [...new Set([...closed, ...(await summarisedBefore(lane, prepared, copies))])];
    const changed = new Set(await summarisePanes(lane, prepared, dirty, pending.rows));
    const labelled = await joinOutcomes(lane, prepared, records);
    // Before the windows: those since an acceptance are compared with what steps have shown until then.
    await writeSteps(lane, prepared, steps, dirty, now);
    await accepted.advance(dirty, steps.sealedTo, pending.rows, now);
    const touched = { panes: dirty, changed, labelled, accepted: accepted.baselines() };
    const done = await evaluateWindows(lane, prepared, windows, touched, watermark, now);
    done.rows += (await online?.run({ touched, isChanged: done.windows > 0, watermark, now })) ?? 0;
    const segmentsSealedTo = (await segments?.run(dirty, watermark, now, accepted)) ?? noSteps;
    await pageTier?.run({ sealedTo: steps.sealedTo, segmentsSealedTo, watermark, isChanged: done.rows > 0, now });
    pending.done(closed);
    if (records.length > 0 || closed.length > 0) await writeMarks(lane, model, pending.marks());
    if (again === null) await retain(now);
    owed.settle(now);
    return done;
  };
  return {
    run: async (final) => (isDue(clock.now()) || final ? await runTo(final ? Number.POSITIVE_INFINITY : null) : null),
    runThrough: runTo,
    watermark: () => watermark,
  };
}

const isAnyDue = (times: readonly TimeWindowState[], counts: readonly CountWindowState[], watermark: number): boolean =>
  times.some((state) => isTimeWindowDue(state, watermark)) ||
  counts.some((state) => isCountWindowDue(state, watermark));

interface Windows {
  readonly timeWindows: readonly TimeWindowState[];
  readonly countWindows: readonly CountWindowState[];
  readonly reliability: ReliabilityCheck;
  /** The number of the model's epoch. */
  readonly epoch: number;
}

/** Computes the windows that are due, and writes their rows. */
async function evaluateWindows(
  lane: Lane,
  prepared: PreparedModel,
  { timeWindows, countWindows, reliability, epoch }: Windows,
  touched: Dirty,
  watermark: number,
  now: number,
): Promise<Evaluated> {
  const batch = createMetricBatch(
    lane,
    epoch,
    (entries) => writeLedger(lane, prepared, entries),
    (fresh, before) => reliability.keep(fresh, before),
    prepared.online?.names,
  );
  const done: Evaluated = { windows: 0, rows: 0 };
  const add = ({ windows, rows }: Evaluated) => {
    done.windows += windows;
    done.rows += rows;
  };
  for (const state of timeWindows)
    add(await evaluateTimeWindows(lane, prepared, batch, state, touched, watermark, now));
  for (const state of countWindows)
    add(await evaluateCountWindows(lane, prepared, batch, state, touched, watermark, now));
  await batch.flush();
  await reliability.settle(lane, prepared.config.name, batch);
  await batch.flush();
  return done;
}

/** Returns the panes of the predictions that may have got another label. */
async function joinOutcomes(lane: Lane, prepared: PreparedModel, records: readonly CommitRecord[]): Promise<number[]> {
  const labelled = await joinNewLabels(lane, prepared, records);
  await joinEarlierLabels(lane, prepared, records);
  return [
    ...labelled,
    ...(await joinEntityLabels(lane, prepared, records)),
    ...(await joinEntitiesOfPredictions(lane, prepared, records)),
  ];
}

async function openWindows(
  lane: Lane,
  prepared: PreparedModel,
): Promise<{ readonly timeWindows: readonly TimeWindowState[]; readonly countWindows: readonly CountWindowState[] }> {
  const { windows } = prepared.config;
  const epochs = await openEpoch(lane, prepared);
  const epochOf = (window: { readonly name: string }) => epochs.get(window.name) ?? Number.NEGATIVE_INFINITY;
  const timeWindows: TimeWindowState[] = [];
  for (const spec of windows.filter((window): window is TimeWindow => window.kind === "time"))
    timeWindows.push(await openTimeWindows(lane, prepared, spec, epochOf(spec)));
  const countWindows = windows
    .filter((window): window is CountWindow => window.kind === "count")
    .map((spec) => openCountWindows(spec, epochOf(spec)));
  return { timeWindows, countWindows };
}
