/** False alarms while nothing has changed, thresholds for a wanted rate of them, and the delay until a shift is found. */
import { type Random, seededRandom } from "./random.ts";
import type { Rule, Setting, Watch } from "./rule.ts";
import { type Draw, type Kind, type Reference, referenceFor, scenes } from "./scenes.ts";
import { WINDOW, type WindowRule, windowRules } from "./window-rules.ts";

/** One false alarm in so many events is the rate at which delays are compared. */
export const MATCHED_EVENTS = 100_000;

/** How much is simulated; of a rule whose events cost more, a part. */
export interface Effort {
  readonly seed: number;
  /** Streams, each with a reference of its own. */
  readonly tuningStreams: number;
  readonly tuningEvents: number;
  readonly falseAlarmStreams: number;
  readonly falseAlarmEvents: number;
  readonly delayStreams: number;
  /** Events before the shift, and up to a window more; and those after it within which it is found or counts as missed. */
  readonly before: number;
  readonly mostDelay: number;
  readonly windowReferences: number;
  readonly windowsEach: number;
}

export const full: Omit<Effort, "seed"> = {
  tuningStreams: 60,
  tuningEvents: 400_000,
  falseAlarmStreams: 12,
  falseAlarmEvents: 1_000_000,
  delayStreams: 200,
  before: 20_000,
  mostDelay: 60_000,
  windowReferences: 60,
  windowsEach: 200,
};
/** Of the right shape and no more: for a look at whether everything runs. */
export const quick: Omit<Effort, "seed"> = {
  tuningStreams: 3,
  tuningEvents: 20_000,
  falseAlarmStreams: 2,
  falseAlarmEvents: 20_000,
  delayStreams: 2,
  before: 1000,
  mostDelay: 3000,
  windowReferences: 3,
  windowsEach: 10,
};

/** References are shared by all rules, as they would be in life. */
export class Laboratory {
  readonly effort: Effort;
  readonly #references = new Map<string, Reference>();

  constructor(effort: Effort) {
    this.effort = effort;
  }

  reference(kind: Kind, index: number): Reference {
    const key = `${kind} ${index}`;
    const known = this.#references.get(key) ?? referenceFor(kind, this.effort.seed, index);
    this.#references.set(key, known);
    return known;
  }

  random(purpose: string, index: number): Random {
    return seededRandom(this.effort.seed, purpose, index);
  }
}

const part = (count: number, share: number) => Math.max(2, Math.round(count * share));

export interface FalseAlarms {
  readonly alarms: number;
  readonly events: number;
  readonly perMillion: number;
}

function counted(alarms: number, events: number): FalseAlarms {
  return { alarms, events, perMillion: (alarms * 1e6) / events };
}

/** Alarms in control; the rule starts again after each. */
export function falseAlarms(laboratory: Laboratory, kind: Kind, { rule, threshold }: Setting, share = 1): FalseAlarms {
  const { falseAlarmStreams, falseAlarmEvents } = laboratory.effort;
  const streams = part(falseAlarmStreams, share);
  const draw = scenes[kind].inControl;
  let alarms = 0;
  for (let index = 0; index < streams; index++) {
    const random = laboratory.random(`false alarms ${kind}`, index);
    const watch = rule.start(laboratory.reference(kind, index), laboratory.random("rule", index));
    for (let event = 0; event < falseAlarmEvents; event++) {
      if (watch.push(draw(random)) <= threshold) continue;
      alarms++;
      watch.restart();
    }
  }
  return counted(alarms, streams * falseAlarmEvents);
}

/**
 * The threshold of which the mean time to a false alarm is `MATCHED_EVENTS`: from the running maxima of scores in control, times beyond the
 * end of a stream counted as they are where times to an alarm are exponential.
 */
export function matchedThreshold(laboratory: Laboratory, kind: Kind, rule: Rule, share = 1): number {
  const draw = scenes[kind].inControl;
  const { tuningStreams, tuningEvents } = laboratory.effort;
  const streams = part(tuningStreams, share);
  const maxima = Array.from({ length: streams }, (_, index) => {
    const random = laboratory.random(`tuning ${kind}`, index);
    const watch = rule.start(laboratory.reference(kind, index), laboratory.random("rule of tuning", index));
    const records: { readonly event: number; readonly score: number }[] = [];
    let greatest = Number.NEGATIVE_INFINITY;
    for (let event = 1; event <= tuningEvents; event++) {
      const score = watch.push(draw(random));
      if (score <= greatest) continue;
      greatest = score;
      records.push({ event, score });
    }
    return records;
  });
  const meanTime = (threshold: number) => {
    const times = maxima.map((records) => records.find(({ score }) => score > threshold)?.event);
    const alarms = times.filter((time) => time !== undefined).length;
    return times.reduce((sum: number, time) => sum + (time ?? tuningEvents), 0) / alarms;
  };
  const candidates = maxima
    .flat()
    .map(({ score }) => score)
    .sort((a, b) => a - b);
  let [low, high] = [0, candidates.length - 1];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (meanTime(candidates[middle] ?? 0) < MATCHED_EVENTS) low = middle + 1;
    else high = middle;
  }
  return candidates[low] ?? Number.NaN;
}

/**
 * Per shift the median events from the shift to the alarm; Infinity where half of the streams do not show it within `mostDelay`. The shift
 * falls anywhere into a pane, as it does for windows: a rule that looks now and then has no luck with the moment.
 */
