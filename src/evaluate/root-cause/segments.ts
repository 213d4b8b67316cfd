/** The dimensions that rows are told apart on: a feature's values in few groups, or a key of the events' own segments. */
import type { CauseCondition } from "../../core/incident-cause.ts";
import type { ReferenceSubject } from "../../core/summary.ts";
import { quantileCuts } from "../../math/merge-bins.ts";
import type { PreparedModel } from "../prepare-model.ts";
import type { RowColumns, WantedColumns } from "./window-rows.ts";

/** Dimensions where the configuration names none. */
const MOST_DIMENSIONS = 16;
/** Values of a dimension; rarer ones are taken together. */
const MOST_GROUPS = 30;
/** Groups of a numeric feature, of about equally many rows of the reference. */
const NUMERIC_GROUPS = 5;
/** Features with more categories than this are ids or the like, and no segments unless they are named. */
const MOST_CATEGORIES = 100;

export interface Dimension {
  readonly key: string;
  readonly groups: readonly CauseCondition[];
  /** The group of each row. */
  groupsOf(rows: RowColumns): Uint16Array;
}

/** What has to be read of rows for the wanted dimensions. The moved features come first where none is named. */
export function wantedColumns(prepared: PreparedModel, moved: readonly string[]): WantedColumns {
  const features = (prepared.reference?.subjects ?? []).filter(({ subjectKind }) => subjectKind === "feature");
  const byName = new Map(features.map((subject) => [subject.subject, subject]));
  const { segments, fairness } = prepared.config;
  if (segments !== undefined)
    return {
      features: segments.flatMap((name) => byName.get(name) ?? []),
      segments: segments.filter((name) => !byName.has(name)),
    };
  const few = features.filter(({ kind, categories }) => kind === "numeric" || categories.length <= MOST_CATEGORIES);
  const names = [...new Set([...moved, ...(fairness?.groups ?? []), ...few.map(({ subject }) => subject)])];
  return { features: names.flatMap((name) => byName.get(name) ?? []).slice(0, MOST_DIMENSIONS), segments: [] };
}

export const dimensionsOf = (
  { features, segments }: WantedColumns,
  sides: readonly RowColumns[],
): readonly Dimension[] => [
  ...features.map(featureDimension),
  ...segments.map((segment) => segmentDimension(segment, sides)),
];

function featureDimension(subject: ReferenceSubject): Dimension {
  const { bins, subject: name } = subject;
  const condition = (value: CauseCondition["value"]): CauseCondition => ({
    subject_kind: subject.subjectKind,
    subject: name,
    value,
  });
  const place = new Uint16Array(bins.length + 2);
  const groups: CauseCondition[] = [];
  if (subject.kind === "numeric") {
    const cuts = quantileCuts(bins, NUMERIC_GROUPS, false);
    for (const [bin] of bins.entries()) place[bin] = cuts.filter((cut) => bin > cut).length;
    for (let group = 0; group <= cuts.length; group++) groups.push(condition(rangeOf(subject, cuts, group)));
  } else {
    const kept = Math.min(subject.categories.length, MOST_GROUPS);
    for (const category of subject.categories.slice(0, kept))
      groups.push(condition({ kind: "category", name: category }));
    groups.push(condition({ kind: "other" }), condition({ kind: "new" }));
    for (const [bin] of bins.entries()) place[bin] = Math.min(bin, kept);
    place[bins.length - 1] = kept + 1;
  }
  groups.push(condition({ kind: "missing" }), condition({ kind: "invalid" }));
  place[bins.length] = groups.length - 2;
  place[bins.length + 1] = groups.length - 1;
  return {
    key: name,
    groups,
    groupsOf({ codes }) {
      const written = codes.get(name) ?? [];
      const groupOf = new Uint16Array(written.length);
      for (const [row, code] of written.entries()) groupOf[row] = place[code] ?? 0;
      return groupOf;
    },
  };
}

/** The values of a merged bin: after the cut before it, up to its own. */
export function rangeOf(
  { edges }: Pick<ReferenceSubject, "edges">,
  cuts: readonly number[],
  group: number,
): CauseCondition["value"] {
  const at = (cut: number | undefined) => (cut === undefined ? null : (edges[cut] ?? null));
  return { kind: "range", above: at(cuts[group - 1]), up_to: at(cuts[group]) };
}

/** The most frequent values on either side, the first by name of equals. */
function segmentDimension(segment: string, sides: readonly RowColumns[]): Dimension {
  const counts = new Map<string, number>();
  for (const side of sides)
    for (const value of side.segments.get(segment) ?? []) counts.set(value, (counts.get(value) ?? 0) + 1);
  const values = [...counts]
    .filter(([value]) => value !== "")
    .sort(([a, x], [b, y]) => y - x || (a < b ? -1 : 1))
    .slice(0, MOST_GROUPS)
    .map(([value]) => value);
  const condition = (value: CauseCondition["value"]): CauseCondition => ({
    subject_kind: "segment",
    subject: segment,
    value,
  });
  const place = new Map(values.map((value, index) => [value, index]));
  const other = values.length;
  return {
    key: `segments.${segment}`,
    groups: [
      ...values.map((name) => condition({ kind: "category", name })),
      condition({ kind: "other" }),
      condition({ kind: "missing" }),
    ],
    groupsOf: ({ segments }) =>
      Uint16Array.from(segments.get(segment) ?? [], (value) =>
        value === "" ? other + 1 : (place.get(value) ?? other),
      ),
  };
}
