/** Which rules are measured on which stream, with which thresholds, and the measuring of all of them. */

import { adwinRule, adwinThreshold } from "./adwin-rule.ts";
import {
  type FalseAlarms,
  falseAlarms,
  type Laboratory,
  MATCHED_EVENTS,
  matchedThreshold,
  measureWindows,
  medianDelays,
} from "./measure.ts";
import type { Rule, Setting } from "./rule.ts";
import { type Kind, scenes } from "./scenes.ts";
import {
  cramerVonMisesRule,
  cusumRule,
  ddmRule,
  eddmRule,
  fhddmRule,
  hddmARule,
  hddmWRule,
  kswinRule,
  noticeForMeansRule,
  noticeRule,
  pageHinkleyRule,
  pageRule,
} from "./stream-rules.ts";

export interface Row {
  readonly rule: string;
  /** How its threshold was chosen. */
  readonly chosen: string;
  readonly threshold: number;
  readonly falseAlarms: FalseAlarms;
  /** Median events per shift; null for a shift that was not found. */
  readonly delays: readonly (number | null)[];
}

export interface KindResult {
  readonly shifts: readonly string[];
  readonly rows: readonly Row[];
}

export type Measured = Readonly<Record<Kind, KindResult>>;

/** What a setting is of, and which part of the streams it is measured on: less where an event costs more. */
interface Entry {
  readonly share: number;
  readonly setting: (laboratory: Laboratory, kind: Kind) => Setting;
}

const fixed = (rule: Rule, threshold: number, chosen: string, share = 1): Entry => ({
  share,
  setting: () => ({ rule, threshold, chosen }),
});
const matched = (rule: Rule, share = 1): Entry => ({
  share,
  setting: (laboratory, kind) => ({
    rule,
    threshold: matchedThreshold(laboratory, kind, rule, share),
    chosen: "matched",
  }),
});

const FADING = MATCHED_EVENTS / 4;
const PROMISED = Math.log(MATCHED_EVENTS);
/** In panes of 100 events and of 10: a minute of a busier model and of a quiet one. */
const notices: readonly Entry[] = [matched(noticeRule(100, FADING)), matched(noticeRule(10, FADING))];
const noticesForMeans: readonly Entry[] = [
  matched(noticeForMeansRule(100, FADING)),
  matched(noticeForMeansRule(10, FADING)),
];
const promised: readonly Entry[] = [
  fixed(noticeRule(100, FADING), PROMISED, "promised"),
  fixed(pageRule(100), PROMISED, "promised"),
  fixed(pageRule(10), PROMISED, "promised", 0.5),
];
const tiers: readonly Entry[] = [...notices, ...promised];
const adwins: readonly Entry[] = [matched(adwinRule, 0.5), fixed(adwinRule, adwinThreshold(0.002), "delta 0.002", 0.5)];
const pageHinkleys: readonly Entry[] = [matched(pageHinkleyRule, 0.5), fixed(pageHinkleyRule, 50, "default", 0.25)];

const entries: Readonly<Record<Kind, readonly Entry[]>> = {
  numeric: [
    ...notices,
    ...noticesForMeans,
    ...promised,
    ...adwins,
    ...pageHinkleys,
    matched(cusumRule, 0.5),
    matched(cramerVonMisesRule(300), 0.25),
    // Its distance has 30 steps, so that the rate is matched to the next lower one: see the column.
    matched(kswinRule, 0.15),
    // scipy 1.17.1: the least distance of two samples of 30 with p <= 0.005 is 14 / 30.
    fixed(kswinRule, 13.5, "default", 0.1),
  ],
  category: tiers,
  missing: [
    ...tiers,
    ...adwins,
    ...pageHinkleys,
    ...[ddmRule, eddmRule, hddmARule, hddmWRule, fhddmRule].map((rule) => fixed(rule, 0.5, "default", 0.25)),
  ],
};

export function measure(laboratory: Laboratory, kinds: readonly Kind[], say: (text: string) => void): Measured {
  const results = { numeric: nothing, category: nothing, missing: nothing };
  for (const kind of kinds) {
    const { shifts } = scenes[kind];
    const rows: Row[] = [];
    for (const { share, setting: settingOf } of entries[kind]) {
      const started = process.cpuUsage();
      const setting = settingOf(laboratory, kind);
      const found = falseAlarms(laboratory, kind, setting, share);
      const draws = shifts.map(({ draw }) => draw);
      const delays = medianDelays(laboratory, kind, draws, setting, share);
      const { rule, chosen, threshold } = setting;
      rows.push({ rule: rule.name, chosen, threshold, falseAlarms: found, delays: delays.map(finite) });
      say(`${kind}: ${rule.name}, ${chosen}: ${seconds(started)}`);
    }
    const started = process.cpuUsage();
    const windows = measureWindows(laboratory, kind);
    say(`${kind}: windows: ${seconds(started)}`);
    rows.push(...windows.map((row) => ({ ...row, delays: row.delays.map(finite) })));
    results[kind] = { shifts: shifts.map(({ name }) => name), rows };
  }
  return results;
}

/** CPU time, which a busy machine does not stretch as much. */
function seconds(started: NodeJS.CpuUsage): string {
  return `${(process.cpuUsage(started).user / 1e6).toFixed(1)} s`;
}

const nothing: KindResult = { shifts: [], rows: [] };
const finite = (delay: number) => (Number.isFinite(delay) ? delay : null);
