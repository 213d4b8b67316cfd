/** Segments that are watched: events by the values of the dimensions that a model's `segments` names, each value on its own. */
import type { ModelConfig } from "../../config/schema.ts";
import type { ReferenceSubject } from "../../core/summary.ts";
import { featureColumn } from "../../store/model-tables.ts";
import { join, list, name, type Sql, sql } from "../../store/sql.ts";
import { textOrEmpty } from "../value-expressions.ts";

/** A feature, or a key of the events' own `segments`. */
export interface SegmentDimension {
  readonly name: string;
  readonly of: "feature" | "segments";
  /** Values that are segments by themselves, the most frequent of the reference first; all others are one segment together. */
  readonly values: readonly string[];
}

export interface Segment {
  readonly dimension: string;
  /** As in the results: 'region=eu', 'region=' where the event has none, 'region=(other)' for all the rest. */
  readonly segment: string;
  /** What the whole is compared with, but with this segment's rows of the reference. */
  readonly subjects: readonly ReferenceSubject[];
}

export interface SegmentReference {
  readonly dimensions: readonly SegmentDimension[];
  /** Those with reference rows enough. */
  readonly segments: readonly Segment[];
  /** What is not watched as asked for, in sentences. */
  readonly notes: readonly string[];
}

/** Stands for all values that are no segments by themselves. A value that is spelt so is one of them. */
export const OTHER = "(other)";

export const segmentOf = (dimension: string, value: string): string => `${dimension}=${value}`;

/** SQL: the segment of a row in a dimension, String. `text` is the value, '' where there is none. */
export function segmentExpression({ name: dimension, values }: SegmentDimension, text: Sql): Sql {
  const known = ["", ...values];
  return sql`transform(${text}, ${known}, ${known.map((value) => segmentOf(dimension, value))}, ${segmentOf(dimension, OTHER)})`;
}

/** SQL over rows of predictions: all segments that a row belongs to and that are watched, Array(String). */
export function segmentsOfRow({ dimensions, segments }: Pick<SegmentReference, "dimensions" | "segments">): Sql {
  const of = dimensions.map((dimension) => segmentExpression(dimension, eventText(dimension)));
  return sql`arrayFilter(s -> s IN ${list(segments.map(({ segment }) => segment))}, [${join(of)}])`;
}

const eventText = ({ name: dimension, of }: SegmentDimension): Sql =>
  of === "feature" ? textOrEmpty(name(featureColumn(dimension))) : sql`segments[${dimension}]`;

const DAY_MS = 86_400_000;

/** Panes by segment are as long as the model's shortest window by time, or a day: many models with many segments would else fill the store. */
export function segmentPaneMs({ windows, pane }: ModelConfig): number {
  const lengths = windows.flatMap((window) => (window.kind === "time" ? [window.ms] : []));
  if (lengths.length > 0) return Math.min(...lengths);
  return Math.max(1, Math.ceil(DAY_MS / pane)) * pane;
}
