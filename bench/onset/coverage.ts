/**
 * How often the interval of an onset holds the pane in which the change began: streams of the detectors' simulation that shift after a while,
 * taken through the page tier's detector until it alarms.
 */
import { fitPagePlan } from "../../src/sequential/fit-page-plan.ts";
import { ONSET_LOOK_BACK, type OnsetEstimate, onsetOfStream } from "../../src/sequential/onset-interval.ts";
import { mergeCounts } from "../../src/sequential/stream-reference.ts";
import { advance, initialState, leadingTilt, onsetOf } from "../../src/sequential/tilt-detector.ts";
import { DEFAULT_IGNORE_BELOW } from "../../src/sequential/tolerance.ts";
import { type Random, seededRandom } from "../detectors/random.ts";
import { type Draw, type Kind, type Reference, referenceFor, type Shift, scenes } from "../detectors/scenes.ts";

export interface CoverageOptions {
  readonly seed: number;
  readonly streams: number;
  readonly paneEvents: number;
  /** Panes before the change, and at most so many after it. */
  readonly before: number;
  readonly after: number;
}

export interface Coverage {
  /** Streams that alarmed after the change. */
  readonly found: number;
  /** Share of them whose interval holds the first pane of the change. */
  readonly coverage: number;
  /** Panes from the change to the alarm, from the first to the last pane of the interval, and by which the onset is off: medians, 10 %, 90 %. */
  readonly delay: number;
  readonly width: number;
  readonly error: readonly [number, number];
  /** The same of the pane where the leading tilt's evidence began to rise. */
  readonly riseError: readonly [number, number];
}

/** One false alarm in a million events of one stream. */
const THRESHOLD = 1e6;

interface Found {
  readonly alarm: number;
  readonly onset: number;
  readonly first: number;
  readonly last: number;
  readonly rise: number;
}

export function onsetCoverage(kind: Kind, shift: Shift, options: CoverageOptions): Coverage {
  const found: Found[] = [];
  for (let stream = 0; stream < options.streams; stream++) {
    const one = run(referenceFor(kind, options.seed, stream), kind, shift, options, stream);
    if (one !== null && one.alarm >= options.before) found.push(one);
  }
  const { before } = options;
  const held = found.filter(({ first, last }) => first <= before && last >= before);
  const off = (pick: (one: Found) => number) => found.map((one) => pick(one) - before);
  return {
    found: found.length,
    coverage: held.length / found.length,
    delay: quantile(
      off(({ alarm }) => alarm + 1),
      0.5,
    ),
    width: quantile(
      found.map(({ first, last }) => last - first + 1),
      0.5,
    ),
    error: [
      quantile(
        off(({ onset }) => onset),
        0.1,
      ),
      quantile(
        off(({ onset }) => onset),
        0.9,
      ),
    ],
    riseError: [
      quantile(
        off(({ rise }) => rise),
        0.1,
      ),
      quantile(
        off(({ rise }) => rise),
        0.9,
      ),
    ],
  };
}

/** null where nothing alarms. */
function run(reference: Reference, kind: Kind, shift: Shift, options: CoverageOptions, stream: number): Found | null {
  const plan = fitPagePlan(reference.stream, { ignoreBelow: DEFAULT_IGNORE_BELOW });
  const random = seededRandom(options.seed, `onset ${shift.name} ${options.paneEvents}`, stream);
  const state = initialState(plan);
  const panes: Float64Array[] = [];
  for (let pane = 0; pane < options.before + options.after; pane++) {
    const draw = pane < options.before ? scenes[kind].inControl : shift.draw;
    const counts = mergeCounts(reference.stream, countsOf(reference, draw, random, options.paneEvents));
    panes.push(counts);
    if (advance(plan, state, { counts, weight: options.paneEvents, mark: pane }) < Math.log(THRESHOLD)) continue;
    const rise = onsetOf(state) ?? 0;
    const estimate = (from: number) => onsetOfStream(plan, leadingTilt(state), panes.slice(from));
    const { from, best, first, last } = lookedBack(rise, pane + 1, estimate);
    return { alarm: pane, onset: from + best, first: from + first, last: from + last, rise };
  }
  return null;
}

/** As the service looks back: see described-finding.ts. */
function lookedBack(rise: number, end: number, estimate: (from: number) => OnsetEstimate) {
  const { times, slices, wider, tries } = ONSET_LOOK_BACK;
  let before = Math.max(times * (end - rise), slices);
  for (let left = tries; ; left--) {
    const from = Math.max(0, rise - before);
    const found = { from, ...estimate(from) };
    if (found.first > 0 || from === 0 || left <= 1) return found;
    before *= wider;
  }
}

function countsOf(reference: Reference, draw: Draw, random: Random, events: number): Float64Array {
  const { subject, stream } = reference;
  const counts = new Float64Array(stream.kind === "rate" ? stream.bins.length : subject.bins.length);
  for (let event = 0; event < events; event++) {
    const bin = reference.binOf(draw(random));
    counts[bin] = (counts[bin] ?? 0) + 1;
  }
  return counts;
}

function quantile(values: readonly number[], share: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))] ?? Number.NaN;
}
