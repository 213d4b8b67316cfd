/**
 * The vectors of a reference: which columns are such, what is learnt of them, and the table with the numbers that are made of them in their place.
 * All that reads a reference reads those numbers as columns like any other.
 */
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import os from "node:os";
import path from "node:path";
import { z } from "zod";
import { pinOf } from "../../config/features.ts";
import type { ReferenceConfig } from "../../config/references.ts";
import type { ModelConfig } from "../../config/schema.ts";
import { DriftlineError } from "../../core/errors.ts";
import {
  DEFAULT_DIRECTIONS,
  LEAST_DIMENSION,
  MOST_DIMENSION,
  partName,
  partNames,
  type VectorProjection,
} from "../../core/vector.ts";
import { join, name, type Sql, sql } from "../../store/sql.ts";
import type { Lane } from "../../store/store.ts";
import { columnGroups } from "../references/column-groups.ts";
import { attributedFeature } from "../references/importances.ts";
import type { ReferenceColumn, ReferenceTable } from "../references/reference-table.ts";
import { learningStep, learnProjection } from "./learn-projection.ts";
import { type Constant, fits, partValues } from "./vector-values.ts";

/** Rows looked at to see whether a column of text may be one of vectors. */
const ROWS_LOOKED_AT = 1000;
const COLUMNS_AT_ONCE = 50;
interface FoundVector {
  readonly column: ReferenceColumn;
  readonly values: Sql;
  readonly dimension: number;
  readonly directions: number;
  /** Rows of the reference. */
  readonly rows: number;
}

/**
 * @returns the table itself where it has no vectors; columns of lists that are none are left out in any case
 * @throws DriftlineError `reference_refused` where a column that is pinned as a vector holds none
 */
export async function withVectors(
  lane: Lane,
  model: ModelConfig,
  reference: ReferenceConfig,
  table: ReferenceTable,
): Promise<ReferenceTable> {
  const found: FoundVector[] = [];
  for (const column of await candidates(lane, model, reference, table)) {
    const vector = await readVector(lane, model, table, column);
    if (vector !== null) found.push(vector);
  }
  const plain = table.columns.filter(
    (column) => column.isList !== true && !found.some((vector) => vector.column === column),
  );
  if (found.length === 0) return { ...table, columns: plain };
  const rows = Math.max(...found.map((vector) => vector.rows));
  const step = learningStep(
    rows,
    found.reduce((sum, { dimension }) => sum + dimension, 0),
  );
  const projections: VectorProjection[] = [];
  for (const vector of found) projections.push(await learn(lane, table, vector, step));
  return await setAside(lane, { ...table, columns: plain, projections }, found, step);
}

/** Columns that may hold vectors: pinned as such, lists of numbers, or text that looks like them. */
async function candidates(
  lane: Lane,
  model: ModelConfig,
  reference: ReferenceConfig,
  { columns }: ReferenceTable,
): Promise<ReferenceColumn[]> {
  const { timestamp, prediction, score, label, probabilities, ignore, features, attributions } = reference;
  const taken = new Set([timestamp, prediction, score, label, ...Object.values(probabilities), ...ignore]);
  const isFree = (column: ReferenceColumn) =>
    column.vector !== undefined &&
    !taken.has(column.name) &&
    (features === undefined || features.includes(column.name)) &&
    !column.name.startsWith("segments.") &&
    attributedFeature(attributions, column.name) === null;
  const kindOf = (column: ReferenceColumn) => pinOf(model.features, column.name)?.kind;
  const free = columns.filter(isFree);
  const chosen = new Set(free.filter((column) => kindOf(column) === "vector" || (column.isList && !kindOf(column))));
  const texts = free.filter((column) => column.isList !== true && kindOf(column) === undefined);
  for (const group of columnGroups(
    texts.map((column) => ({ column })),
    { most: COLUMNS_AT_ONCE },
  )) {
    const counts = group.map(
      ({ column: { text, present } }) =>
        sql`countIf(${present} AND startsWith(trimLeft(ifNull(CAST(${text} AS Nullable(String)), '')), '['))`,
    );
    const [row] = await lane.query(
      sql`SELECT [${join(counts)}] AS lists FROM (SELECT * FROM ${group[0].column.from} LIMIT ${ROWS_LOOKED_AT}) SETTINGS max_threads = 1`,
      z.object({ lists: z.array(z.number()) }),
    );
    for (const [index, { column }] of group.entries()) if ((row?.lists[index] ?? 0) > 0) chosen.add(column);
  }
  return free.filter((column) => chosen.has(column));
}

