/**
 * References in the store: one row a subject, one more for the values of a category that have no bin of their own, one for the labelled
 * scores of each class, and one for the model of a regression's losses.
 */
import { z } from "zod";
import type { GroupScores, LabelledScores } from "../../core/labelled-scores.ts";
import { type ReferenceSubject, subjectKinds } from "../../core/summary.ts";
import { sql } from "../../store/sql.ts";
import type { Lane } from "../../store/store.ts";
import { type LossModel, lossModelSchema } from "../estimates/loss-model.ts";
import { readProjections, writeProjections } from "../vectors/stored-projections.ts";
import type { Importance } from "./importances.ts";
import type { LoadedReference } from "./load-reference.ts";
import { readReferenceSample, writeReferenceSample } from "./reference-sample.ts";

/** `subject_kind` of the rows that hold a tail; their `subject` is the key of the subject it belongs to. */
const TAIL = "tail";
/** `subject_kind` of the rows that hold labelled scores; their `subject` is the class, their bins the rows and then the positives of each cell. */
const SCORES = "labelled-scores";
/** The same of a group; `subject` is the feature, a zero byte and the group, `categories` has the class. */
const GROUPS = "group-scores";
/** `subject_kind` of the row that holds the model of the losses, as JSON in `categories`. */
const LOSSES = "loss-model";

/** `subject_kind` of the rows that hold how much a feature matters. */
const IMPORTANCE = "importance";

const row = z.object({
  reference_id: z.string(),
  subject_kind: z.enum([...subjectKinds, TAIL, SCORES, GROUPS, LOSSES, IMPORTANCE]),
  subject: z.string(),
  kind: z.enum(["numeric", "categorical"]),
  edges: z.array(z.number()),
  categories: z.array(z.string()),
  bins: z.array(z.number()),
  means: z.array(z.number()),
  rows: z.number(),
  n: z.number(),
  missing: z.number(),
  invalid: z.number(),
  singletons: z.number(),
  mean: z.number(),
  standard_deviation: z.number(),
  minimum: z.number(),
  maximum: z.number(),
  origin: z.string(),
  content_hash: z.string(),
});

/** The reference of that id, or the newest where `referenceId` is left out; null where there is none. */
export async function readReference(lane: Lane, model: string, referenceId?: string): Promise<LoadedReference | null> {
  const which =
    referenceId === undefined
      ? sql`(SELECT argMax(reference_id, (created_at, reference_id)) FROM \`references\` WHERE model = ${model} AND reference_id NOT IN (SELECT reference_id FROM trailing_references WHERE model = ${model}))`
      : sql`${referenceId}`;
  const found = await lane.query(
    sql`SELECT reference_id, subject_kind, subject, kind, edges, categories, bins, means, rows, n, missing, invalid, singletons, mean, standard_deviation,
        minimum, maximum, origin, content_hash FROM \`references\` FINAL WHERE model = ${model} AND reference_id = ${which} ORDER BY subject_kind, subject`,
    row,
  );
  const [first] = found;
  if (first === undefined) return null;
  const subjects: ReferenceSubject[] = [];
  const tails = new Map<string, readonly string[]>();
  const labelledScores: LabelledScores[] = [];
  const groupScores: GroupScores[] = [];
  let lossModel: LossModel | null = null;
  const importances: Importance[] = [];
  for (const { subject_kind, standard_deviation, kind, singletons, ...rest } of found) {
    if (subject_kind === TAIL) tails.set(rest.subject, rest.categories);
    else if (subject_kind === SCORES) labelledScores.push(scoresOf(rest));
    else if (subject_kind === GROUPS) groupScores.push(groupOf(rest));
    else if (subject_kind === LOSSES) lossModel = lossModelSchema.parse(JSON.parse(rest.categories[0] ?? "null"));
    else if (subject_kind === IMPORTANCE)
      importances.push({ feature: rest.subject, rows: rest.n, mean: rest.mean, deviation: standard_deviation });
    else {
      const { reference_id: _id, origin: _origin, content_hash: _hash, rows: _rows, ...numbers } = rest;
      subjects.push({
        ...numbers,
        subjectKind: subject_kind,
        kind,
        standardDeviation: standard_deviation,
        ...(kind === "categorical" ? { singletons } : {}),
      });
    }
  }
  return {
    model,
    referenceId: first.reference_id,
    contentHash: first.content_hash,
    origin: first.origin,
    rows: first.rows,
    subjects,
    tails,
    labelledScores,
    groupScores,
    lossModel,
    sample: await readReferenceSample(lane, model, first.reference_id, subjects),
    importances,
    projections: await readProjections(lane, model, first.reference_id),
  };
}