export function medianDelays(
  laboratory: Laboratory,
  kind: Kind,
  shifts: readonly Draw[],
  { rule, threshold }: Setting,
  share = 1,
): readonly number[] {
  const { delayStreams, before, mostDelay } = laboratory.effort;
  const streams = part(delayStreams, share);
  const delays = shifts.map((): number[] => []);
  for (let index = 0; index < streams; index++) {
    const moment = before + Math.floor(laboratory.random("moment", index).uniform() * WINDOW);
    const brought = () => {
      const random = laboratory.random(`before ${kind}`, index);
      const watch = rule.start(laboratory.reference(kind, index), laboratory.random("rule of delay", index));
      const draw = scenes[kind].inControl;
      for (let event = 0; event < moment; event++) if (watch.push(draw(random)) > threshold) watch.restart();
      return watch;
    };
    let common: Watch | undefined;
    for (const [at, shift] of shifts.entries()) {
      const found = delays[at] ?? [];
      // Half of them missed it: so the median is known.
      if (2 * found.filter((delay) => delay === Number.POSITIVE_INFINITY).length > streams) continue;
      common ??= brought();
      const watch = common.fork?.() ?? brought();
      const random = laboratory.random(`after ${kind}`, index);
      let delay = 1;
      while (delay <= mostDelay && watch.push(shift(random)) <= threshold) delay++;
      found.push(delay > mostDelay ? Number.POSITIVE_INFINITY : delay);
    }
  }
  return delays.map(lowerMedian);
}

function lowerMedian(values: readonly number[]): number {
  return [...values].sort((a, b) => a - b)[Math.ceil(values.length / 2) - 1] ?? Number.NaN;
}

export interface WindowRow {
  readonly rule: string;
  readonly threshold: number;
  readonly chosen: string;
  readonly falseAlarms: FalseAlarms;
  readonly delays: readonly number[];
}

/** All window rules of a kind: each window serves all of them. */
export function measureWindows(laboratory: Laboratory, kind: Kind): readonly WindowRow[] {
  const rules = windowRules[kind];
  const inControl = inControlScores(laboratory, kind, rules);
  const settings = rules.flatMap((rule, index) => {
    const scores = inControl[index] ?? [];
    const exceeding = (threshold: number) => scores.filter((score) => score > threshold).length;
    const perWindow = MATCHED_EVENTS / WINDOW;
    const matched = [...scores].sort((a, b) => b - a)[Math.floor(scores.length / perWindow)] ?? 0;
    const all = [...(rule.matched ? [{ label: "matched", threshold: matched }] : []), ...rule.customary];
    return all.map(({ label, threshold }) => ({
      rule,
      threshold,
      chosen: label,
      falseAlarms: counted(exceeding(threshold), scores.length * WINDOW),
    }));
  });
  const delays = scenes[kind].shifts.map(({ name, draw }) => windowDelays(laboratory, kind, `${name}`, draw, settings));
  return settings.map(({ rule, threshold, chosen, falseAlarms: found }, index) => ({
    rule: rule.name,
    threshold,
    chosen,
    falseAlarms: found,
    delays: delays.map((ofShift) => ofShift[index] ?? Number.NaN),
  }));
}

/** Per rule the scores of all windows. */
function inControlScores(laboratory: Laboratory, kind: Kind, rules: readonly WindowRule[]): number[][] {
  const { windowReferences, windowsEach } = laboratory.effort;
  const scores = rules.map((): number[] => []);
  for (let index = 0; index < windowReferences; index++) {
    const reference = laboratory.reference(kind, index);
    const random = laboratory.random(`windows ${kind}`, index);
    for (let window = 0; window < windowsEach; window++) {
      const values = drawWindow(random, scenes[kind].inControl, scenes[kind].inControl, 0);
      for (const [at, rule] of rules.entries()) scores[at]?.push(rule.score(reference, values));
    }
  }
  return scores;
}

/** A window of which the first `before` events are in control; sorted, which changes nothing for counts. */
function drawWindow(random: Random, inControl: Draw, shift: Draw, before: number): Float64Array {
  const values = new Float64Array(WINDOW);
  for (let event = 0; event < WINDOW; event++) values[event] = (event < before ? inControl : shift)(random);
  return values.sort();
}

/** Per setting the median delay; the shift falls anywhere into the first window. */
function windowDelays(
  laboratory: Laboratory,
  kind: Kind,
  name: string,
  shift: Draw,
  settings: readonly { readonly rule: WindowRule; readonly threshold: number }[],
): number[] {
  const { delayStreams: streams, mostDelay } = laboratory.effort;
  const delays = settings.map((): number[] => []);
  for (let index = 0; index < streams; index++) {
    const reference = laboratory.reference(kind, index);
    const random = laboratory.random(`window delay ${kind} ${name}`, index);
    const before = Math.floor(random.uniform() * WINDOW);
    const found = settings.map(() => Number.POSITIVE_INFINITY);
    for (let window = 0; window * WINDOW < mostDelay && found.includes(Number.POSITIVE_INFINITY); window++) {
      const values = drawWindow(random, scenes[kind].inControl, shift, window === 0 ? before : 0);
      const scores = new Map<WindowRule, number>();
      for (const [at, { rule, threshold }] of settings.entries()) {
        if (found[at] !== Number.POSITIVE_INFINITY) continue;
        const score = scores.get(rule) ?? rule.score(reference, values);
        scores.set(rule, score);
        if (score > threshold) found[at] = (window + 1) * WINDOW - before;
      }
    }
    for (const [at, delay] of found.entries()) delays[at]?.push(delay);
  }
  return delays.map(lowerMedian);
}