/** As of other kinds, what most of its values are; null where they are no vectors. */
async function readVector(
  lane: Lane,
  model: ModelConfig,
  { file, columns }: ReferenceTable,
  column: ReferenceColumn,
): Promise<FoundVector | null> {
  const pin = pinOf(model.features, column.name);
  const pinned = pin?.kind === "vector" ? pin : null;
  const values = column.vector?.values ?? sql`CAST([] AS Array(Float32))`;
  const found = await lane.query(
    sql`SELECT length(${values}) AS dimension, countIf(${column.present}) AS present, count() AS rows FROM ${column.from} GROUP BY dimension ORDER BY present DESC, dimension SETTINGS short_circuit_function_evaluation = 'disable'`,
    z.object({ dimension: z.number(), present: z.number(), rows: z.number() }),
  );
  const rows = found.reduce((sum, one) => sum + one.rows, 0);
  const present = found.reduce((sum, one) => sum + one.present, 0);
  const fitting = found.filter(({ dimension }) => dimension >= LEAST_DIMENSION && dimension <= MOST_DIMENSION);
  const best = pinned?.dimension === undefined ? fitting[0] : found.find((one) => one.dimension === pinned.dimension);
  const isVector = best !== undefined && best.present > 0 && (pinned !== null || best.present * 2 > present);
  if (!isVector) {
    if (pinned === null) return null;
    const size = pinned.dimension ?? `${LEAST_DIMENSION} to ${MOST_DIMENSION}`;
    const longest = found.find(({ dimension }) => dimension > 0);
    throw new DriftlineError(
      "reference_refused",
      `reference ${file}: "${column.name}" is to be a vector (features), but no row of it is a list of ${size} numbers${longest === undefined ? "" : `; most have ${longest.dimension}`}`,
    );
  }
  const directions = pinned?.directions ?? DEFAULT_DIRECTIONS;
  const vector = { column, values, dimension: best.dimension, directions, rows };
  const names = new Set(columns.map((one) => one.name));
  const parts = partNames({
    feature: column.name,
    centroid: [],
    directions: Array.from({ length: directions }, () => []),
  });
  const clash = parts.find((part) => names.has(part));
  if (clash === undefined) return vector;
  if (pinned === null) return null;
  throw new DriftlineError(
    "reference_refused",
    `reference ${file}: the vector "${column.name}" and the column "${clash}" exclude each other, since that is what a number made of the vector is called; put one of them into reference.ignore`,
  );
}

async function learn(
  lane: Lane,
  { row }: ReferenceTable,
  { column, values, dimension, directions }: FoundVector,
  step: number,
): Promise<VectorProjection> {
  const rows =
    step === 0
      ? []
      : await lane.query(
          sql`SELECT vector FROM (SELECT ${values} AS vector, ${row} AS place FROM ${column.from} WHERE ${row} % ${step} = 0) WHERE length(vector) = ${dimension} ORDER BY place SETTINGS short_circuit_function_evaluation = 'disable'`,
          z.object({ vector: z.array(z.number()) }),
        );
  return learnProjection(
    column.name,
    dimension,
    directions,
    rows.map(({ vector }) => vector),
  );
}

type Projected = ReferenceTable & { readonly projections: readonly VectorProjection[] };

/** The number of a row in what is set aside, and a vector while it is read. */
const ROW = name("=place");
const vectorAlias = (place: number): Sql => name(`=vector${place}`);

