/** Models of several sources: predictions from one, labels from another. Pure. */
import type { Leaf } from "./leaves.ts";
import { taskOf } from "./task.ts";
import type { UnderstoodModel } from "./understand.ts";

/** One a name, the features of that source which has most predictions first. */
export function mergeModels(models: readonly UnderstoodModel[], positive?: string): UnderstoodModel[] {
  const byName = new Map<string, UnderstoodModel[]>();
  for (const model of models) byName.set(model.name, [...(byName.get(model.name) ?? []), model]);
  return [...byName.values()].flatMap((same) => {
    const [first, ...others] = [...same].sort((a, b) => b.predictions - a.predictions);
    return first === undefined ? [] : [others.reduce((model, other) => merged(model, other, positive), first)];
  });
}

function merged(model: UnderstoodModel, other: UnderstoodModel, positive: string | undefined): UnderstoodModel {
  const known = new Set(model.features.map(({ name }) => name));
  const outcome = mergedLeaf(model.outcome, other.outcome);
  return {
    ...model,
    ...taskOf(outcome, positive),
    outcome,
    versions: [...new Set([...model.versions, ...other.versions])].sort(),
    predictions: model.predictions + other.predictions,
    labels: model.labels + other.labels,
    features: [...model.features, ...other.features.filter(({ name }) => !known.has(name))],
    ignored: [...new Set([...model.ignored, ...other.ignored])],
  };
}

function mergedLeaf(a: Leaf | undefined, b: Leaf | undefined): Leaf | undefined {
  if (a === undefined || b === undefined) return a ?? b;
  const values = new Map(a.values);
  for (const [text, rows] of b.values) values.set(text, (values.get(text) ?? 0) + rows);
  const sum = (key: "present" | "numbers" | "whole") => a[key] + b[key];
  return {
    ...a,
    present: sum("present"),
    numbers: sum("numbers"),
    whole: sum("whole"),
    values,
    overflow: a.overflow || b.overflow,
  };
}