function scoresOf({ subject, bins, means }: Pick<z.output<typeof row>, "subject" | "bins" | "means">): LabelledScores {
  const cells = bins.length / 2;
  return { positive: subject, rows: bins.slice(0, cells), positives: bins.slice(cells), means };
}

function groupOf({
  subject,
  categories,
  ...rest
}: Pick<z.output<typeof row>, "subject" | "categories" | "bins" | "means">): GroupScores {
  const [feature = "", group = ""] = subject.split("\0");
  return { feature, group, scores: scoresOf({ ...rest, subject: categories[0] ?? "" }) };
}

/** Stores a reference. `createdAt` says which of a model's references is the newest. */
export async function writeReference(lane: Lane, reference: LoadedReference, createdAt: number): Promise<void> {
  // First, so that a reference is never found without them.
  await writeReferenceSample(lane, reference.model, reference.referenceId, reference.sample);
  await writeProjections(lane, reference.model, reference.referenceId, reference.projections);
  const rows = rowsOf(reference);
  const column = <Value>(pick: (item: (typeof rows)[number]) => Value): Value[] => rows.map(pick);
  await lane.insertBlock("references", [
    { name: "model", type: "LowCardinality(String)", values: column(() => reference.model) },
    { name: "reference_id", type: "String", values: column(() => reference.referenceId) },
    { name: "subject_kind", type: "LowCardinality(String)", values: column((item) => item.subjectKind) },
    { name: "subject", type: "LowCardinality(String)", values: column((item) => item.subject) },
    { name: "kind", type: "String", values: column((item) => item.kind) },
    { name: "edges", type: "Array(Float64)", values: column((item) => item.edges) },
    { name: "categories", type: "Array(LowCardinality(String))", values: column((item) => item.categories) },
    { name: "bins", type: "Array(Float64)", values: column((item) => item.bins) },
    { name: "means", type: "Array(Float64)", values: column((item) => item.means) },
    { name: "rows", type: "UInt64", values: column(() => reference.rows) },
    { name: "n", type: "UInt64", values: column((item) => item.n) },
    { name: "missing", type: "UInt64", values: column((item) => item.missing) },
    { name: "invalid", type: "UInt64", values: column((item) => item.invalid) },
    { name: "singletons", type: "UInt64", values: column((item) => item.singletons) },
    { name: "mean", type: "Float64", values: column((item) => item.mean) },
    { name: "standard_deviation", type: "Float64", values: column((item) => item.standardDeviation) },
    { name: "minimum", type: "Float64", values: column((item) => item.minimum) },
    { name: "maximum", type: "Float64", values: column((item) => item.maximum) },
    { name: "origin", type: "String", values: column(() => reference.origin) },
    { name: "content_hash", type: "String", values: column(() => reference.contentHash) },
    { name: "created_at", type: "DateTime64(3, 'UTC')", values: column(() => createdAt) },
  ]);
}

/** One a subject, and one for each other thing that a reference knows. */
function rowsOf(reference: LoadedReference) {
  const empty = {
    kind: "categorical",
    edges: [],
    bins: [],
    means: [],
    n: 0,
    missing: 0,
    invalid: 0,
    singletons: 0,
    mean: 0,
    standardDeviation: 0,
    minimum: 0,
    maximum: 0,
  } as const;
  return [
    ...reference.subjects.map((subject) => ({ singletons: 0, ...subject })),
    ...[...reference.tails].map(([key, categories]) => ({ ...empty, subjectKind: TAIL, subject: key, categories })),
    ...reference.labelledScores.map(({ positive, rows: counts, positives, means }) => ({
      ...empty,
      subjectKind: SCORES,
      subject: positive,
      categories: [],
      bins: [...counts, ...positives],
      means,
    })),
    ...reference.groupScores.map(({ feature, group, scores }) => ({
      ...empty,
      subjectKind: GROUPS,
      subject: `${feature}\0${group}`,
      categories: [scores.positive],
      bins: [...scores.rows, ...scores.positives],
      means: scores.means,
    })),
    ...(reference.lossModel === null
      ? []
      : [{ ...empty, subjectKind: LOSSES, subject: LOSSES, categories: [JSON.stringify(reference.lossModel)] }]),
    ...reference.importances.map(({ feature, rows: n, mean, deviation }) => ({
      ...empty,
      subjectKind: IMPORTANCE,
      subject: feature,
      categories: [],
      n,
      mean,
      standardDeviation: deviation,
    })),
  ];
}
