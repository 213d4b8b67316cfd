/** `fairness` of a model: a task with decisions, features that can be groups, a class that exists. */

import { classLabel } from "../core/class-label.ts";
import { pinOf } from "./features.ts";
import type { Path, Problem } from "./problem.ts";
import type { ModelConfig } from "./schema.ts";
import { suggestionText } from "./suggestion.ts";

export function checkFairness(model: ModelConfig, path: Path): Problem[] {
  const { fairness, task, reference } = model;
  if (fairness === undefined) return [];
  const at = [...path, "fairness"];
  if (task === "regression")
    return [{ path: at, message: "compares decisions between groups; a regression makes none, leave this out" }];
  const missing =
    reference === undefined ? [{ path: at, message: "needs a reference: its values of a feature are the groups" }] : [];
  return [...missing, ...checkPositive(model, at), ...checkGroups(model, at)];
}

function checkPositive({ fairness, task, classes }: ModelConfig, path: Path): Problem[] {
  if (fairness?.positive === undefined)
    return task === "multiclass"
      ? [{ path, message: "lacks positive: which class of a multiclass model is the favourable decision?" }]
      : [];
  const at = [...path, "positive"];
  const known = (classes ?? (task === "binary" ? [0, 1] : [])).map(classLabel).filter((label) => label !== null);
  const positive = classLabel(fairness.positive);
  if (positive === null) return [{ path: at, message: "an empty text is no class" }];
  if (known.length === 0 || known.includes(positive)) return [];
  return [
    { path: at, message: `the model has no class "${positive}"${suggestionText(positive, known, "its classes")}` },
  ];
}

function checkGroups({ fairness, features, reference }: ModelConfig, path: Path): Problem[] {
  const groups = fairness?.groups ?? [];
  return groups.flatMap((group, index): Problem[] => {
    const at = [...path, "groups", index];
    if (groups.indexOf(group) !== index) return [{ path: at, message: `the feature "${group}" is listed twice` }];
    const pin = pinOf(features, group)?.kind;
    if (pin === "numeric" || pin === "vector")
      return [{ path: at, message: `"${group}" is pinned as ${pin}; groups are the values of a categorical feature` }];
    if (pin === "ignore" || reference?.ignore.includes(group) === true)
      return [{ path: at, message: `"${group}" is ignored, so its values are not known` }];
    if (reference?.features !== undefined && !reference.features.includes(group))
      return [
        {
          path: at,
          message: `the model has no feature "${group}"${suggestionText(group, reference.features, "its features")}`,
        },
      ];
    return [];
  });
}