/** Writes the other columns and the parts into files of their own, without the rows that were learnt from. */
async function setAside(
  lane: Lane,
  table: Projected,
  found: readonly FoundVector[],
  step: number,
): Promise<ReferenceTable> {
  const folder = await mkdtemp(path.join(os.tmpdir(), "driftline-vectors-"));
  const close = async () => {
    await rm(folder, { recursive: true, force: true });
    await table.close();
  };
  try {
    const constants = path.join(folder, "projections.ndjson");
    await writeFile(constants, table.projections.flatMap(constantLines).join(""));
    const columns: ReferenceColumn[] = [];
    const places = new Map(
      [...table.columns, ...found.map(({ column }) => column)].map(({ from }) => [from.text, from]),
    );
    for (const [index, from] of [...places.values()].entries()) {
      const aside = sql`file(${path.join(folder, `${index}.parquet`)}, 'Parquet')`;
      const here = found.flatMap((vector, place) => {
        const projection = table.projections[place];
        return vector.column.from.text === from.text && projection !== undefined
          ? [{ ...vector, projection, place }]
          : [];
      });
      const parts = here.flatMap((vector) => partColumns(vector, aside, constants));
      const raw = here.flatMap(({ column }) => (column.vector === undefined ? [] : [name(column.vector.column)]));
      const read = here.map(({ values, place }) => sql`, ${values} AS ${vectorAlias(place)}`);
      const left = [...raw, ...here.map(({ place }) => vectorAlias(place))];
      const made = parts.map(({ value, alias }) => sql`, ${value} AS ${alias}`);
      const kept = step === 0 ? sql`true` : sql`${ROW} % ${step} != 0`;
      // By one thread, so that rows stay in the order of the file; and without short cuts, for which a vector would be read from its text several times.
      await lane.command(sql`INSERT INTO FUNCTION ${aside} SETTINGS max_threads = 1, short_circuit_function_evaluation = 'disable' SELECT *${left.length === 0 ? sql`` : sql` EXCEPT (${join(left)})`}${join(made, "")}
        FROM (SELECT *, ${table.row} AS ${ROW}${join(read, "")} FROM ${from}) WHERE ${kept}`);
      for (const column of table.columns) if (column.from.text === from.text) columns.push({ ...column, from: aside });
      columns.push(...parts.map(({ column }) => column));
    }
    return { ...table, columns, row: ROW, close };
  } catch (thrown) {
    await close();
    throw thrown;
  }
}

/** The numbers that are made of a vector: NULL where there is none, NaN where it is invalid. */
function partColumns(
  { column, projection, place }: FoundVector & { readonly projection: VectorProjection; readonly place: number },
  from: Sql,
  constants: string,
): { readonly value: Sql; readonly alias: Sql; readonly column: ReferenceColumn }[] {
  const constant: Constant = (part) =>
    sql`(SELECT any(CAST(numbers AS Array(Float64))) FROM file(${constants}, 'JSONEachRow', 'feature String, part String, numbers Array(Float32)') WHERE feature = ${projection.feature} AND part = ${part})`;
  const vector = vectorAlias(place);
  return partValues(vector, projection, constant).map(({ part, value }, index) => {
    const alias = name(`=${place}.${index}`);
    return {
      alias,
      value: sql`multiIf(NOT (${column.present}), NULL, NOT (${fits(vector, projection)}), nan, CAST(${value} AS Nullable(Float64)))`,
      column: {
        name: partName(projection.feature, part),
        from,
        text: sql`toString(${alias})`,
        number: alias,
        present: sql`isNotNull(${alias})`,
        numeric: sql`true`,
      },
    };
  });
}

function constantLines({ feature, centroid, directions }: VectorProjection): string[] {
  const line = (part: string, numbers: readonly number[]) => `${JSON.stringify({ feature, part, numbers })}\n`;
  if (centroid === null) return [];
  return [line("centroid", centroid), ...directions.map((numbers, index) => line(`direction_${index + 1}`, numbers))];
}
