/** The reference of each segment: the whole's bins, with the segment's own rows. Read from the reference file once, and stored. */
import { createHash } from "node:crypto";
import { z } from "zod";
import type { ModelConfig } from "../../config/schema.ts";
import { type Reference, type ReferenceSubject, type SubjectKind, subjectKinds } from "../../core/summary.ts";
import { total } from "../../math/total.ts";
import { sql } from "../../store/sql.ts";
import type { Lane } from "../../store/store.ts";
import { binCode, missingCode } from "../references/bin-code.ts";
import { subjectKey } from "../references/load-reference.ts";
import { openModelReference } from "../references/private-columns.ts";
import { columnNamesOfDimension, columnOfSubject, presentText } from "../references/reference-columns.ts";
import { type ReferenceColumn, type ReferenceTable } from "../references/reference-table.ts";
import { type CountedDimension, chooseSegments, LEAST_SEGMENT_ROWS } from "./choose-segments.ts";
import { type Segment, type SegmentDimension, type SegmentReference, segmentExpression } from "./segment.ts";

/** Values of a dimension that are counted; the rest is known by its sum. */
const MOST_COUNTED = 1000;

const watchedKinds: ReadonlySet<SubjectKind> = new Set<SubjectKind>(["feature", "prediction", "score"]);

/** What a reference has of the segments that the configuration names: stored, else measured. null where it names none. */
export async function segmentReference(
  lane: Lane,
  readLane: Lane,
  config: ModelConfig,
  reference: Reference,
): Promise<SegmentReference | null> {
  const { segments } = config;
  if (segments === undefined || segments.length === 0) return null;
  const key = createHash("sha256")
    .update(JSON.stringify([FORMAT, segments]))
    .digest("hex")
    .slice(0, 16);
  const stored = await readStored(lane, reference, key);
  if (stored !== null) return stored;
  const measured = await measureSegments(readLane, config, reference, segments);
  await write(lane, reference, key, measured);
  return measured;
}

/** Changes with the way in which segments are chosen and counted. */
const FORMAT = 1;

async function measureSegments(
  lane: Lane,
  config: ModelConfig,
  reference: Reference,
  names: readonly string[],
): Promise<SegmentReference> {
  const source = config.reference;
  const subjects = reference.subjects.filter(({ subjectKind }) => watchedKinds.has(subjectKind));
  if (source === undefined) return { dimensions: [], segments: [], notes: [] };
  const together = names.flatMap((name) => columnNamesOfDimension({ name, of: "segments" }));
  const table = await openModelReference(lane, config, source, together);
  try {
    const notes: string[] = [];
    const found: { readonly counted: CountedDimension; readonly column: ReferenceColumn }[] = [];
    for (const name of new Set(names)) {
      const place = placeOf(table, reference, name);
      if (typeof place === "string") notes.push(`not watched by ${name}: ${place}`);
      else found.push({ counted: await countValues(lane, name, place), column: place.column });
    }
    const chosen = chooseSegments(
      found.map(({ counted }) => counted),
      subjects.length,
    );
    const segments: Segment[] = [];
    for (const dimension of chosen.dimensions) {
      const column = found.find(({ counted }) => counted.name === dimension.name)?.column;
      if (column !== undefined) segments.push(...(await segmentsOf(lane, table, source, subjects, dimension, column)));
    }
    return inOrder({ dimensions: chosen.dimensions, segments, notes: [...notes, ...chosen.notes] }, reference);
  } finally {
    await table.close();
  }
}

interface DimensionPlace {
  readonly column: ReferenceColumn;
  readonly of: SegmentDimension["of"];
}

function placeOf({ columns }: ReferenceTable, reference: Reference, name: string): DimensionPlace | string {
  const feature = reference.subjects.find(({ subjectKind, subject }) => subjectKind === "feature" && subject === name);
  if (feature?.kind === "numeric") return "it is a number, and segments are values";
  const of = feature === undefined ? "segments" : "feature";
  const wanted = columnNamesOfDimension({ name, of });
  const [column] = wanted.flatMap((one) => columns.find((candidate) => candidate.name === one) ?? []);
  if (column === undefined) return `the reference has no column ${wanted.map((one) => `"${one}"`).join(" or ")}`;
  return { column, of };
}

async function countValues(lane: Lane, name: string, { column, of }: DimensionPlace): Promise<CountedDimension> {
  const rows = await lane.query(
    sql`SELECT v, rows, sum(rows) OVER () AS all FROM (SELECT ${presentText(column)} AS v, count() AS rows FROM ${column.from} GROUP BY v)
      ORDER BY v = '' DESC, rows DESC, v LIMIT ${MOST_COUNTED}`,
    z.object({ v: z.string(), rows: z.number(), all: z.number() }),
  );
  return {
    name,
    of,
    counts: rows.filter(({ v }) => v !== "").map((row) => [row.v, row.rows] as const),
    missing: rows.find(({ v }) => v === "")?.rows ?? 0,
    rows: rows[0]?.all ?? 0,
  };
}

