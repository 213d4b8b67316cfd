/** Reads a model's reference file into summaries, named by a hash of their content. */
import { createHash } from "node:crypto";
import { pinOf } from "../../config/features.ts";
import type { ModelConfig } from "../../config/schema.ts";
import { DriftlineError } from "../../core/errors.ts";
import type { GroupScores, LabelledScores } from "../../core/labelled-scores.ts";
import type { FeatureKind } from "../../core/model-schema.ts";
import type { RowSample } from "../../core/row-sample.ts";
import type { Reference, SubjectKind } from "../../core/summary.ts";
import { partNames, type VectorProjection } from "../../core/vector.ts";
import type { Lane } from "../../store/store.ts";
import type { LossModel } from "../estimates/loss-model.ts";
import { bindSampleDetectors } from "../multivariate/bound-detectors.ts";
import { outcomeKind } from "../value-expressions.ts";
import { type ColumnCounts, countColumns, inferKind } from "./column-kinds.ts";
import { attributedFeature, type Importance, readImportance } from "./importances.ts";
import { readLossModel } from "./labelled-losses.ts";
import { readGroupScores, readLabelledScores } from "./labelled-scores.ts";
import { openModelReference } from "./private-columns.ts";
import { type ReferenceRows, readReferenceRows } from "./reference-rows.ts";
import { drawReferenceSample } from "./reference-sample.ts";
import { categoricalSubject, type LoadedSubject, numericSubjects } from "./reference-subjects.ts";
import { type ReferenceColumn, type ReferenceTable } from "./reference-table.ts";

export interface LoadedReference extends Reference {
  /** By subject key: values seen in the reference that have no bin of their own. */
  readonly tails: ReadonlyMap<string, readonly string[]>;
  /** One a class; empty where the reference has no predictions, scores and labels. */
  readonly labelledScores: readonly LabelledScores[];
  /** By group, of a binary model whose fairness is watched. */
  readonly groupScores: readonly GroupScores[];
  /** Of a regression whose errors are to be estimated; null where there is none. */
  readonly lossModel: LossModel | null;
  /** Rows by hash; null where no detector needs them, or fewer than two features can be read together. */
  readonly sample: RowSample | null;
  /** One a feature with attributions. */
  readonly importances: readonly Importance[];
  /** One a vector feature: what the numbers that are made of it are measured against. */
  readonly projections: readonly VectorProjection[];
}

/** The key of a subject in maps: kind and name. */
export const subjectKey = (subject: { readonly subjectKind: SubjectKind; readonly subject: string }): string =>
  `${subject.subjectKind}/${subject.subject}`;

interface Role {
  readonly column: ReferenceColumn;
  readonly subjectKind: SubjectKind;
  readonly subject: string;
  /** Left out: inferred. */
  readonly kind?: FeatureKind;
}

/** Called while the file is open: may read a sample of its rows. */
export type KeepRows = (reference: LoadedReference, read: () => Promise<ReferenceRows | null>) => Promise<void>;

/**
 * Loads the file that `model.reference` names. `lane` must see the file's disk.
 *
 * @throws DriftlineError `reference_refused` where it can't be read, has no rows, or lacks a column that the configuration names
 */
export async function loadReference(lane: Lane, model: ModelConfig, keepRows?: KeepRows): Promise<LoadedReference> {
  if (model.reference === undefined)
    throw new DriftlineError("reference_refused", `model ${model.name} names no reference`);
  const table = await openModelReference(lane, model, model.reference, outcomeColumns(model.reference));
  try {
    const reference = await summarise(lane, model, table);
    await keepRows?.(reference, () => readReferenceRows(lane, model, table, reference.subjects, reference.rows));
    return reference;
  } finally {
    await table.close();
  }
}

async function summarise(lane: Lane, model: ModelConfig, table: ReferenceTable): Promise<LoadedReference> {
  const roles = rolesOf(model, table);
  const counts = await countColumns(lane, table);
  const loaded = await loadSubjects(lane, roles, counts);
  const importances: Importance[] = [];
  for (const { column, subjectKind, subject } of roles) {
    const known = loaded.find((one) => one.subject.subjectKind === subjectKind && one.subject.subject === subject);
    if (subjectKind === "attribution" && known !== undefined)
      importances.push(await readImportance(lane, known.subject, column));
  }
  const rows = Math.max(0, ...[...counts.values()].map((column) => column.rows));
  const labelledScores = await readLabelledScores(lane, model, table.columns);
  const groupScores = await readGroupScores(lane, model, table.columns);
  const subjects = loaded.map(({ subject }) => subject);
  const lossModel = await readLossModel(lane, model, table.columns, subjects);
  const isSampled = bindSampleDetectors(model, subjects).length > 0;
  const sample = isSampled ? await drawReferenceSample(lane, subjects, table.columns) : null;
  const labelled = [
    ...(labelledScores.length === 0 ? [] : [labelledScores]),
    ...(groupScores.length === 0 ? [] : [groupScores]),
    // Its moments follow from the same rows.
    ...(lossModel === null ? [] : [{ ...lossModel, moments: undefined }]),
  ];
  const projections = table.projections ?? [];
  const contentHash = hashOf(loaded, projections.length === 0 ? labelled : [...labelled, projections], sample);
  return {
    model: model.name,
    referenceId: `r${contentHash.slice(0, 12)}`,
    contentHash,
    origin: `file ${table.file}`,
    rows,
    subjects,
    tails: new Map(
      loaded.filter(({ tail }) => tail.length > 0).map(({ subject, tail }) => [subjectKey(subject), tail]),
    ),
    labelledScores,
    groupScores,
    lossModel,
    sample,
    importances,
    projections,
  };
}

