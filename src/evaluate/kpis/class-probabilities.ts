/** KPIs of the probabilities of several classes: the true class among the likeliest, and each class against the rest. */
import { z } from "zod";
import { join, type Sql, sql } from "../../store/sql.ts";
import { share } from "./classification.ts";
import { type KpiValue, undefinedKpi } from "./kpi-value.ts";

const NO_PROBABILITIES = "no labelled prediction has probabilities";
const scored = sql`labelled AND notEmpty(probabilities)`;
const truth = sql`toString(label_text)`;

/** (rows, rows whose true class has fewer than k classes above it). A class that is left out has no place. */
export function topClassColumns(k: number): Sql {
  const hit = sql`mapContains(probabilities, ${truth}) AND arrayCount(p -> p > probabilities[${truth}], mapValues(probabilities)) < ${k}`;
  return sql`(countIf(${scored}), countIf(${scored} AND ${hit}))`;
}

export const topClassRow = z.tuple([z.number(), z.number()]);
export const topClasses = ([rows, hits]: z.output<typeof topClassRow>): KpiValue => share(hits, rows, NO_PROBABILITIES);

/** More are not told apart. */
const MOST_CLASSES = 50;

/** By declared class: (rows of it, rows of others, area). */
export function areasOfClasses(classes: readonly string[]): Sql {
  const columns = classes.slice(0, MOST_CLASSES).map((name) => {
    const isIt = sql`${truth} = ${name}`;
    return sql`(countIf(${scored} AND ${isIt}), countIf(${scored} AND NOT ${isIt}), arrayROCAUC(groupArrayIf(probabilities[${name}], ${scored}), groupArrayIf(toUInt8(${isIt}), ${scored})))`;
  });
  return columns.length === 0 ? sql`CAST([] AS Array(Tuple(UInt64, UInt64, Float64)))` : sql`[${join(columns)}]`;
}

export const areasRow = z.array(z.tuple([z.number(), z.number(), z.number().nullable()]));

/**
 * Mean of the areas of each class against the rest, each class counting alike (one-vs-rest, macro: Provost & Domingos 2000). Classes without a
 * label, or with all of them, have no area.
 */
export function macroArea(found: z.output<typeof areasRow>, classes: readonly string[]): KpiValue {
  const [first] = found;
  if (first === undefined) return undefinedKpi(0, "the model declares no `classes`");
  if (classes.length > MOST_CLASSES) return undefinedKpi(0, `the model has more than ${MOST_CLASSES} classes`);
  const n = first[0] + first[1];
  if (n === 0) return undefinedKpi(0, NO_PROBABILITIES);
  const known = found.flatMap(([rows, others, area], index) =>
    rows > 0 && others > 0 && area !== null ? [[classes[index] ?? "", area] as const] : [],
  );
  if (known.length === 0) return undefinedKpi(n, "all labels are of one class: there is no pair to order");
  return {
    status: "ok",
    value: known.reduce((sum, [, area]) => sum + area, 0) / known.length,
    n,
    detail: { classes: known.length, per_class: Object.fromEntries(known) },
  };
}
