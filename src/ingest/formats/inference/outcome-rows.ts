/** What a service answered, row by row: which output is the prediction, which the score, which the probabilities. */
import type { JsonObject } from "../../../core/json-object.ts";
import { Refusal } from "../../../core/refusal.ts";
import { type Columns, plainValue, rowsOf } from "./columns.ts";
import type { CallOptions } from "./options.ts";

const SCORE = /^(?:.*[_\s-])?(?:scores?|probability|confidence|prob)$/i;
const PROBABILITIES = /prob/i;
/** Rows of an output of 32-bit floats add up to 1 within this. */
const ROUNDING = 1e-3;

/** @throws Refusal where no output can be taken for the prediction, or a named one is not there */
export function outcomeRows(outputs: readonly Columns[], options: CallOptions): JsonObject[] {
  const rows = rowsOf(outputs);
  const named = (key: "prediction" | "score" | "probabilities") => find(outputs, options[key], key);
  const wide = outputs.filter(({ width }) => width > 1);
  const narrow = outputs.filter(({ width }) => width === 1);
  const probabilities =
    named("probabilities") ??
    wide.find(({ name }) => name !== null && PROBABILITIES.test(name)) ??
    (wide.length === 1 ? wide.find((output) => addUpToOne(output)) : undefined);
  const asked = named("prediction");
  const score =
    named("score") ?? narrow.find((output) => output !== asked && output.name !== null && SCORE.test(output.name));
  const prediction = asked ?? narrow.find((output) => output !== score && output !== probabilities);
  if (prediction === undefined && probabilities === undefined && score === undefined) throw nothing(outputs);
  return Array.from({ length: rows }, (_, row) => ({
    ...predicted(row, prediction, probabilities, score, options),
    ...(probabilities === undefined ? {} : shares(row, probabilities, score, options)),
    ...(score === undefined || !isNumber(score.at(row, 0)) ? {} : { score: score.at(row, 0) }),
  }));
}

function find(outputs: readonly Columns[], name: string | undefined, key: string): Columns | undefined {
  if (name === undefined) return undefined;
  const output = outputs.find((candidate) => candidate.name === name);
  if (output !== undefined) return output;
  const there = outputs.map((candidate) => candidate.name ?? "one without a name").join(", ");
  throw new Refusal(
    "field_missing",
    `there is no output ${JSON.stringify(name)} (\`${key}\`); the answer has: ${there}`,
  );
}

function nothing(outputs: readonly Columns[]): Refusal {
  const [first] = outputs;
  if (first === undefined) return new Refusal("field_missing", "the answer has no output");
  return new Refusal(
    "field_missing",
    `no output can be taken for the prediction: ${outputs.map(({ name, width }) => `${name ?? "one without a name"} has ${width} values a row`).join(", ")}; say which with \`prediction\`, \`score\` or \`probabilities\``,
  );
}

const isNumber = (value: unknown): value is number => typeof value === "number" && Number.isFinite(value);

function addUpToOne({ rows, width, at }: Columns): boolean {
  for (let row = 0; row < rows; row++) {
    let sum = 0;
    for (let column = 0; column < width; column++) {
      const value = at(row, column);
      if (!isNumber(value) || value < 0) return false;
      sum += value;
    }
    if (Math.abs(sum - 1) > ROUNDING) return false;
  }
  return rows > 0;
}

function predicted(
  row: number,
  prediction: Columns | undefined,
  probabilities: Columns | undefined,
  score: Columns | undefined,
  { classes, threshold }: CallOptions,
): JsonObject {
  if (prediction !== undefined) return { prediction: plainValue(prediction.at(row, 0)) };
  if (probabilities !== undefined) {
    let greatest = 0;
    for (let column = 1; column < probabilities.width; column++)
      if (Number(probabilities.at(row, column)) > Number(probabilities.at(row, greatest))) greatest = column;
    return { prediction: classes?.[greatest] ?? greatest };
  }
  const value = score?.at(row, 0);
  const positive = isNumber(value) ? Number(value >= threshold) : null;
  return { prediction: positive === null ? value : (classes?.[positive] ?? positive) };
}

/** The probabilities by class, and of two classes that of the second as the score, unless the service says it. */
function shares(row: number, { width, at }: Columns, score: Columns | undefined, { classes }: CallOptions): JsonObject {
  const values = Array.from({ length: width }, (_, column) => at(row, column));
  // One that is no number says nothing of the others; the prediction stands without them.
  if (!values.every(isNumber)) return {};
  const probabilities = Object.fromEntries(values.map((value, index) => [String(classes?.[index] ?? index), value]));
  return { probabilities, ...(width === 2 && score === undefined ? { score: values[1] } : {}) };
}
