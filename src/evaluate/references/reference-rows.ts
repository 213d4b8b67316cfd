/**
 * A sample of the reference's rows, kept in the store as codes: the joint distribution of features, decisions and labels, which bins of
 * single subjects don't have. Read only when an incident is explained.
 */
import { z } from "zod";
import type { ModelConfig } from "../../config/schema.ts";
import { classLabel } from "../../core/class-label.ts";
import type { ReferenceSubject } from "../../core/summary.ts";
import { join, name, type Sql, sql } from "../../store/sql.ts";
import type { Lane } from "../../store/store.ts";
import { textOrEmpty } from "../value-expressions.ts";
import { binCode, missingCode } from "./bin-code.ts";
import type { ReferenceColumn, ReferenceTable } from "./reference-table.ts";

/** Rows kept, evenly spread over the file. */
const MOST_ROWS = 20_000;
/** Features kept, the first ones of the reference. */
const MOST_FEATURES = 300;
const COLUMNS_AT_ONCE = 20;

/** Columns of equal length. */
export interface ReferenceRows {
  /** By feature: the bin of its reference; then come *missing* and *invalid*. */
  readonly codes: ReadonlyMap<string, readonly number[]>;
  /** Canonical texts; '' where there is none. Empty arrays for numbers. */
  readonly decisions: readonly string[];
  readonly labels: readonly string[];
  /** Of a regression; null where there is none. */
  readonly predicted: readonly (number | null)[];
  readonly actual: readonly (number | null)[];
  readonly scores: readonly (number | null)[];
}

/** null where the reference has no decisions: then nothing can be said of its performance. */
export async function readReferenceRows(
  lane: Lane,
  model: ModelConfig,
  table: ReferenceTable,
  subjects: readonly ReferenceSubject[],
  rows: number,
): Promise<ReferenceRows | null> {
  const { reference, task } = model;
  const byName = new Map(table.columns.map((column) => [column.name, column]));
  const prediction = byName.get(reference?.prediction ?? "");
  const label = byName.get(reference?.label ?? "");
  const score = byName.get(reference?.score ?? "");
  if (prediction === undefined) return null;
  const sample = createSampler(lane, rows);
  const codes = new Map<string, readonly number[]>();
  const features = subjects.filter(({ subjectKind }) => subjectKind === "feature").slice(0, MOST_FEATURES);
  const placed = features.flatMap((subject) => {
    const column = byName.get(subject.subject);
    return column === undefined ? [] : [{ subject, column }];
  });
  for (const group of sameFrom(placed)) {
    const found = await sample.numbers(
      group.map(({ column, subject }) => ({ from: column.from, value: binCode(column, subject) })),
    );
    for (const [index, { subject }] of group.entries())
      codes.set(
        subject.subject,
        (found[index] ?? []).map((code) => code ?? missingCode(subject)),
      );
  }
  const numbers = async (column: ReferenceColumn | undefined) =>
    column === undefined
      ? []
      : ((
          await sample.numbers([
            { from: column.from, value: sql`if(isFinite(ifNull(${column.number}, nan)), ${column.number}, NULL)` },
          ])
        )[0] ?? []);
  const classes = async (column: ReferenceColumn | undefined) =>
    column === undefined
      ? []
      : (await sample.texts(column)).map((text) => (text === "" ? "" : (classLabel(text) ?? "")));
  const isNumber = task === "regression";
  return {
    codes,
    decisions: isNumber ? [] : await classes(prediction),
    labels: isNumber ? [] : await classes(label),
    predicted: isNumber ? await numbers(prediction) : [],
    actual: isNumber ? await numbers(label) : [],
    scores: task === "binary" ? await numbers(score) : [],
  };
}

function* sameFrom<Item extends { readonly column: ReferenceColumn }>(items: readonly Item[]): Generator<Item[]> {
  let group: Item[] = [];
  for (const item of items) {
    if (group.length >= COLUMNS_AT_ONCE || (group.length > 0 && group[0]?.column.from.text !== item.column.from.text)) {
      yield group;
      group = [];
    }
    group.push(item);
  }
  if (group.length > 0) yield group;
}

/** Reads columns of the same rows, statement by statement: by one thread, so that a row has the same place in all of them. */
function createSampler(lane: Lane, rows: number) {
  const wanted = Math.min(rows, MOST_ROWS);
  const spread = sql`intDiv((r + 1) * ${wanted}, ${Math.max(1, rows)}) > intDiv(r * ${wanted}, ${Math.max(1, rows)})`;
  const arrays = (columns: readonly { readonly from: Sql; readonly value: Sql }[], type: Sql): Sql => {
    const names = columns.map((_, index) => name(`c${index}`));
    const selected = columns.map(({ value }, index) => sql`CAST(${value} AS ${type}) AS ${names[index] ?? sql``}`);
    // Tuples, since groupArray leaves out what is NULL.
    return sql`SELECT [${join(names.map((column) => sql`groupArray(tuple(${column}))`))}] AS found
      FROM (SELECT ${join(selected)}, rowNumberInAllBlocks() AS r FROM ${columns[0]?.from ?? sql``}) WHERE ${spread} SETTINGS max_threads = 1`;
  };
  const row = <Value>(value: z.ZodType<Value>) => z.object({ found: z.array(z.array(z.tuple([value]))) });
  return {
    async numbers(columns: readonly { readonly from: Sql; readonly value: Sql }[]): Promise<(number | null)[][]> {
      const [first] = await lane.query(arrays(columns, sql`Nullable(Float64)`), row(z.number().nullable()));
      return (first?.found ?? []).map((column) => column.map(([value]) => value));
    },
    async texts({ from, text, present }: ReferenceColumn): Promise<string[]> {
      const value = sql`if(${present}, ${textOrEmpty(text)}, '')`;
      const [first] = await lane.query(arrays([{ from, value }], sql`String`), row(z.string()));
      return (first?.found[0] ?? []).map(([found]) => found);
    },
  };
}

