/** What is known of a model's streams in one kind of windows, from one run to the next. All of it can be found again in the store. */
import type { CountWindowState } from "../count-windows.ts";
import type { TimeWindowState } from "../time-windows.ts";
import type { Series } from "../window-series.ts";
import type { StateScope } from "./saved-states.ts";
import type { SeriesStreams } from "./series-streams.ts";

export type WindowState = TimeWindowState | CountWindowState;
export const isOfTime = (state: WindowState): state is TimeWindowState => state.spec.kind === "time";

/** The streams of a series as of the end of a window; -Infinity before the first. */
export interface StreamsAt {
  readonly streams: SeriesStreams;
  start: number;
  end: number;
}

/** One version and variant in one kind of windows. */
export interface Group {
  readonly series: Series;
  /** Start of the first pane with events, ms. */
  firstPane: number;
  /** null: to be read from the store, since it has not been yet or no longer holds. */
  at: StreamsAt | null;
  /** Start of the latest window that may have rows in the store. */
  storedTo: number;
}

export interface Track {
  readonly state: WindowState;
  readonly scope: StateScope;
  /** Windows that end later get rows. */
  readonly beginning: number;
  readonly groups: Map<string, Group>;
  /** Of windows by time: how far they have been taken. */
  takenTo: number;
}
