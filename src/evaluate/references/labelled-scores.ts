/** Reads the scores of a reference together with its labels: what estimates before labels are calibrated on and compared with. */
import { z } from "zod";
import type { ModelConfig } from "../../config/schema.ts";
import { classLabel } from "../../core/class-label.ts";
import { type GroupScores, type LabelledScores, scoreBinsOf } from "../../core/labelled-scores.ts";
import { type Sql, sql } from "../../store/sql.ts";
import type { Lane } from "../../store/store.ts";
import { MOST_GROUPS } from "../fairness/group-columns.ts";
import { textOrEmpty } from "../value-expressions.ts";
import type { ReferenceColumn } from "./reference-table.ts";

/** Classes beyond this have no estimates: each costs a histogram a window. */
const MOST_ESTIMATED_CLASSES = 50;
/** Spellings of classes that are looked at. */
const MOST_SPELLINGS = 1000;
/** Sums of scores are of whole numbers, the same in any order of rows. */
export const SCORE_SCALE = 2 ** 30;

/**
 * One a class (binary: the positive one alone); none where the reference lacks predictions, labels or scores, or where they can't be read
 * together.
 */
export async function readLabelledScores(
  lane: Lane,
  model: ModelConfig,
  columns: readonly ReferenceColumn[],
): Promise<LabelledScores[]> {
  const { reference, task } = model;
  if (reference === undefined || task === "regression") return [];
  const byName = new Map(columns.map((column) => [column.name, column]));
  const prediction = byName.get(reference.prediction);
  const label = byName.get(reference.label);
  if (prediction === undefined || label === undefined || prediction.from.text !== label.from.text) return [];
  const found: LabelledScores[] = [];
  for (const [positive, name] of scoreColumns(model)) {
    const score = byName.get(name);
    if (score === undefined || score.from.text !== label.from.text) return [];
    found.push(await readClass(lane, { positive, prediction, label, score, bins: scoreBinsOf(task) }));
  }
  return found.every((scores) => scores.rows.some((rows) => rows > 0)) ? found : [];
}

/** Class and column of its score. */
function scoreColumns({ reference, task, classes }: ModelConfig): (readonly [string, string])[] {
  if (task === "binary") return [[classLabel(classes?.[1] ?? 1) ?? "1", reference?.score ?? ""]];
  return Object.entries(reference?.probabilities ?? {})
    .map(([written, column]) => [classLabel(written) ?? written, column] as const)
    .slice(0, MOST_ESTIMATED_CLASSES);
}

interface ClassColumns {
  readonly positive: string;
  readonly prediction: ReferenceColumn;
  readonly label: ReferenceColumn;
  readonly score: ReferenceColumn;
  readonly bins: number;
}

/** Bins of a group's scores: fewer, since each of many groups has its own. */
export const GROUP_SCORE_BINS = 100;

/** Scores with labels by group, of a binary model whose fairness is watched; none where they can't be read together. */
export async function readGroupScores(
  lane: Lane,
  model: ModelConfig,
  columns: readonly ReferenceColumn[],
): Promise<GroupScores[]> {
  const { reference, task, fairness } = model;
  if (reference === undefined || task !== "binary" || fairness === undefined || !model.estimates) return [];
  const byName = new Map(columns.map((column) => [column.name, column]));
  const [positive, scoreName] = scoreColumns(model)[0] ?? ["1", ""];
  const prediction = byName.get(reference.prediction);
  const label = byName.get(reference.label);
  const score = byName.get(scoreName);
  if (prediction === undefined || label === undefined || score === undefined) return [];
  const found: GroupScores[] = [];
  for (const feature of fairness.groups) {
    const group = byName.get(feature);
    if ([prediction, score, group].some((column) => column?.from.text !== label.from.text) || group === undefined)
      continue;
    const at = { positive, prediction, label, score, bins: GROUP_SCORE_BINS };
    for (const value of await mostFrequent(lane, group))
      found.push({
        feature,
        group: value,
        scores: await readClass(lane, at, sql`${group.present} AND ${textOrEmpty(group.text)} = ${value}`),
      });
  }
  return found;
}

async function mostFrequent(lane: Lane, { text, from, present }: ReferenceColumn): Promise<string[]> {
  const found = await lane.query(
    sql`SELECT ${textOrEmpty(text)} AS v, count() AS rows FROM ${from} WHERE ${present} GROUP BY v ORDER BY rows DESC, v LIMIT ${MOST_GROUPS}`,
    z.object({ v: z.string() }),
  );
  return found.map(({ v }) => v);
}

const cellRow = z.object({ cell: z.number(), n: z.number(), positives: z.number(), scores: z.number() });

async function readClass(
  lane: Lane,
  { positive, prediction, label, score, bins }: ClassColumns,
  where: Sql = sql`true`,
): Promise<LabelledScores> {
  const decided = await spellings(lane, prediction);
  const labels = await spellings(lane, label);
  const isClass = ({ text }: ReferenceColumn, texts: readonly string[]) =>
    sql`has(${arrayOf(texts)}, ${textOrEmpty(text)})`;
  const ofPositive = (texts: readonly string[]) => texts.filter((text) => classLabel(text) === positive);
  const usable = sql`ifNull(${score.number} >= 0 AND ${score.number} <= 1, false) AND ${isClass(prediction, decided)} AND ${isClass(label, labels)}`;
  const value = sql`ifNull(${score.number}, 0)`;
  const cell = sql`${scoreCell(value, bins)} + if(${isClass(prediction, ofPositive(decided))}, ${bins}, 0)`;
  const found = await lane.query(
    sql`SELECT ${cell} AS cell, count() AS n, countIf(${isClass(label, ofPositive(labels))}) AS positives, toFloat64(sum(toInt128(round(${value} * ${SCORE_SCALE})))) AS scores
      FROM ${score.from} WHERE ${usable} AND ${where} GROUP BY cell ORDER BY cell`,
    cellRow,
  );
  const zeros = () => Array.from({ length: 2 * bins }, () => 0);
  const result = { positive, rows: zeros(), positives: zeros(), means: zeros() };
  for (const row of found) {
    result.rows[row.cell] = row.n;
    result.positives[row.cell] = row.positives;
    result.means[row.cell] = row.scores / SCORE_SCALE / row.n;
  }
  return result;
}

/** Bin of a score between 0 and 1. */
export const scoreCell = (score: Sql, bins: number): Sql =>
  sql`toUInt32(least(floor(${score} * ${bins}), ${bins - 1}))`;

const arrayOf = (texts: readonly string[]): Sql => sql`CAST(${texts} AS Array(String))`;

/** Texts of a column that are classes, as they stand in the file. */
async function spellings(lane: Lane, { text, from, present }: ReferenceColumn): Promise<string[]> {
  const found = await lane.query(
    sql`SELECT DISTINCT ${textOrEmpty(text)} AS v FROM ${from} WHERE ${present} ORDER BY v LIMIT ${MOST_SPELLINGS}`,
    z.object({ v: z.string() }),
  );
  return found.map(({ v }) => v).filter((v) => classLabel(v) !== null);
}
