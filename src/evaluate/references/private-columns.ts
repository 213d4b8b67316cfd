/** A reference as the events of a model are stored: dropped columns are not there, hashed ones hold the same hashes. */
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import os from "node:os";
import path from "node:path";
import { z } from "zod";
import { type Privacy, privacyOf, type Way } from "../../config/privacy.ts";
import type { ModelConfig } from "../../config/schema.ts";
import { DriftlineError } from "../../core/errors.ts";
import { name, sql } from "../../store/sql.ts";
import type { Lane } from "../../store/store.ts";
import { withVectors } from "../vectors/reference-vectors.ts";
import { heldTable } from "./held-tables.ts";
import { attributedFeature } from "./importances.ts";
import { openReferenceTable, type ReferenceColumn, type ReferenceTable } from "./reference-table.ts";

const SEGMENT = "segments.";
/** Different values of a hashed column: each is hashed here and looked up in the engine. */
const VALUES_MAX = 100_000;

/** Opens a model's reference, made as private as its events, its vectors as the numbers that are made of them. @throws DriftlineError `reference_refused` */
export async function openModelReference(
  lane: Lane,
  model: ModelConfig,
  reference: Written,
  together: readonly string[],
): Promise<ReferenceTable> {
  return await heldTable(model, () => openPrivate(lane, model, reference, together));
}

async function openPrivate(
  lane: Lane,
  model: ModelConfig,
  reference: Written,
  together: readonly string[],
): Promise<ReferenceTable> {
  const table = await openReferenceTable(lane, reference, together);
  const privacy = reference.as_stored ? null : privacyOf(model);
  let opened = table;
  try {
    if (privacy !== null) opened = await privateTable(lane, table, privacy, wayOf(privacy, reference));
    return await withVectors(lane, model, reference, opened);
  } catch (thrown) {
    await opened.close();
    throw thrown;
  }
}

type Written = NonNullable<ModelConfig["reference"]>;

/** What is done with a column: outcomes and times are no features, whatever a pattern matches. */
function wayOf(privacy: Privacy, reference: Written): (column: string) => Way | null {
  const { timestamp, prediction, score, label, probabilities } = reference;
  const kept = new Set([timestamp, prediction, score, label, ...Object.values(probabilities)]);
  return (column) => {
    if (kept.has(column)) return null;
    if (column.startsWith(SEGMENT)) return privacy.segment(column.slice(SEGMENT.length));
    const attributed = attributedFeature(reference.attributions, column);
    return attributed === null ? privacy.feature(column) : privacy.attribution(attributed);
  };
}

async function privateTable(
  lane: Lane,
  table: ReferenceTable,
  privacy: Privacy,
  chosen: (column: string) => Way | null,
): Promise<ReferenceTable> {
  const folder = await mkdtemp(path.join(os.tmpdir(), "driftline-hashes-"));
  const close = async () => {
    await rm(folder, { recursive: true, force: true });
    await table.close();
  };
  try {
    const columns: ReferenceColumn[] = [];
    for (const [index, column] of table.columns.entries()) {
      const way = chosen(column.name);
      // A hash is no vector.
      if (way === "hash" && column.isList === true) continue;
      if (way === "hash")
        columns.push(await hashed(lane, table, column, privacy, path.join(folder, `${index}.ndjson`)));
      else if (way === null) columns.push(column);
    }
    return { ...table, columns, close };
  } catch (thrown) {
    await close();
    throw thrown;
  }
}

/** The key stays here: the engine, and its log of queries, sees neither it nor the values. */
async function hashed(
  lane: Lane,
  { file }: ReferenceTable,
  column: ReferenceColumn,
  { hash }: Privacy,
  aside: string,
): Promise<ReferenceColumn> {
  const values = await lane.query(
    sql`SELECT DISTINCT ${column.text} AS value FROM ${column.from} WHERE isNotNull(value) ORDER BY value LIMIT ${VALUES_MAX + 1}`,
    z.object({ value: z.string() }),
  );
  if (values.length > VALUES_MAX)
    throw new DriftlineError(
      "reference_refused",
      `reference ${file}: "${column.name}" has more than ${VALUES_MAX} values, too many to hash; drop it (privacy.features)`,
    );
  if (values.length === 0) return column;
  await writeFile(aside, values.map(({ value }) => `${JSON.stringify({ v: value, h: hash(value) })}\n`).join(""), {
    mode: 0o600,
  });
  const all = (what: "v" | "h") =>
    sql`(SELECT groupArray(${name(what)}) FROM (SELECT v, h FROM file(${aside}, 'JSONEachRow', 'v String, h String') ORDER BY v))`;
  const { vector: _, ...plain } = column;
  return {
    ...plain,
    text: sql`if(isNull(${column.text}), NULL, transform(assumeNotNull(${column.text}), ${all("v")}, ${all("h")}, ''))`,
    number: sql`CAST(NULL AS Nullable(Float64))`,
    numeric: sql`false`,
  };
}
