/** The rows of each group by decision and label, as counts: all that the measures of fairness need. */
import { z } from "zod";
import { classLabel } from "../../core/class-label.ts";
import type { GroupCounts } from "../../math/group-fairness.ts";
import { featureColumn } from "../../store/model-tables.ts";
import { join, name, type Sql, sql } from "../../store/sql.ts";
import type { PreparedModel } from "../prepare-model.ts";
import { categoryPlace, textOrEmpty } from "../value-expressions.ts";

/** Groups of one feature, the most frequent ones of the reference; others are not compared. */
export const MOST_GROUPS = 50;
/** Counts of a group: not selected and selected, each without a label, with a negative and with a positive one. */
const STATES = 6;

/** A feature whose values are groups, or why it has none. */
export interface GroupedFeature {
  readonly feature: string;
  readonly groups: readonly string[];
  readonly fault: string | null;
}

export function groupedFeatures({ config, reference }: Pick<PreparedModel, "config" | "reference">): GroupedFeature[] {
  return (config.fairness?.groups ?? []).map((feature) => {
    const subject = reference?.subjects.find((one) => one.subjectKind === "feature" && one.subject === feature);
    if (subject === undefined) return { feature, groups: [], fault: `The reference has no feature "${feature}".` };
    if (subject.kind === "numeric")
      return {
        feature,
        groups: [],
        fault: `"${feature}" is numeric; groups are the values of a categorical feature (pin it with features: { ${feature}: categorical } if it is a code).`,
      };
    return { feature, groups: subject.categories.slice(0, MOST_GROUPS), fault: null };
  });
}

/** The favourable class. */
export const favourableClass = ({ config, schema }: PreparedModel): string =>
  classLabel(config.fairness?.positive ?? schema.classes[1] ?? 1) ?? "1";

/** One array a feature: counts of its groups in their order, six each. */
export function groupColumns(prepared: PreparedModel, features: readonly GroupedFeature[]): Sql {
  const positive = favourableClass(prepared);
  const state = sql`if(prediction_text = ${positive}, 3, 0) + if(labelled, if(label_text = ${positive}, 2, 1), 0)`;
  return sql`[${join(features.map(({ feature, groups }) => counts(feature, groups, state)))}]`;
}

function counts(feature: string, groups: readonly string[], state: Sql): Sql {
  if (groups.length === 0) return sql`CAST([] AS Array(UInt64))`;
  const size = groups.length * STATES;
  const value = name(featureColumn(feature));
  const place = categoryPlace(groups, textOrEmpty(value), sql`toUInt64(${groups.length})`);
  const cell = sql`if(prediction_text != '' AND isNotNull(${value}), ${place} * ${STATES} + ${state}, ${size + 8})`;
  return sql`countResample(0, ${size}, 1)(toUInt64(${cell}))`;
}

export const groupRow = z.array(z.array(z.number()));

export function groupCounts({ groups }: GroupedFeature, found: readonly number[]): GroupCounts[] {
  return groups.map((group, index) => {
    const [fresh = 0, tn = 0, fn = 0, freshSelected = 0, fp = 0, tp = 0] = found.slice(
      index * STATES,
      (index + 1) * STATES,
    );
    const selected = freshSelected + fp + tp;
    return { group, rows: fresh + tn + fn + selected, selected, tp, fp, fn, tn };
  });
}
