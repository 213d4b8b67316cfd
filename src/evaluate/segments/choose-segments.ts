/** Which values of the dimensions become segments: the most frequent that the reference knows well enough, and not more streams than can be afforded. */
import { OTHER, type SegmentDimension } from "./segment.ts";

/** Reference rows below which a segment could show nothing but the greatest changes. */
export const LEAST_SEGMENT_ROWS = 200;
/** Values of a dimension that are watched by themselves at most. */
const MOST_VALUES = 10;
/** Streams over all segments of a model: a step of so many takes milliseconds, and their states some megabytes. */
const MOST_STREAMS = 3000;
const STREAMS_OF_SUBJECT = 3;

/** A dimension as the reference has it. */
export interface CountedDimension extends Omit<SegmentDimension, "values"> {
  /** Values with their rows, the most frequent first, without those that are missing. */
  readonly counts: readonly (readonly [string, number])[];
  readonly missing: number;
  readonly rows: number;
}

export interface ChosenSegments {
  readonly dimensions: readonly SegmentDimension[];
  readonly notes: readonly string[];
}

/** @param subjects how many features, predictions and scores each segment has */
export function chooseSegments(counted: readonly CountedDimension[], subjects: number): ChosenSegments {
  const affordable = Math.floor(MOST_STREAMS / STREAMS_OF_SUBJECT / Math.max(1, subjects));
  let kept = [...counted];
  while (kept.length > 0 && segmentsOf(kept, 1) > affordable) kept = kept.slice(0, -1);
  let most = MOST_VALUES;
  while (most > 1 && segmentsOf(kept, most) > affordable) most--;
  const notes: string[] = [];
  const left = counted.slice(kept.length).map(({ name }) => name);
  if (left.length > 0)
    notes.push(
      `not watched by ${left.join(", ")}: more than ${affordable} segments of ${subjects} subjects are too many`,
    );
  if (most < MOST_VALUES && segmentsOf(kept, MOST_VALUES) > affordable)
    notes.push(
      `only the ${most} most frequent values of each of \`segments\` are watched by themselves: ${affordable} segments of ${subjects} subjects can be watched`,
    );
  for (const dimension of kept) {
    const small = dimension.counts.filter(([, rows]) => rows < LEAST_SEGMENT_ROWS);
    if (small.length > 0) notes.push(smallText(dimension, small));
  }
  return {
    dimensions: kept.map(({ name, of, ...dimension }) => ({ name, of, values: valuesOf(dimension, most) })),
    notes,
  };
}

function smallText(dimension: CountedDimension, small: CountedDimension["counts"]): string {
  const rest = restOf(dimension, MOST_VALUES);
  const names = small.slice(0, 3).map(([value]) => `${dimension.name}=${value}`);
  const more = small.length > names.length ? ` and ${small.length - names.length} more` : "";
  const instead =
    rest >= LEAST_SEGMENT_ROWS ? "they are watched together" : "they are watched as part of the whole alone";
  return `insufficient: ${names.join(", ")}${more} have fewer than ${LEAST_SEGMENT_ROWS} rows in the reference; ${instead}`;
}

const valuesOf = ({ counts }: Pick<CountedDimension, "counts">, most: number): string[] =>
  counts
    .filter(([value, rows]) => value !== OTHER && rows >= LEAST_SEGMENT_ROWS)
    .slice(0, most)
    .map(([value]) => value);

function restOf(dimension: CountedDimension, most: number): number {
  const own = new Set(valuesOf(dimension, most));
  const counted = dimension.counts.reduce((sum, [value, rows]) => sum + (own.has(value) ? rows : 0), 0);
  return dimension.rows - dimension.missing - counted;
}

/** Segments that there are with so many values of each dimension. */
function segmentsOf(counted: readonly CountedDimension[], most: number): number {
  const isEnough = (rows: number) => (rows >= LEAST_SEGMENT_ROWS ? 1 : 0);
  return counted.reduce(
    (sum, dimension) =>
      sum + valuesOf(dimension, most).length + isEnough(dimension.missing) + isEnough(restOf(dimension, most)),
    0,
  );
}
