/** `compare` of a model: two sides that no event belongs to both of, KPIs that the model has, windows that both have at the same times. */
import { type ComparedSide, comparedKpis, isPaired } from "./compare.ts";
import type { Path, Problem } from "./problem.ts";
import type { ModelConfig } from "./schema.ts";

export function checkCompare(model: ModelConfig, path: Path): Problem[] {
  const { compare, task, false_alarms: budget, windows } = model;
  if (compare === undefined) return [];
  const at = [...path, "compare"];
  if (task === "regression")
    return [{ path: at, message: "compares shares of events that went wrong; a regression has none, leave this out" }];
  const problems: Problem[] = [];
  if (budget === null)
    problems.push({ path: at, message: "is a part of the page tier, which `false_alarms: off` turns off" });
  if (!windows.some(({ kind }) => kind === "time"))
    problems.push({
      path: at,
      message: "needs a window by time: windows by number of events are not at the same times for both",
    });
  return [...problems, ...checkSides(compare, at), ...checkKpis(model, at)];
}

function checkSides(
  { champion, challenger }: { readonly champion: ComparedSide; readonly challenger: ComparedSide },
  path: Path,
): Problem[] {
  const empty = Object.entries({ champion, challenger }).flatMap(([key, side]) =>
    side.version === undefined && side.variant === undefined
      ? [{ path: [...path, key], message: "names neither a version nor a variant" }]
      : [],
  );
  if (empty.length > 0) return empty;
  const differ = (["version", "variant"] as const).some(
    (key) => champion[key] !== undefined && challenger[key] !== undefined && champion[key] !== challenger[key],
  );
  if (differ) return [];
  const message =
    "an event could belong to champion and challenger both; give both a version, or both a variant, that differs";
  return [{ path, message }];
}

function checkKpis(model: ModelConfig, path: Path): Problem[] {
  const { compare, task } = model;
  const compared = new Set(comparedKpis(model));
  if (compare?.kpis === undefined)
    return compared.size > 0
      ? []
      : [{ path, message: "none of the model's kpis can be compared; list for example accuracy among them" }];
  const listed = new Set(model.kpis.flatMap((kpi): string[] => ("use" in kpi ? [kpi.use] : [])));
  return compare.kpis.flatMap((kpi, index): Problem[] => {
    if (compared.has(kpi)) return [];
    const at = [...path, "kpis", index];
    if (!listed.has(kpi)) return [{ path: at, message: `"${kpi}" is not among the model's kpis; list it there too` }];
    if (task === "multiclass")
      return [{ path: at, message: `${kpi} of several classes can't be compared; accuracy can` }];
    return isPaired(kpi)
      ? []
      : [
          {
            path: at,
            message: `${kpi} is not over the same events for both, so it can't be compared with traffic: shadow`,
          },
        ];
  });
}