async function loadSubjects(
  lane: Lane,
  roles: readonly Role[],
  counts: ReadonlyMap<string, ColumnCounts>,
): Promise<LoadedSubject[]> {
  const places = roles.flatMap(({ column, subjectKind, subject, kind }) => {
    const counted = counts.get(column.name);
    return counted === undefined
      ? []
      : [{ lane, column, counts: counted, subjectKind, subject, kind: kind ?? inferKind(counted) }];
  });
  const numeric = places.filter(({ kind }) => kind === "numeric");
  const numbers = new Map((await numericSubjects(lane, numeric)).map((found, index) => [numeric[index], found]));
  const loaded: LoadedSubject[] = [];
  for (const place of places) {
    const classes = place.subjectKind === "prediction" || place.subjectKind === "label";
    const found = numbers.get(place) ?? (await categoricalSubject(place, classes));
    loaded.push(place.subjectKind === "attribution" ? ofPresent(found) : found);
  }
  return loaded;
}

/** Often only some predictions are explained: one without attributions is no missing value. */
function ofPresent({ subject, tail }: LoadedSubject): LoadedSubject {
  return { subject: { ...subject, n: subject.n - subject.missing, missing: 0 }, tail };
}

function rolesOf(model: ModelConfig, { file, columns, projections = [] }: ReferenceTable): Role[] {
  const reference = model.reference;
  if (reference === undefined) return [];
  const byName = new Map(columns.map((column) => [column.name, column]));
  const taken = new Set([
    reference.timestamp,
    reference.prediction,
    reference.score,
    reference.label,
    ...Object.values(reference.probabilities),
    ...reference.ignore,
    ...(model.segments ?? []).map((name) => `segments.${name}`),
  ]);
  const attributed = columns.flatMap((column) => {
    const subject = taken.has(column.name) ? null : attributedFeature(reference.attributions, column.name);
    return subject === null ? [] : [{ column, subjectKind: "attribution", subject, kind: "numeric" } as const];
  });
  for (const { column } of attributed) taken.add(column.name);
  const partsOf = new Map(projections.map((projection) => [projection.feature, partNames(projection)]));
  const isPart = new Set([...partsOf.values()].flat());
  const names =
    reference.features?.flatMap((feature) => partsOf.get(feature) ?? feature) ??
    columns.map((column) => column.name).filter((column) => !taken.has(column));
  const roles: Role[] = [...attributed];
  for (const feature of names) {
    const column = byName.get(feature);
    if (column === undefined)
      throw new DriftlineError(
        "reference_refused",
        `reference ${file} has no column "${feature}"; it has ${[...byName.keys()].slice(0, 50).join(", ")}`,
      );
    const pinned = pinOf(model.features, feature)?.kind;
    if (pinned === "ignore") continue;
    const kind = isPart.has(feature) ? "numeric" : pinned === "vector" ? undefined : pinned;
    roles.push({ column, subjectKind: "feature", subject: feature, ...(kind === undefined ? {} : { kind }) });
  }
  const kind = outcomeKind(model.task);
  const others: readonly (readonly [SubjectKind, string, FeatureKind])[] = [
    ["prediction", reference.prediction, kind],
    ["score", reference.score, "numeric"],
    ["label", reference.label, kind],
  ];
  for (const [subjectKind, columnName, columnKind] of others) {
    const column = byName.get(columnName);
    if (column !== undefined) roles.push({ column, subjectKind, subject: subjectKind, kind: columnKind });
  }
  return roles;
}

/** Columns that are read together. */
const outcomeColumns = ({
  prediction,
  score,
  label,
  probabilities,
}: NonNullable<ModelConfig["reference"]>): string[] => [prediction, score, label, ...Object.values(probabilities)];

/** Over what decides the numbers; means and deviations follow from the same rows. `labelled`: what was read of labelled rows. */
function hashOf(loaded: readonly LoadedSubject[], labelled: readonly unknown[], sample: RowSample | null): string {
  const content = loaded.map(({ subject, tail }) => [
    subject.subjectKind,
    subject.subject,
    subject.kind,
    subject.edges,
    subject.categories,
    subject.bins,
    subject.n,
    subject.missing,
    subject.invalid,
    subject.mean,
    subject.standardDeviation,
    tail,
  ]);
  const hash = createHash("sha256").update(JSON.stringify(labelled.length === 0 ? content : [content, ...labelled]));
  // The hash of a row is of all its cells: two references with the same features that go together otherwise differ here.
  if (sample !== null) hash.update(JSON.stringify([...sample.hashes]));
  return hash.digest("hex");
}
