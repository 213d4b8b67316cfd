/** The streams of one version and variant in one kind of windows: takes the values of a window and says what is in its rows. */
import { ERROR_STREAM } from "../../config/detectors.ts";
import type { MetricRow } from "../../core/metric.ts";
import type { SubjectKind } from "../../core/summary.ts";
import type { WatchedStream, WindowAnswer } from "../../sequential/watched-stream.ts";
import type { Observation } from "./metric-values.ts";
import type { OnlinePlan, OnlineWatch } from "./plan.ts";
import type { SavedStream } from "./saved-states.ts";

/** What a row has that its window does not give it. */
export type OnlineValue = Pick<
  MetricRow,
  "subject_kind" | "subject" | "metric" | "value" | "threshold" | "breached" | "n" | "status" | "detail"
>;

interface Stream {
  readonly watch: OnlineWatch;
  readonly subjectKind: SubjectKind;
  readonly subject: string;
  readonly stream: WatchedStream;
}

export interface SeriesStreams {
  /** An error of the window that is being read. */
  takeError(error: number, at: number): void;
  /** Takes the window's values of metrics, and gives its rows. `at`: start of the window, ms. */
  endWindow(observations: readonly Observation[], at: number): OnlineValue[];
  save(): SavedStream[];
  /** How many streams there are so far. */
  count(): number;
}

/** From the start, or as they were saved. */
export function openStreams(plan: OnlinePlan, saved: readonly SavedStream[] = []): SeriesStreams {
  const streams = new Map<string, Stream>();
  const keyOf = (watch: Pick<OnlineWatch, "name" | "on">, kind: SubjectKind, subject: string) =>
    JSON.stringify([watch.name, watch.on, kind, subject]);
  const opened = (watch: OnlineWatch, subjectKind: SubjectKind, subject: string, state?: unknown): Stream => {
    const key = keyOf(watch, subjectKind, subject);
    const known = streams.get(key);
    if (known !== undefined) return known;
    const stream = { watch, subjectKind, subject, stream: watch.open(state) };
    streams.set(key, stream);
    return stream;
  };
  for (const { name, on, subjectKind, subject, state } of saved) {
    // A feature of two streams of one detector is told apart by what it is watched on.
    const watch = plan.watches.find(
      (one) => one.name === name && one.on === on && (one.subjects?.has(subject) ?? true),
    );
    if (watch !== undefined) opened(watch, subjectKind, subject, state);
  }
  const ofErrors = plan.watches
    .filter(({ on }) => on === ERROR_STREAM)
    .map((watch) => opened(watch, "kpi", ERROR_STREAM));
  return {
    takeError(error, at) {
      for (const { stream } of ofErrors) stream.take(error, at);
    },
    endWindow(observations, at) {
      const errors = ofErrors.map((one) => {
        const answer = one.stream.endWindow();
        return { ...named(one), n: answer.n, ...told(one, answer, "No event of the window has a label.") };
      });
      const values = observations.flatMap((observed) =>
        plan.watches
          .filter((watch) => watch.on === observed.metric && (watch.subjects?.has(observed.subject) ?? true))
          .map((watch) => {
            const one = opened(watch, observed.subject_kind, subjectOf(observed));
            const isKnown = observed.status === "ok" && observed.coverage >= watch.leastCoverage;
            if (observed.value !== null && isKnown) one.stream.take(observed.value, at);
            return { ...named(one), n: observed.n, ...told(one, one.stream.endWindow(), absence(observed, watch)) };
          }),
      );
      return [...errors, ...values];
    },
    count: () => streams.size,
    save: () =>
      [...streams.values()].map(({ watch, subjectKind, subject, stream }) => ({
        name: watch.name,
        on: watch.on,
        subjectKind,
        subject,
        state: stream.save(),
      })),
  };
}

/** The rows of a KPI have no subject but their metric. */
function subjectOf({ subject_kind, subject, metric }: Observation): string {
  if (subject_kind !== "kpi") return subject;
  return subject === "kpi" ? metric : `${metric} of ${subject}`;
}

const named = ({ watch, subjectKind, subject }: Stream) => ({
  subject_kind: subjectKind,
  subject,
  metric: watch.name,
});

function absence({ metric, status, coverage }: Observation, { leastCoverage }: OnlineWatch): string {
  return status === "ok" && coverage < leastCoverage
    ? `${metric} rests on the labels of ${coverage} of the predictions here; ${leastCoverage} are needed.`
    : `${metric} has no value here.`;
}

/** @param absent why there is no value, if there is none */
function told(
  { watch }: Stream,
  { n, nearest, learning, warning, changes, changeCount }: WindowAnswer,
  absent: string,
): Pick<OnlineValue, "value" | "threshold" | "breached" | "status" | "detail"> {
  const { on } = watch;
  if (nearest === null) {
    const reason =
      learning === null || n === 0
        ? absent
        : `The detector has seen ${learning.seen} values of ${on}; ${learning.needed} are needed.`;
    const needed = learning === null || n === 0 ? {} : { needed: learning.needed };
    return {
      value: null,
      threshold: null,
      breached: false,
      status: "insufficient",
      detail: JSON.stringify({ on, reason, ...needed }),
    };
  }
  const [first, ...others] = changes.map((change) => ({
    since: timeText(change.since),
    found_at: timeText(change.foundAt),
    mean_before: change.meanBefore,
    mean_after: change.meanAfter,
    values_after: change.valuesAfter,
  }));
  return {
    value: nearest.score,
    threshold: nearest.limit,
    breached: changeCount > 0,
    status: "ok",
    detail: JSON.stringify({
      on,
      changes: changeCount,
      ...first,
      ...(others.length === 0 ? {} : { further: others }),
      ...(warning ? { warning } : {}),
    }),
  };
}

const timeText = (ms: number): string => new Date(ms).toISOString();
