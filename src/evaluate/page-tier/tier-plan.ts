/** What the plans of the page and the notice tier have in common: the streams that they watch, each with its share of the budget. */
import type { SubjectKind } from "../../core/summary.ts";
import type { PlannedStream } from "../../sequential/replay.ts";
import type { StreamSeason } from "../../sequential/season-slots.ts";
import type { Tolerance } from "../../sequential/tolerance.ts";

export const DAY_MS = 86_400_000;

export interface WatchedStream extends PlannedStream {
  readonly subjectKind: SubjectKind;
  /** The feature's name; `subject` is kind and name, and the segment where it is of one. */
  readonly name: string;
  /** Left out: the whole. */
  readonly segment?: string;
  /** One per direction; none in the notice tier. */
  readonly tolerances: readonly Tolerance[];
  /** null where panes of any hour are compared with the whole reference. */
  readonly season: StreamSeason | null;
  /** The slot of a pane by its start, ms. */
  readonly slotAt: (paneStart: number) => number;
}

export interface TierPlan {
  /** Of all that the evidence depends on: with another one it starts anew, and the time that was watched before still counts. */
  readonly planId: string;
  /** Days per false alarm. */
  readonly threshold: number;
  readonly streams: readonly WatchedStream[];
}

/** Of each stream, one factor per direction: see `designEffects`. */
export type DesignEffects = ReadonlyMap<string, readonly number[]>;

export function designed(effects: DesignEffects, key: string): { readonly designEffects?: readonly number[] } {
  const designEffects = effects.get(key);
  return designEffects === undefined ? {} : { designEffects };
}
