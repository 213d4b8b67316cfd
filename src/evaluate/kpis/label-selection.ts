/**
 * Whether the rows of a window whose labels have come are like those whose labels have not. If they are not, a KPI of the labelled rows
 * is that of another mix of cases: beside it stands the same one with each row weighted by its score's (and segment's) share of all rows.
 */
import { z } from "zod";
import type { MetricRow } from "../../core/metric.ts";
import type { ReferenceSubject } from "../../core/summary.ts";
import { contingencyTest } from "../../math/contingency-test.ts";
import { type ImportanceWeights, importanceWeights } from "../../math/importance-weights.ts";
import { quantileCuts } from "../../math/merge-bins.ts";
import { featureColumn } from "../../store/model-tables.ts";
import { join, list, name, type Sql, sql } from "../../store/sql.ts";
import type { Lane } from "../../store/store.ts";
import type { PreparedModel } from "../prepare-model.ts";
import { categoryPlace, numericBin, rounded, textOrEmpty } from "../value-expressions.ts";

/** Rows of either kind below which nothing is said of how they differ. */
const LEAST_ROWS = 50;
/** The chance of a difference as great, if labels came alike for all, below which it is one. */
const SIGNIFICANCE = 0.001;
/** Share of the labelled rows that would have to be others; less makes no difference to a KPI. */
const LEAST_MOVED = 0.02;
const SCORE_BINS = 20;
const FEATURE_BINS = 10;
/** Values of a segment that are told apart, the most frequent of the reference; others are one. */
const MOST_VALUES = 20;
/** Cells of a window. */
const MOST_CELLS = 2000;

/** How the labelled rows of a window differ from all of it. */
export interface LabelSelection {
  /** Share of the labelled rows that would have to be of other cells. */
  readonly moved: number;
  readonly pValue: number;
  /** Features in which they differ beyond chance, the most moved first. */
  readonly features: readonly string[];
  readonly isUnlike: boolean;
  readonly weights: ImportanceWeights;
  /** By cell, in the order of the weights. */
  readonly cells: readonly CellSums[];
}

const placedRow = { slice: z.number(), version: z.string(), variant: z.string() };
const cellRow = z.object({
  ...placedRow,
  cell: z.string(),
  n: z.number(),
  labels: z.number(),
  cells: z.array(z.tuple([z.string(), z.number()])).optional(),
  losses: z.tuple([z.number(), z.string(), z.string(), z.string(), z.string()]).optional(),
  errors: z.tuple([z.number(), z.string(), z.string(), z.string(), z.string(), z.string()]).optional(),
});
/** What a cell of a window sums up to; the columns are those of the whole window. */
export type CellSums = z.output<typeof cellRow>;

const featureRow = z.object({ ...placedRow, bins: z.array(z.array(z.number())) });

/**
 * Of windows of which a part is labelled.
 *
 * @param columns what the KPIs need of labelled rows, by `AS cells`, `losses` and `errors`
 * @returns by `placeOf`; without an entry for windows that have too few rows of either kind
 */
export async function readLabelSelections(
  lane: Lane,
  prepared: PreparedModel,
  joined: Sql,
  starts: readonly number[],
  columns: readonly Sql[],
  placeOf: (row: { readonly slice: number; readonly version: string; readonly variant: string }) => string,
): Promise<Map<string, LabelSelection>> {
  const cell = cellOf(prepared);
  if (starts.length === 0 || cell === null) return new Map();
  const rows = sql`SELECT *, ${cell} AS cell FROM (${joined}) WHERE slice IN ${list(starts)}`;
  const found = await lane.query(
    sql`SELECT slice, version, variant, cell, count() AS n, countIf(labelled) AS labels${join(columns, "")} FROM (${rows})
      GROUP BY slice, version, variant, cell ORDER BY slice, version, variant, n DESC, cell LIMIT ${MOST_CELLS} BY slice, version, variant`,
    cellRow,
  );
  const features = comparedFeatures(prepared);
  const moved =
    features.length === 0
      ? []
      : await lane.query(
          sql`SELECT slice, version, variant, [${join(features.map(featureBins))}] AS bins FROM (${rows}) GROUP BY slice, version, variant`,
          featureRow,
        );
  const byPlace = new Map<string, CellSums[]>();
  for (const row of found) byPlace.set(placeOf(row), [...(byPlace.get(placeOf(row)) ?? []), row]);
  const selections = new Map<string, LabelSelection>();
  for (const [at, cells] of byPlace) {
    const bins = moved.find((row) => placeOf(row) === at)?.bins ?? [];
    const selection = selectionOf(cells, unlikeFeatures(features, bins));
    if (selection !== null) selections.set(at, selection);
  }
  return selections;
}

/** The cell of a row as text: its score's bin, and the segment's value where one is declared. null where there is no score to go by. */
function cellOf(prepared: PreparedModel): Sql | null {
  const score = scoreBin(prepared);
  if (score === null) return null;
  const { weigh_labels_by: segment } = prepared.config;
  if (segment === undefined) return sql`toString(${score})`;
  const subject = subjectOf(prepared, "feature", segment);
  const isFeature = prepared.schema.features.some(
    ({ name: feature, kind }) => feature === segment && kind !== "vector",
  );
  const text = isFeature ? sql`ifNull(toString(${name(featureColumn(segment))}), '')` : sql`segments[${segment}]`;
  const values = subject?.kind === "categorical" ? subject.categories.slice(0, MOST_VALUES) : null;
  const value = values === null || values.length === 0 ? text : sql`transform(${text}, ${values}, ${values}, 'other')`;
  return sql`concat(toString(${score}), ' ', ${value})`;
}