async function segmentsOf(
  lane: Lane,
  table: ReferenceTable,
  source: NonNullable<ModelConfig["reference"]>,
  subjects: readonly ReferenceSubject[],
  dimension: SegmentDimension,
  column: ReferenceColumn,
): Promise<Segment[]> {
  const found = new Map<string, ReferenceSubject[]>();
  for (const subject of subjects) {
    const own = table.columns.find(({ name }) => name === columnOfSubject(subject, source));
    // Columns of very wide text files lie in files of their own, whose rows can't be put together.
    if (own === undefined || own.from.text !== column.from.text) continue;
    const rows = await lane.query(
      sql`SELECT ${segmentExpression(dimension, presentText(column))} AS segment, ${binCode(own, subject)} AS bin, count() AS n FROM ${own.from}
        GROUP BY segment, bin ORDER BY segment, bin`,
      z.object({ segment: z.string(), bin: z.number(), n: z.number() }),
    );
    const counts = new Map<string, number[]>();
    for (const { segment, bin, n } of rows) {
      const known = counts.get(segment) ?? Array.from({ length: subject.bins.length + 2 }, () => 0);
      known[bin] = n;
      counts.set(segment, known);
    }
    for (const [segment, codes] of counts) {
      if (total(codes) < LEAST_SEGMENT_ROWS) continue;
      const list = found.get(segment) ?? [];
      list.push(ofSegment(subject, codes));
      found.set(segment, list);
    }
  }
  return [...found].map(([segment, own]) => ({ dimension: dimension.name, segment, subjects: own }));
}

/** @param codes rows per bin, then missing, then invalid */
function ofSegment(whole: ReferenceSubject, codes: readonly number[]): ReferenceSubject {
  const missing = missingCode(whole);
  const n = total(codes);
  return {
    ...whole,
    bins: codes.slice(0, missing),
    n,
    missing: codes[missing] ?? 0,
    invalid: codes[missing + 1] ?? 0,
    // What no row of the whole had is as likely here as there.
    ...(whole.singletons === undefined
      ? {}
      : { singletons: Math.round((whole.singletons * n) / Math.max(1, whole.n)) }),
  };
}

const storedRow = z.object({
  dimension: z.string(),
  segment: z.string(),
  subject_kind: z.union([z.enum(subjectKinds), z.literal("")]),
  subject: z.string(),
  codes: z.array(z.number()),
  detail: z.string(),
});
const detailSchema = z.object({
  dimensions: z.array(z.object({ name: z.string(), of: z.enum(["feature", "segments"]), values: z.array(z.string()) })),
  notes: z.array(z.string()),
});

async function readStored(lane: Lane, reference: Reference, key: string): Promise<SegmentReference | null> {
  const rows = await lane.query(
    sql`SELECT dimension, segment, subject_kind, subject, codes, detail FROM reference_segments FINAL
      WHERE model = ${reference.model} AND reference_id = ${reference.referenceId} AND chosen = ${key} ORDER BY dimension, segment, subject_kind, subject`,
    storedRow,
  );
  const [detail] = rows.filter(({ subject_kind }) => subject_kind === "");
  if (detail === undefined) return null;
  const wholes = new Map(reference.subjects.map((subject) => [subjectKey(subject), subject]));
  const { dimensions, notes } = detailSchema.parse(JSON.parse(detail.detail));
  const segments = new Map<string, { dimension: string; segment: string; subjects: ReferenceSubject[] }>();
  for (const { dimension, segment, subject_kind, subject, codes } of rows) {
    if (subject_kind === "") continue;
    const whole = wholes.get(subjectKey({ subjectKind: subject_kind, subject }));
    if (whole === undefined) continue;
    const known = segments.get(segment) ?? { dimension, segment, subjects: [] };
    segments.set(segment, known);
    known.subjects.push(ofSegment(whole, codes));
  }
  return inOrder({ dimensions, segments: [...segments.values()], notes }, reference);
}

async function write(lane: Lane, reference: Reference, chosen: string, found: SegmentReference): Promise<void> {
  const base = { model: reference.model, reference_id: reference.referenceId, chosen };
  const { dimensions, notes } = found;
  await lane.insertRows("reference_segments", [
    ...found.segments.flatMap(({ dimension, segment, subjects }) =>
      subjects.map(({ subjectKind, subject, bins, missing, invalid }) => ({
        ...base,
        dimension,
        segment,
        subject_kind: subjectKind,
        subject,
        codes: [...bins, missing, invalid],
        detail: "",
      })),
    ),
    // Last, and in the same block: without it the rows don't count.
    {
      ...base,
      dimension: "",
      segment: "",
      subject_kind: "",
      subject: "",
      codes: [],
      detail: JSON.stringify({ dimensions, notes }),
    },
  ]);
}

/** The same order whether measured or stored. */
function inOrder(found: SegmentReference, reference: Reference): SegmentReference {
  const places = new Map(reference.subjects.map((subject, index) => [subjectKey(subject), index]));
  const place = (subject: ReferenceSubject) => places.get(subjectKey(subject)) ?? 0;
  const order = new Map(found.dimensions.map(({ name }, index) => [name, index]));
  return {
    ...found,
    segments: found.segments
      .map((segment) => ({ ...segment, subjects: [...segment.subjects].sort((a, b) => place(a) - place(b)) }))
      .sort(
        (a, b) =>
          (order.get(a.dimension) ?? 0) - (order.get(b.dimension) ?? 0) ||
          (a.segment < b.segment ? -1 : a.segment > b.segment ? 1 : 0),
      ),
  };
}
