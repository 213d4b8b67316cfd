/** Streams of predictions and labels for scenarios: seeded, hour by hour, as the lines that a source would hand over. */
import { uniform } from "./golden.ts";

export interface Row {
  readonly features: Readonly<Record<string, unknown>>;
  readonly prediction?: number;
  readonly score?: number;
  readonly label?: number;
}
/** @param draw a number in [0, 1) that is another one each time */
export type MakeRow = (draw: () => number) => Row;

export interface Span {
  readonly model: string;
  /** ms since 1970. */
  readonly from: number;
  readonly to: number;
  readonly rows: number;
  readonly version?: string;
}

const seedOf = (text: string): number => Buffer.from(text).reduce((sum, byte) => (sum * 31 + byte) >>> 0, 7);

/** Rows evenly over a span of time; the same span gives the same rows. */
function rowsOf({ model, from, to, rows, version = "" }: Span, make: MakeRow) {
  const draw = uniform(seedOf(`${model} ${version} ${from}`) % 2_147_483_647);
  return Array.from({ length: rows }, (_, index) => ({
    id: `${model}-${version}-${from}-${index}`,
    at: Math.floor(from + ((to - from) * index) / rows),
    row: make(draw),
  }));
}

export const predictions = (span: Span, make: MakeRow): string[] =>
  rowsOf(span, make).map(({ id, at, row: { features, score, prediction = 1 } }) =>
    JSON.stringify({
      type: "prediction",
      id,
      model: span.model,
      ...(span.version === undefined ? {} : { version: span.version }),
      timestamp: new Date(at).toISOString(),
      prediction,
      features,
      ...(score === undefined ? {} : { score }),
    }),
  );

/** The labels of the same rows, all of them at one time. */
export const labels = (span: Span, make: MakeRow, at: number): string[] =>
  rowsOf(span, make).map(({ id, row }) =>
    JSON.stringify({
      type: "label",
      id,
      model: span.model,
      ...(span.version === undefined ? {} : { version: span.version }),
      timestamp: new Date(at).toISOString(),
      label: row.label ?? 0,
    }),
  );

/** A reference as NDJSON: the features as columns, and score, prediction and label where rows have them. */
export function referenceFile(rows: number, make: MakeRow, seed = 11): string {
  const draw = uniform(seed);
  const lines = Array.from({ length: rows }, (_, index) => {
    const { features, ...rest } = make(draw);
    // Spread over a month, so that the dependence of its events can be measured.
    return JSON.stringify({
      timestamp: new Date(Date.UTC(2026, 0, 1) + index * 60_000).toISOString(),
      ...features,
      ...rest,
    });
  });
  return `${lines.join("\n")}\n`;
}
