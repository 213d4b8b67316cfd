/** Reads the rows of a regression's reference that have a prediction and a label, and fits the model of their losses. */
import { z } from "zod";
import { impliedEstimates, isEstimate } from "../../config/kpis.ts";
import type { ModelConfig } from "../../config/schema.ts";
import type { ReferenceSubject } from "../../core/summary.ts";
import { join, name, type Sql, sql } from "../../store/sql.ts";
import type { Lane } from "../../store/store.ts";
import { binnedRows, charactersEach, codedCategories, codeText, MOST_INPUTS } from "../estimates/loss-inputs.ts";
import { fitLossModel, type LossInput, type LossModel } from "../estimates/loss-model.ts";
import type { ReferenceColumn } from "./reference-table.ts";

/** Rows that the model is fitted to, those of the least hash of their content. */
const MOST_ROWS = 20_000;
/** Rows that the mean loss of a category is drawn to that of all by. */
const PRIOR_ROWS = 20;

/** null where no errors are to be estimated, or the reference can't tell any: it lacks predictions or labels, or can't be read by row. */
export async function readLossModel(
  lane: Lane,
  model: ModelConfig,
  columns: readonly ReferenceColumn[],
  subjects: readonly ReferenceSubject[],
): Promise<LossModel | null> {
  const { reference } = model;
  if (reference === undefined || !wantsErrors(model)) return null;
  const byName = new Map(columns.map((column) => [column.name, column]));
  const prediction = byName.get(reference.prediction);
  const label = byName.get(reference.label);
  if (prediction === undefined || label === undefined || prediction.from.text !== label.from.text) return null;
  const columnOf = (subject: ReferenceSubject) =>
    subject.subjectKind === "prediction" ? prediction : byName.get(subject.subject);
  const used = subjects
    .filter(({ subjectKind }) => subjectKind === "feature" || subjectKind === "prediction")
    .filter((subject) => columnOf(subject)?.from.text === label.from.text)
    .sort((a, b) => Number(b.subjectKind === "prediction") - Number(a.subjectKind === "prediction"))
    .slice(0, MOST_INPUTS);
  const values = used.map((subject) => valueOf(subject, columnOf(subject) ?? prediction));
  const rows = sampled(prediction, label, values);
  const inputs = await inputsOf(lane, used, rows);
  const found = await lane.query(
    sql`SELECT ${codeText(
      inputs,
      inputs.map((_, index) => place(index)),
    )} AS codes, error FROM (${rows}) ORDER BY place, codes, error`,
    z.object({ codes: z.string(), error: z.number() }),
  );
  if (found.length === 0) return null;
  return fitLossModel(
    inputs,
    binnedRows(inputs, found.map(({ codes }) => codes).join("")),
    Float64Array.from(found, ({ error }) => error),
  );
}

function wantsErrors(model: ModelConfig): boolean {
  return (
    model.task === "regression" &&
    (impliedEstimates(model).length > 0 || model.kpis.some((kpi) => "use" in kpi && isEstimate(kpi.use)))
  );
}

const place = (index: number): Sql => name(`v${index}`);

function valueOf({ kind }: ReferenceSubject, { number, text }: ReferenceColumn): Sql {
  return kind === "numeric" ? number : sql`CAST(${text} AS Nullable(String))`;
}

/** The values of each input as v0, v1 …, the error, and a number that has nothing to do with either: the hash of the row. */
function sampled(prediction: ReferenceColumn, label: ReferenceColumn, values: readonly Sql[]): Sql {
  const finite = (column: ReferenceColumn) =>
    sql`${column.present} AND isFinite(ifNull(${column.number}, nan)) AND isNotNull(${column.number})`;
  const all = values.map((value, index) => sql`${value} AS ${place(index)}`);
  const texts = values.map((_, index) => sql`ifNull(toString(${place(index)}), '')`);
  return sql`SELECT *, cityHash64(error, ${join(texts)}) AS place
    FROM (SELECT ${join(all)}, ifNull(${prediction.number}, 0) - ifNull(${label.number}, 0) AS error FROM ${label.from} WHERE ${finite(prediction)} AND ${finite(label)})
    ORDER BY place LIMIT ${MOST_ROWS}`;
}

/** Categories get codes in the order of their mean absolute error, so that a split can part small errors from large ones. */
async function inputsOf(lane: Lane, subjects: readonly ReferenceSubject[], rows: Sql): Promise<LossInput[]> {
  const characters = charactersEach(subjects.filter(({ kind }) => kind === "categorical").length);
  const inputs: LossInput[] = [];
  for (const [index, subject] of subjects.entries()) {
    const feature = subject.subjectKind === "prediction" ? null : subject.subject;
    if (subject.kind === "numeric") {
      inputs.push({ feature, kind: "numeric", edges: [...subject.edges], categories: [], codes: [], other: 0 });
      continue;
    }
    const categories = codedCategories(subject, characters);
    const known = sql`has(CAST(${categories} AS Array(String)), ifNull(${place(index)}, ''))`;
    const losses = await lane.query(
      // Rounded sums: whole numbers add up to the same in any order.
      sql`SELECT if(${known}, ifNull(${place(index)}, ''), '') AS category, ${known} AS listed, count() AS n, toFloat64(sum(toInt128(round(least(abs(error), 1e20) * 65536)))) AS sum
        FROM (${rows}) WHERE isNotNull(${place(index)}) GROUP BY category, listed ORDER BY listed, category`,
      z.object({ category: z.string(), listed: z.number(), n: z.number(), sum: z.number() }),
    );
    inputs.push({ feature, kind: "categorical", edges: [], categories, ...codesOf(categories, losses) });
  }
  return inputs;
}

interface CategoryLoss {
  readonly category: string;
  readonly listed: number;
  readonly n: number;
  readonly sum: number;
}

function codesOf(
  categories: readonly string[],
  losses: readonly CategoryLoss[],
): { readonly codes: number[]; readonly other: number } {
  const n = losses.reduce((sum, one) => sum + one.n, 0);
  const overall = n === 0 ? 0 : losses.reduce((sum, one) => sum + one.sum, 0) / n;
  const meanOf = (found: CategoryLoss | undefined) =>
    ((found?.sum ?? 0) + PRIOR_ROWS * overall) / ((found?.n ?? 0) + PRIOR_ROWS);
  const byCategory = new Map(losses.filter(({ listed }) => listed === 1).map((one) => [one.category, one]));
  const ranked = [
    ...categories.map((category, index) => ({ index, mean: meanOf(byCategory.get(category)) })),
    { index: categories.length, mean: meanOf(losses.find(({ listed }) => listed === 0)) },
  ].sort((a, b) => a.mean - b.mean || a.index - b.index);
  const codes = Array.from({ length: categories.length + 1 }, () => 0);
  for (const [rank, { index }] of ranked.entries()) codes[index] = rank + 1;
  return { codes: codes.slice(0, -1), other: codes[categories.length] ?? 0 };
}