export async function hasReferenceRows(lane: Lane, model: string, referenceId: string): Promise<boolean> {
  const found = await lane.query(
    sql`SELECT 1 AS one FROM reference_rows WHERE model = ${model} AND reference_id = ${referenceId} AND role = 'loss' LIMIT 1`,
    z.object({ one: z.number() }),
  );
  return found.length > 0;
}

/** The row of role `loss` comes last: a sample without it was not written to its end. */
export async function writeReferenceRows(
  lane: Lane,
  model: string,
  referenceId: string,
  sample: ReferenceRows,
): Promise<void> {
  const none = { subject: "", codes: [], numbers: [], texts: [] };
  const numbers = (values: readonly (number | null)[]) => values.map((value) => value ?? NONE);
  const rows = [
    ...[...sample.codes].map(([subject, codes]) => ({ ...none, role: "feature", subject, codes })),
    { ...none, role: "prediction", texts: sample.decisions, numbers: numbers(sample.predicted) },
    { ...none, role: "label", texts: sample.labels, numbers: numbers(sample.actual) },
    { ...none, role: "score", numbers: numbers(sample.scores) },
    { ...none, role: "loss", numbers: lossesOf(sample) },
  ];
  for (let at = 0; at < rows.length; at += COLUMNS_AT_ONCE)
    await lane.insertRows(
      "reference_rows",
      rows.slice(at, at + COLUMNS_AT_ONCE).map((row) => ({ ...row, model, reference_id: referenceId })),
    );
}

/** Stands for a number that is not there: no model's numbers are that far out. */
const NONE = -1e308;

/** Loss of each row: 1 for a wrong class, the size of the error of a number; -1 where it is not known. */
function lossesOf({ decisions, labels, predicted, actual }: ReferenceRows): number[] {
  if (decisions.length > 0)
    return decisions.map((decision, row) =>
      decision === "" || (labels[row] ?? "") === "" ? -1 : Number(decision !== labels[row]),
    );
  return predicted.map((value, row) => {
    const truth = actual[row] ?? null;
    return value === null || truth === null ? -1 : Math.abs(value - truth);
  });
}

const stored = z.object({
  role: z.string(),
  subject: z.string(),
  codes: z.array(z.number()),
  numbers: z.array(z.number()),
  texts: z.array(z.string()),
});

/** The sample with the codes of these features alone; null where none is stored. */
export async function readStoredSample(
  lane: Lane,
  model: string,
  referenceId: string,
  features: readonly string[],
): Promise<ReferenceRows | null> {
  const rows = await lane.query(
    sql`SELECT role, subject, codes, numbers, texts FROM reference_rows FINAL WHERE model = ${model} AND reference_id = ${referenceId}
      AND (role != 'feature' OR has(CAST(${features} AS Array(String)), subject))`,
    stored,
  );
  if (!rows.some(({ role }) => role === "loss")) return null;
  const of = (role: string) => rows.find((row) => row.role === role);
  const numbers = (role: string) => (of(role)?.numbers ?? []).map((value) => (value < -1e307 ? null : value));
  return {
    codes: new Map(rows.filter(({ role }) => role === "feature").map(({ subject, codes }) => [subject, codes])),
    decisions: of("prediction")?.texts ?? [],
    labels: of("label")?.texts ?? [],
    predicted: numbers("prediction"),
    actual: numbers("label"),
    scores: numbers("score"),
  };
}

/** Labelled rows, losses and their squares of each bin, by feature; summed by the engine, so that all features cost little. */
export async function readBinLosses(
  lane: Lane,
  model: string,
  referenceId: string,
): Promise<Map<string, { code: number; rows: number; losses: number; squares: number }[]>> {
  const sample = sql`model = ${model} AND reference_id = ${referenceId}`;
  const rows = await lane.query(
    sql`SELECT subject, code, count() AS rows, sum(loss) AS losses, sum(loss * loss) AS squares
      FROM (SELECT subject, codes, (SELECT any(numbers) FROM reference_rows FINAL WHERE ${sample} AND role = 'loss') AS all_losses
        FROM reference_rows FINAL WHERE ${sample} AND role = 'feature')
      ARRAY JOIN codes AS code, all_losses AS loss WHERE loss >= 0 GROUP BY subject, code ORDER BY subject, code`,
    z.object({ subject: z.string(), code: z.number(), rows: z.number(), losses: z.number(), squares: z.number() }),
  );
  const found = new Map<string, { code: number; rows: number; losses: number; squares: number }[]>();
  for (const { subject, ...sums } of rows) {
    const list = found.get(subject) ?? [];
    list.push(sums);
    found.set(subject, list);
  }
  return found;
}
