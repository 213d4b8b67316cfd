/**
 * One decision for a whole model: the weighted mean of its streams' evidence is evidence with the same guarantee, whatever the dependence
 * between the streams, so one threshold stands for all of them. Which subjects moved is named by e-BH (Wang & Ramdas 2022, JRSS B 84).
 */
import { logSumExp } from "../math/log-sum-exp.ts";

export interface StreamEvidence {
  readonly subject: string;
  readonly stream: string;
  /** Fixed share of the model's evidence: see `evidenceShares`. */
  readonly share: number;
  /** ln R of the stream's detector. */
  readonly logEvidence: number;
}

export interface DecisionOptions {
  /** False alarms are at most one per this time, in the unit of the steps' weight. */
  readonly threshold: number;
  /** Subjects with an open incident: left out, and their share is not handed on. */
  readonly excluded?: ReadonlySet<string>;
  /** Weight of the latest step, for `fraction`. */
  readonly weight?: number;
}

export interface ModelDecision {
  /** ln of the weighted mean of the evidence. */
  readonly logEvidence: number;
  readonly alarms: boolean;
  /** Per subject, the greatest first: ln of share times evidence, over its streams. */
  readonly subjects: readonly { readonly subject: string; readonly logEvidence: number }[];
  /** The subjects that the alarm names, the greatest first; at least one where there is an alarm. */
  readonly named: readonly string[];
  /**
   * Whether e-BH itself names a subject. Otherwise many small changes make the alarm together: the greatest stands for them, and all
   * subjects have to be rearmed.
   */
  readonly isLocalised: boolean;
  /** How far the evidence has come from one step's worth to the threshold, 0 to 1: silence that can be read. */
  readonly fraction: number;
}

/** The decision after a step. */
export function decide(streams: readonly StreamEvidence[], options: DecisionOptions): ModelDecision {
  const level = Math.log(options.threshold);
  const bySubject = new Map<string, number[]>();
  for (const { subject, share, logEvidence } of streams) {
    if (options.excluded?.has(subject)) continue;
    const own = bySubject.get(subject) ?? [];
    own.push(logEvidence + Math.log(share));
    bySubject.set(subject, own);
  }
  const subjects = [...bySubject]
    .map(([subject, parts]) => ({ subject, logEvidence: logSumExp(parts) }))
    .sort((a, b) => b.logEvidence - a.logEvidence || (a.subject < b.subject ? -1 : 1));
  const logEvidence = logSumExp(subjects.map((one) => one.logEvidence));
  const alarms = logEvidence >= level;
  const found = eBenjaminiHochberg(
    subjects.map((one) => one.logEvidence),
    level,
  );
  return {
    logEvidence,
    alarms,
    subjects,
    named: alarms ? subjects.slice(0, Math.max(1, found.length)).map(({ subject }) => subject) : [],
    isLocalised: found.length > 0,
    fraction: evidenceFraction(logEvidence, options.threshold, options.weight ?? 1),
  };
}

/**
 * Indices of the hypotheses that e-BH rejects, ascending: the k greatest, k the greatest number with k times the k-th greatest evidence at
 * the level or above.
 *
 * @param logEvidence ln of each e-value, its share of the level included
 * @param level ln of what the e-values have to reach together: of 1/alpha for shares that sum to 1
 */
export function eBenjaminiHochberg(logEvidence: readonly number[], level: number): readonly number[] {
  const order = [...logEvidence.keys()].sort((a, b) => (logEvidence[b] ?? 0) - (logEvidence[a] ?? 0) || a - b);
  let rejected = 0;
  for (const [index, hypothesis] of order.entries()) {
    if (Math.log(index + 1) + (logEvidence[hypothesis] ?? 0) >= level) rejected = index + 1;
  }
  return order.slice(0, rejected).sort((a, b) => a - b);
}

/** (ln R - ln w) / (ln threshold - ln w), cut to 0 … 1: ln w is what R is worth after one quiet step. */
export function evidenceFraction(logEvidence: number, threshold: number, weight: number): number {
  const start = Math.log(weight);
  const fraction = (logEvidence - start) / (Math.log(threshold) - start);
  return fraction > 0 ? Math.min(1, fraction) : 0;
}
