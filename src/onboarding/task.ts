/** What a model predicts, from the outcomes that its events carry. */
import { classLabel } from "../core/class-label.ts";
import type { Leaf } from "./leaves.ts";
import { wordsOf } from "./names.ts";

export type Task = "binary" | "multiclass" | "regression";

export interface UnderstoodTask {
  readonly task: Task;
  /** The negative then the positive one; left out where they are 0 and 1, or need not be named. */
  readonly classes?: readonly string[];
  /** Classes that were seen, the most frequent first; none of a regression. */
  readonly seen: readonly string[];
}

/** Whole numbers with few values that each occur often are codes of classes. */
const MOST_CODES = 20;
const ROWS_PER_CODE = 5;
const POSITIVE =
  /^(?:1|true|t|yes|y|positive|pos|fraud(?:ulent)?|churn(?:ed|s)?|default(?:ed)?|bad|spam|reject(?:ed)?|decline[ds]?|denied|deny|risk|high|fail(?:ed|ure)?|anomal(?:y|ous)|malicious|click(?:ed)?|sick|disease|malignant|alert|abnormal|50k|gt 50k)$/;
const NEGATIVE =
  /^(?:0|false|f|no|n|negative|neg|not .*|non .*|legit(?:imate)?|genuine|good|stay(?:s|ed)?|retain(?:ed)?|ham|approve[ds]?|accept(?:ed)?|low|ok|pass(?:ed)?|normal|benign|healthy)$/;

/** @param outcome all predictions and labels of the model at one path, numbers in text read as such */
export function taskOf(outcome: Leaf | undefined, positive?: string): UnderstoodTask {
  if (outcome === undefined || outcome.values.size === 0) return { task: "regression", seen: [] };
  const classes = new Map<string, number>();
  for (const [text, rows] of outcome.values) {
    const label = classLabel(text);
    if (label !== null) classes.set(label, (classes.get(label) ?? 0) + rows);
  }
  if (outcome.numbers === outcome.present && !areCodes(outcome, classes)) return { task: "regression", seen: [] };
  const seen = [...classes].sort((a, b) => b[1] - a[1] || (a[0] < b[0] ? -1 : 1)).map(([label]) => label);
  if (seen.every((label) => label === "0" || label === "1"))
    return positive === undefined || positive === "1"
      ? { task: "binary", seen }
      : { task: "binary", classes: ["1", "0"], seen };
  if (seen.length === 2) return { task: "binary", classes: ordered(seen, positive), seen };
  return { task: "multiclass", seen };
}

function areCodes(outcome: Leaf, classes: ReadonlyMap<string, number>): boolean {
  if (outcome.overflow || outcome.whole < outcome.numbers || classes.size > MOST_CODES) return false;
  const few = [...classes.keys()].every((label) => label === "0" || label === "1");
  return few || outcome.present >= ROWS_PER_CODE * classes.size;
}

/** The positive class is the one that is named so, else the other of one that is named negative, else the rarer one. */
function ordered(seen: readonly string[], positive: string | undefined): readonly string[] {
  const named =
    (positive === undefined ? undefined : seen.find((label) => label === (classLabel(positive) ?? positive))) ??
    seen.find((label) => POSITIVE.test(wordsOf(label)) && !NEGATIVE.test(wordsOf(label))) ??
    (seen.some((label) => NEGATIVE.test(wordsOf(label)))
      ? seen.find((label) => !NEGATIVE.test(wordsOf(label)))
      : undefined) ??
    seen[1] ??
    "";
  return [...seen.filter((label) => label !== named), named];
}

/** Whether which class is the positive one was told by its name. */
export const isClassTold = (classes: readonly string[]): boolean =>
  classes.some((label) => POSITIVE.test(wordsOf(label)) || NEGATIVE.test(wordsOf(label)));