function scoreBin(prepared: PreparedModel): Sql | null {
  const { task } = prepared.config;
  if (task === "multiclass")
    return sql`concat(prediction_text, ':', toString(if(empty(probabilities), -1, floor(arrayMax(mapValues(probabilities)) * 10))))`;
  const kind = task === "binary" ? "score" : "prediction";
  const column = name(kind);
  const subject = subjectOf(prepared, kind, kind);
  if (subject?.kind === "numeric" && subject.edges.length > 0)
    return sql`if(isNull(${column}), -1, ${binBelow(subject, SCORE_BINS, sql`ifNull(${column}, 0)`)})`;
  return task === "binary" ? sql`if(isNull(score), -1, floor(ifNull(score, 0) * ${SCORE_BINS}))` : null;
}

function subjectOf({ reference }: PreparedModel, kind: string, subject: string): ReferenceSubject | undefined {
  return reference?.subjects.find((one) => one.subjectKind === kind && one.subject === subject);
}

/** Bins of about equal share of the reference: how many of its edges lie below. */
function binBelow({ edges, bins }: ReferenceSubject, parts: number, value: Sql): Sql {
  const cuts = quantileCuts(bins, parts, false).map((edge) => edges[edge] ?? 0);
  return sql`toInt64(${numericBin(cuts, rounded(value))})`;
}

function comparedFeatures({ reference }: PreparedModel): ReferenceSubject[] {
  return (reference?.subjects ?? []).filter(({ subjectKind }) => subjectKind === "feature").slice(0, 200);
}

/** Counts by bin, first of rows without a label, then of those with one; the last bin of either is of missing values. */
function featureBins(subject: ReferenceSubject): Sql {
  const column = name(featureColumn(subject.subject));
  const size = FEATURE_BINS + 2;
  const values = subject.categories.slice(0, FEATURE_BINS);
  const bin =
    subject.kind === "numeric"
      ? binBelow(subject, FEATURE_BINS, sql`ifNull(${column}, 0)`)
      : categoryPlace(values, textOrEmpty(column), sql`${FEATURE_BINS}`);
  const cell = sql`toUInt32(if(isNull(${column}), ${size - 1}, least(toInt64(${bin}), ${size - 2})) + if(labelled, ${size}, 0))`;
  return sql`CAST(countResample(0, ${2 * size}, 1)(${cell}) AS Array(UInt64))`;
}

function unlikeFeatures(features: readonly ReferenceSubject[], bins: readonly (readonly number[])[]): string[] {
  return features
    .flatMap(({ subject }, index) => {
      const counts = bins[index] ?? [];
      const { moved, pValue } = difference(counts.slice(counts.length / 2), counts.slice(0, counts.length / 2));
      return pValue < SIGNIFICANCE / features.length && moved > LEAST_MOVED ? [{ subject, moved }] : [];
    })
    .sort((a, b) => b.moved - a.moved || (a.subject < b.subject ? -1 : 1))
    .map(({ subject }) => subject);
}

/** `moved`: half of the sum over bins of how far the labelled rows' share lies from that of all rows. */
function difference(labelled: readonly number[], others: readonly number[]) {
  const total = (counts: readonly number[]) => counts.reduce((sum, count) => sum + count, 0);
  const [l, o] = [total(labelled), total(others)];
  if (l === 0 || o === 0) return { moved: 0, pValue: 1 };
  const moved = labelled.reduce(
    (sum, count, bin) => sum + Math.abs(count / l - (count + (others[bin] ?? 0)) / (l + o)) / 2,
    0,
  );
  return { moved, pValue: contingencyTest(labelled, others).chiSquaredP };
}

/** null where there are too few rows of either kind to say. */
export function selectionOf(cells: readonly CellSums[], features: readonly string[]): LabelSelection | null {
  const labelled = cells.map(({ labels }) => labels);
  const others = cells.map(({ n, labels }) => n - labels);
  const total = (counts: readonly number[]) => counts.reduce((sum, count) => sum + count, 0);
  if (total(labelled) < LEAST_ROWS || total(others) < LEAST_ROWS) return null;
  const { moved, pValue } = difference(labelled, others);
  return {
    moved,
    pValue,
    features,
    isUnlike: (pValue < SIGNIFICANCE && moved > LEAST_MOVED) || features.length > 0,
    weights: importanceWeights(cells.map(({ n, labels }) => ({ rows: n, labelled: labels }))),
    cells,
  };
}

/** A row under the warning that its labels are not like the rest; `weighted` is what its KPI would be for all rows. */
export function withSelection(
  row: MetricRow,
  selection: LabelSelection,
  weighted: Weighted | string | null,
): MetricRow {
  if (!selection.isUnlike) return row;
  const detail: Readonly<Record<string, unknown>> = JSON.parse(row.detail);
  const { moved, pValue, features, weights } = selection;
  return {
    ...row,
    detail: JSON.stringify({
      ...detail,
      warning: "The labelled rows are not like the rest of the window.",
      labelled_unlike: {
        moved,
        p_value: pValue,
        effective_rows: weights.effectiveRows,
        uncovered: weights.uncovered,
        ...(features.length === 0 ? {} : { features: features.slice(0, 10) }),
      },
      ...(weighted === null ? {} : typeof weighted === "string" ? { not_weighted: weighted } : { weighted }),
    }),
  };
}

/** A KPI of the labelled rows, each weighted so that together they are like all rows of the window. */
export interface Weighted {
  readonly value: number;
  readonly lower: number;
  readonly upper: number;
}
