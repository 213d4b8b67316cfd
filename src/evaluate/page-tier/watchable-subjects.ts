/** Which subjects of a reference have streams that a sequential test can watch, and in which tier: a small reference is enough for notices alone. */
import type { ReferenceSubject, SubjectKind } from "../../core/summary.ts";
import { total } from "../../math/total.ts";
import {
  LEAST_PAGE_TIER_ROWS,
  LEAST_REFERENCE_ROWS,
  type NoStream,
  rateStream,
  type StreamReference,
  valueStream,
} from "../../sequential/stream-reference.ts";
import { type LoadedReference, subjectKey } from "../references/load-reference.ts";
import type { SegmentReference } from "../segments/segment.ts";

import { watchedKey } from "./segment-streams.ts";

export const streamNames = ["values", "missing", "invalid"] as const;

export interface WatchableSubject {
  readonly subject: ReferenceSubject;
  readonly key: string;
  /** In the order of `streamNames`. */
  readonly streams: readonly StreamReference[];
  /** '' is the whole. */
  readonly segment: string;
  /** Whether its reference is large enough for the page tier. */
  readonly pages: boolean;
}

const watchedKinds: ReadonlySet<SubjectKind> = new Set<SubjectKind>(["feature", "prediction", "score"]);

/**
 * @param notices whether the notice tier runs
 * @returns the subjects that are watched, and sentences on those that are not, or by the notice tier alone
 */
export function watchableSubjects(
  reference: LoadedReference | null,
  notices: boolean,
): { readonly subjects: readonly WatchableSubject[]; readonly limits: readonly string[] } {
  const subjects: WatchableSubject[] = [];
  const limits: string[] = [];
  const least = notices ? LEAST_REFERENCE_ROWS : LEAST_PAGE_TIER_ROWS;
  for (const subject of reference?.subjects ?? []) {
    if (!watchedKinds.has(subject.subjectKind)) continue;
    const rows = total(subject.bins);
    const streams = rows < least ? null : streamsOf(subject, tellsNewFromTail(subject, reference));
    if (streams === null) {
      limits.push(`${subject.subject} is not watched: its reference has ${rows} rows, ${least} are needed`);
      continue;
    }
    const pages = rows >= LEAST_PAGE_TIER_ROWS;
    subjects.push({ subject, key: subjectKey(subject), segment: "", streams, pages });
    if (!pages)
      limits.push(
        `${subject.subject} has notices only and can raise no alarm: its reference has ${rows} rows, the page tier needs ${LEAST_PAGE_TIER_ROWS}`,
      );
  }
  return { subjects, limits };
}

/** Those of segments, each against its own rows; segments have no notices. */
export function watchableOfSegments(
  reference: LoadedReference | null,
  segments: SegmentReference["segments"],
): { readonly subjects: readonly WatchableSubject[]; readonly limits: readonly string[] } {
  const subjects: WatchableSubject[] = [];
  const limits: string[] = [];
  for (const { segment, subjects: own } of segments) {
    for (const subject of own) {
      const whole = reference?.subjects.find((one) => subjectKey(one) === subjectKey(subject)) ?? subject;
      const rows = total(subject.bins);
      const streams = rows < LEAST_PAGE_TIER_ROWS ? null : streamsOf(subject, tellsNewFromTail(whole, reference));
      if (streams === null)
        limits.push(
          `${subject.subject} where ${segment} is not watched: its reference has ${rows} rows, ${LEAST_PAGE_TIER_ROWS} are needed`,
        );
      else subjects.push({ subject, key: watchedKey(segment, subjectKey(subject)), segment, streams, pages: true });
    }
  }
  return { subjects, limits };
}

/** In the order of `streamNames`; those with too few rows are none. */
export const streamsOfSubject = (
  subject: ReferenceSubject,
  tellsNew: boolean,
): readonly (StreamReference | NoStream)[] => [
  valueStream(subject, tellsNew),
  rateStream("missing", subject.missing, subject.n),
  rateStream("invalid", subject.invalid, subject.n),
];

/** null where a stream has too few rows. */
function streamsOf(subject: ReferenceSubject, tellsNew: boolean): readonly StreamReference[] | null {
  const streams = streamsOfSubject(subject, tellsNew);
  const watched = streams.filter((stream): stream is StreamReference => "weights" in stream);
  return watched.length === streams.length ? watched : null;
}

/** Where a reference had more distinct values than are remembered, what is rare and what is new look the same. */
function tellsNewFromTail(subject: ReferenceSubject, reference: LoadedReference | null): boolean {
  return (subject.bins.at(-2) ?? 0) === 0 || reference?.tails.has(subjectKey(subject)) === true;
}
