/**
 * Runs the online detectors of a model along its computed windows. A stream is a function of its values in their order, so what is late or
 * corrected makes it go on anew from the last state that it has not touched: rows after that are compared, and what differs is revised.
 *
 * Order of writing: states that no longer hold are taken back before anything else, rows come next, and then states. So a crash anywhere
 * leaves a state that is right, and rows after it are computed again.
 */
import { leastOf } from "../../math/extremes.ts";
import type { Lane } from "../../store/store.ts";
import { createMetricBatch } from "../metric-writer.ts";
import type { PreparedModel } from "../prepare-model.ts";
import type { Dirty } from "../time-windows.ts";
import { countSeries, seriesKey } from "../window-series.ts";
import { advance, type Place } from "./advance-series.ts";
import { type FoundSeries, firstPanes } from "./found-series.ts";
import { forgetStates, openBeginning } from "./saved-states.ts";
import { isOfTime, type Track, type WindowState } from "./track.ts";

export interface OnlineRun {
  readonly touched: Pick<Dirty, "panes" | "labelled">;
  /** Whether windows have been computed in this run. */
  readonly isChanged: boolean;
  readonly watermark: number;
  readonly now: number;
}

export interface OnlineEvaluation {
  /** Call it when the metric rows of the run are written. Returns how many rows it has written or deleted. */
  run(run: OnlineRun): Promise<number>;
  /** Whether a stream that went back has still to go on. */
  isBehind(): boolean;
}

/** Going back takes this share of the time at most, where it takes long: labels that trickle in must not fill all of it. */
const REPLAY_SHARE = 0.1;
/** Shorter ones are not held back. */
const SHORT_REPLAY_MS = 200;

/** null where the model lists no online detector. */
export async function openOnlineEvaluation(
  lane: Lane,
  prepared: PreparedModel,
  states: readonly WindowState[],
  epoch: number,
): Promise<OnlineEvaluation | null> {
  const plan = prepared.online;
  if (plan === null) return null;
  const known = await firstPanes(lane, prepared, null);
  const tracks: Track[] = [];
  for (const state of states) {
    const scope = { model: prepared.config.name, planId: plan.planId, others: plan.others, window: state.spec.name };
    const beginning = await openBeginning(lane, scope);
    tracks.push({ state, scope, beginning, groups: new Map(), takenTo: Number.NEGATIVE_INFINITY });
  }
  for (const track of tracks) for (const found of known) noteSeries(track, found);

  let isFirst = true;
  let replayAllowedAt = Number.NEGATIVE_INFINITY;
  const isBehind = () => tracks.some(({ groups }) => [...groups.values()].some(({ at }) => at === null));
  const run = async ({ touched, isChanged, watermark, now }: OnlineRun): Promise<number> => {
    if (!isFirst && !isChanged && !isBehind() && touched.panes.length + touched.labelled.length === 0) return 0;
    for (const found of await firstPanes(lane, prepared, touched.panes))
      for (const track of tracks) noteSeries(track, found);
    const from = leastOf([...touched.panes, ...touched.labelled]);
    for (const track of tracks) await goBack(lane, track, from);
    const isFinal = watermark === Number.POSITIVE_INFINITY;
    const mayReplay = isFirst || isFinal || now >= replayAllowedAt;
    const batch = createMetricBatch(lane, epoch, () => Promise.resolve());
    const place = { lane, prepared, plan, batch, watermark, now };
    const began = performance.now();
    const isReplay = isBehind();
    let rows = 0;
    for (const track of tracks) rows += await advanceTrack(place, track, mayReplay);
    const took = performance.now() - began;
    if (isReplay && mayReplay)
      replayAllowedAt = took < SHORT_REPLAY_MS ? Number.NEGATIVE_INFINITY : now + took / REPLAY_SHARE;
    isFirst = false;
    return rows;
  };
  return { run, isBehind };
}

function noteSeries({ groups }: Track, { firstPane, ...series }: FoundSeries): void {
  const key = seriesKey(series);
  const known = groups.get(key);
  if (known === undefined) groups.set(key, { series, firstPane, at: null, storedTo: Number.POSITIVE_INFINITY });
  else known.firstPane = Math.min(known.firstPane, firstPane);
}

/** Takes back what ends after the time: in the store, and of what is known here. */
async function goBack(lane: Lane, { groups, scope }: Track, from: number): Promise<void> {
  if (!Number.isFinite(from)) return;
  const touched = [...groups.values()].filter(({ at }) => at === null || at.end > from);
  if (touched.length === 0) return;
  await forgetStates(lane, scope, from);
  for (const group of touched) group.at = null;
}

async function advanceTrack(place: Place, track: Track, mayReplay: boolean): Promise<number> {
  const { lane, prepared } = place;
  const { state, groups } = track;
  let fresh: ReadonlySet<string> | null = null;
  if (isOfTime(state) && Number.isFinite(track.takenTo)) {
    const span = { from: track.takenTo, to: state.computedTo };
    const counts = span.to > span.from ? await countSeries(lane, prepared, state.grid, span) : new Map();
    fresh = new Set([...counts.values()].flatMap((series: ReadonlyMap<string, unknown>) => [...series.keys()]));
  }
  let rows = 0;
  for (const [key, group] of groups) {
    if (group.at === null ? !mayReplay : fresh !== null && !fresh.has(key)) continue;
    rows += await advance(place, track, group);
  }
  if (isOfTime(state)) track.takenTo = state.computedTo;
  return rows;
}
