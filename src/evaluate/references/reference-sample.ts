/** Draws a sample of a reference's rows by hash, when it is loaded, and keeps it in the store. */
import { z } from "zod";
import type { RowSample } from "../../core/row-sample.ts";
import type { ReferenceSubject } from "../../core/summary.ts";
import { list, sql } from "../../store/sql.ts";
import type { Lane } from "../../store/store.ts";
import { cellsOf, sampledFeatures, sampleOf } from "../multivariate/sample-cells.ts";
import { textOrEmpty } from "../value-expressions.ts";
import type { ReferenceColumn } from "./reference-table.ts";

/** Rows kept: as many as a detector can ask for. */
const MOST_ROWS = 10_000;
/** Cells kept: of very many features fewer rows. */
const MOST_CELLS = 1_000_000;
const ROWS_AT_ONCE = 5000;

/**
 * The rows with the least hashes. A file's rows have no ids, so the hash is of a row's content and of its number among its equals: that
 * does not depend on the order in which the file is read, and each of many equal rows has its own chance.
 *
 * @returns null where fewer than two features lie in one place; others than those of the first place are left out
 */
export async function drawReferenceSample(
  lane: Lane,
  subjects: readonly ReferenceSubject[],
  columns: readonly ReferenceColumn[],
): Promise<RowSample | null> {
  const byName = new Map(columns.map((column) => [column.name, column]));
  const all = sampledFeatures(subjects);
  const from = byName.get(all[0]?.subject ?? "")?.from;
  const features = all.filter(({ subject }) => byName.get(subject)?.from.text === from?.text);
  if (from === undefined || features.length < 2) return null;
  const cells = cellsOf(features, ({ subject }) => {
    const column = byName.get(subject);
    if (column === undefined) return { present: sql`false`, number: sql`0`, text: sql`''` };
    return {
      present:
        features.find((feature) => feature.subject === subject)?.kind === "numeric"
          ? sql`(${column.present} AND isFinite(ifNull(${column.number}, nan)))`
          : column.present,
      number: sql`ifNull(${column.number}, 0)`,
      text: textOrEmpty(column.text),
    };
  });
  const rows = Math.min(MOST_ROWS, Math.floor(MOST_CELLS / features.length));
  const contents = sql`SELECT cityHash64(cells) AS content, count() AS copies FROM (SELECT ${cells} AS cells FROM ${from}) GROUP BY content`;
  const drawn = await lane.query(
    sql`SELECT toString(content) AS content, toUInt32(bitAnd(h, 4294967295)) AS hash
      FROM (SELECT content, copies, arrayJoin(range(copies)) AS copy, cityHash64(content, copy) AS h FROM (${contents})) ORDER BY h, content LIMIT ${rows}`,
    z.object({ content: z.string(), hash: z.number() }),
  );
  const cellsByContent = new Map<string, readonly (number | null)[]>();
  const wanted = [...new Set(drawn.map(({ content }) => content))];
  for (let at = 0; at < wanted.length; at += ROWS_AT_ONCE) {
    const found = await lane.query(
      sql`SELECT toString(cityHash64(cells)) AS content, any(cells) AS row_cells FROM (SELECT ${cells} AS cells FROM ${from})
        WHERE cityHash64(cells) IN ${list(wanted.slice(at, at + ROWS_AT_ONCE).map(BigInt))} GROUP BY content`,
      z.object({ content: z.string(), row_cells: z.array(z.number().nullable()) }),
    );
    for (const { content, row_cells: values } of found) cellsByContent.set(content, values);
  }
  const read = drawn.map(({ content, hash }) => ({ hash, cells: cellsByContent.get(content) ?? [] }));
  return sampleOf(features, read, Math.max(...subjects.map(({ n }) => n)));
}

/** Writes the sample of a reference; none where it is null. */
export async function writeReferenceSample(
  lane: Lane,
  model: string,
  referenceId: string,
  sample: RowSample | null,
): Promise<void> {
  const rows = sample?.hashes.length ?? 0;
  if (sample === null) return;
  const names = sample.columns.map(({ name }) => name);
  for (let at = 0; at < rows; at += ROWS_AT_ONCE) {
    const places = Array.from({ length: Math.min(ROWS_AT_ONCE, rows - at) }, (_, index) => at + index);
    await lane.insertBlock("reference_samples", [
      { name: "model", type: "LowCardinality(String)", values: places.map(() => model) },
      { name: "reference_id", type: "LowCardinality(String)", values: places.map(() => referenceId) },
      { name: "place", type: "UInt32", values: places },
      { name: "hash", type: "UInt32", values: places.map((place) => sample.hashes[place] ?? 0) },
      { name: "rows", type: "UInt64", values: places.map(() => sample.of) },
      {
        name: "features",
        type: "Array(LowCardinality(String))",
        values: places.map((place) => (place === 0 ? names : [])),
      },
      {
        name: "cells",
        type: "Array(Float64)",
        values: places.map((place) => sample.columns.map(({ values }) => values[place] ?? Number.NaN)),
      },
    ]);
  }
}

/** The stored sample of a reference; null where there is none. */
export async function readReferenceSample(
  lane: Lane,
  model: string,
  referenceId: string,
  subjects: readonly ReferenceSubject[],
): Promise<RowSample | null> {
  const rows = await lane.query(
    sql`SELECT hash, rows, features, cells FROM reference_samples FINAL WHERE model = ${model} AND reference_id = ${referenceId} ORDER BY place`,
    z.object({
      hash: z.number(),
      rows: z.number(),
      features: z.array(z.string()),
      cells: z.array(z.number().nullable()),
    }),
  );
  const [first] = rows;
  if (first === undefined) return null;
  const kinds = new Map(
    subjects.filter(({ subjectKind }) => subjectKind === "feature").map(({ subject, kind }) => [subject, kind]),
  );
  const features = first.features.map((subject) => ({ subject, kind: kinds.get(subject) ?? "numeric" }));
  return sampleOf(features, rows, first.rows);
}
