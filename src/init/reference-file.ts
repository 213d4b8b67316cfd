/** The first part of a sample as a reference: one NDJSON file a model, with the features as events name them. */
import type { EventRows, LabelRows, PredictionRows } from "../ingest/events/event-rows.ts";
import type { ReferenceColumns } from "../onboarding/write-config.ts";
import type { TriedSample } from "./try-config.ts";

export interface ReferenceText {
  readonly text: string;
  readonly rows: number;
  readonly columns: ReferenceColumns;
}

/** A reference of fewer rows than this tells nothing. */
export const LEAST_ROWS = 50;

/** The predictions of a model within the first `share` of each sample, with the labels that the samples hold of them; null where they are too few. */
export function referenceOf(model: string, samples: readonly TriedSample[], share: number): ReferenceText | null {
  const labels = labelsOf(model, samples);
  const lines: string[] = [];
  let columns: ReferenceColumns | null = null;
  for (const { rows, tried } of samples) {
    const own = rows.predictions.get(model);
    if (own === undefined) continue;
    columns ??= columnsFor(own);
    const end = Math.ceil(tried.sampled * share);
    for (let row = 0; row < own.rows; row++)
      if ((own.message[row] ?? 0) < end) lines.push(JSON.stringify(lineOf(own, row, columns, labels)));
  }
  return columns === null || lines.length < LEAST_ROWS
    ? null
    : { text: `${lines.join("\n")}\n`, rows: lines.length, columns };
}

/** Columns that are no features have names that no feature has. */
function columnsFor({ features }: PredictionRows): ReferenceColumns {
  const taken = new Set(features.map(({ feature }) => feature.name));
  const free = (name: string): string => (taken.has(name) ? free(`_${name}`) : name);
  return { timestamp: free("timestamp"), prediction: free("prediction"), score: free("score"), label: free("label") };
}

type Label = string | number;

function labelsOf(model: string, samples: readonly { readonly rows: EventRows }[]): Map<string, Label> {
  const found = new Map<string, Label>();
  for (const { rows } of samples)
    for (let row = 0; row < rows.labels.rows; row++)
      if (rows.labels.model[row] === model) found.set(rows.labels.id[row] ?? "", outcomeOf(rows.labels, row));
  return found;
}

const outcomeOf = ({ label, labelText }: LabelRows, row: number): Label => labelText[row] || (label[row] ?? 0);

function lineOf(own: PredictionRows, row: number, columns: ReferenceColumns, labels: ReadonlyMap<string, Label>) {
  const score = own.score[row] ?? Number.NaN;
  const label = labels.get(own.id[row] ?? "");
  const values = own.features.map(({ feature, numeric, categorical, numbers, texts, vectors }): [string, unknown] => {
    if (!numeric && !categorical) return [feature.name, vectors[row]?.length ? Array.from(vectors[row] ?? []) : null];
    const value = numeric ? numbers[row] : texts[row];
    return [feature.name, value === undefined || Number.isNaN(value) ? null : value];
  });
  return {
    [columns.timestamp]: new Date(own.timestamp[row] ?? 0).toISOString(),
    ...Object.fromEntries(values),
    [columns.prediction]: own.predictionText[row] || own.prediction[row],
    ...(Number.isNaN(score) ? {} : { [columns.score]: score }),
    ...(label === undefined ? {} : { [columns.label]: label }),
  };
}
