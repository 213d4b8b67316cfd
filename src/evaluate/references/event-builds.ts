/**
 * References made of events in the store. What is asked for names the build: made once, it stays what it was, whatever comes late, is labelled
 * later or is taken by retention, and every start reads the same rows. Which events are in it follows from their event time and never from now.
 */
import { createHash } from "node:crypto";
import { z } from "zod";
import { canonicalJson } from "../../config/canonical-json.ts";
import {
  columnsOfReference,
  type EventSelection,
  MOST_REFERENCE_EVENTS,
  type ReferenceConfig,
  selectionText,
} from "../../config/references.ts";
import type { ModelConfig } from "../../config/schema.ts";
import type { Clock } from "../../core/clock.ts";
import { predictionsTable } from "../../store/model-tables.ts";
import { name, sql, time } from "../../store/sql.ts";
import type { Lane } from "../../store/store.ts";
import { readFeedingPartitions, readPartitionTimes, watermarkOf } from "../watermark.ts";
import { ofVersion, readEventLines, rowsAtOnce, type WantedEvents } from "./event-rows.ts";

const buildRow = z.object({
  build_id: z.string(),
  model: z.string(),
  origin: z.string(),
  rows: z.number(),
  first_ms: z.number(),
  last_ms: z.number(),
  content_hash: z.string(),
  built_ms: z.number(),
});
/** A build that is stored; times in ms. */
export type ReferenceBuild = z.output<typeof buildRow>;

const BUILD_COLUMNS = sql`build_id, model, origin, rows, toUnixTimestamp64Milli(first_at) AS first_ms, toUnixTimestamp64Milli(last_at) AS last_ms,
  content_hash, toUnixTimestamp64Milli(built_at) AS built_ms`;

/** The builds of a model, the newest first; of all models where it is left out. */
export function readBuilds(lane: Lane, model?: string): Promise<ReferenceBuild[]> {
  const which = model === undefined ? sql`true` : sql`model = ${model}`;
  return lane.query(
    sql`SELECT ${BUILD_COLUMNS} FROM reference_builds FINAL WHERE ${which} ORDER BY built_at DESC, model, build_id LIMIT 1000`,
    buildRow,
  );
}

export async function readBuild(lane: Lane, model: string, buildId: string): Promise<ReferenceBuild | null> {
  const [found] = await lane.query(
    sql`SELECT ${BUILD_COLUMNS} FROM reference_builds FINAL WHERE model = ${model} AND build_id = ${buildId}`,
    buildRow,
  );
  return found ?? null;
}

/** The name of what is asked for: the same events under the same columns are the same build. */
export function buildIdOf(model: ModelConfig, reference: ReferenceConfig, selection: EventSelection): string {
  const { features: _, ignore: __, ...columns } = columnsOfReference(reference);
  const parts = { model: model.name, task: model.task, segments: model.segments ?? [], selection, columns };
  return `b${createHash("sha256").update(canonicalJson(parts)).digest("hex").slice(0, 12)}`;
}

export type BuildOutcome =
  | { readonly build: ReferenceBuild }
  /** Why there is none yet, in a sentence without a full stop. */
  | { readonly missing: string };

/** Makes a build, or finds the one that was made. A crash in between leaves rows that do not count, and it is made again. */
export async function buildReference(
  lane: Lane,
  model: ModelConfig,
  reference: ReferenceConfig,
  selection: EventSelection,
  clock: Clock,
): Promise<BuildOutcome> {
  const id = buildIdOf(model, reference, selection);
  const known = await readBuild(lane, model.name, id);
  if (known !== null) return { build: known };
  const wanted = await wantedEvents(lane, model, selection, clock);
  if (typeof wanted === "string") return { missing: wanted };
  return await storeBuild(lane, model, reference, selection, wanted, id, clock);
}

async function storeBuild(
  lane: Lane,
  model: ModelConfig,
  reference: ReferenceConfig,
  selection: EventSelection,
  wanted: WantedEvents,
  id: string,
  clock: Clock,
): Promise<BuildOutcome> {
  const hash = createHash("sha256");
  let rows = 0;
  let firstAt = 0;
  let lastAt = 0;
  for await (const lines of readEventLines(lane, model, reference, wanted)) {
    if (rows === 0) firstAt = lines[0]?.at ?? 0;
    lastAt = lines.at(-1)?.at ?? lastAt;
    for (const { line } of lines) hash.update(`${line}\n`);
    const start = rows;
    await lane.insertBlock("reference_build_rows", [
      { name: "model", type: "LowCardinality(String)", values: lines.map(() => model.name) },
      { name: "build_id", type: "LowCardinality(String)", values: lines.map(() => id) },
      { name: "number", type: "UInt32", values: lines.map((_, index) => start + index) },
      { name: "id", type: "String", values: lines.map((one) => one.id) },
      { name: "row", type: "String", values: lines.map(({ line }) => line) },
    ]);
    rows += lines.length;
  }
  // Copies were counted until now: with them left out it may be too few.
  if (rows === 0 || (selection.kind === "first" && rows < selection.first))
    return { missing: missingText(selection, rows) };
  const part = wanted.every > 1 ? `, every ${wanted.every}th by the hash of its id` : "";
  await lane.insertRows("reference_builds", [
    {
      model: model.name,
      build_id: id,
      selection: JSON.stringify(selection),
      origin: `${selectionText(selection)}${part} (${id})`,
      rows,
      first_at: firstAt,
      last_at: lastAt,
      content_hash: hash.digest("hex"),
      built_at: clock.now(),
    },
  ]);
  const build = await readBuild(lane, model.name, id);
  return build === null ? { missing: "the store has not kept it" } : { build };
}

const missingText = (selection: EventSelection, events: number): string =>
  selection.kind === "first"
    ? `${events} of ${selection.first} events${selection.version === null ? "" : ` of version ${selection.version}`} are there; ${selection.first - events} are missing`
    : `there are no ${selectionText(selection)}`;

/** The events, once they are complete; else what is missing. */
async function wantedEvents(
  lane: Lane,
  model: ModelConfig,
  selection: EventSelection,
  clock: Clock,
): Promise<WantedEvents | string> {
  if (!(await hasTable(lane, model.name))) return missingText(selection, 0);
  const complete = await completeUpTo(lane, model, clock.now());
  if (complete === null) return missingText(selection, 0);
  const { version } = selection;
  const to = selection.kind === "range" ? selection.to : complete;
  if (to > complete)
    return `the store is complete up to ${new Date(complete).toISOString()}, and events up to ${new Date(to).toISOString()} are asked for`;
  const before = sql`timestamp < ${time(to)} AND ${ofVersion(version)}`;
  const within = selection.kind === "range" ? sql`${before} AND timestamp >= ${time(selection.from)}` : before;
  const [counted] = await lane.query(
    sql`SELECT count() AS rows, toUnixTimestamp64Milli(min(timestamp)) AS first FROM ${name(predictionsTable(model.name))} WHERE ${within}`,
    z.object({ rows: z.number(), first: z.number() }),
  );
  const { rows = 0, first = 0 } = counted ?? {};
  if (rows === 0) return missingText(selection, 0);
  if (selection.kind === "range") {
    const every = Math.ceil(rows / MOST_REFERENCE_EVENTS);
    return { span: { from: selection.from, to }, version, most: Number.MAX_SAFE_INTEGER, every };
  }
  if (rows < selection.first) return missingText(selection, rows);
  return { span: { from: first, to }, version, most: selection.first, every: 1 };
}

async function hasTable(lane: Lane, model: string): Promise<boolean> {
  const found = await lane.query(
    sql`SELECT name FROM system.tables WHERE database = currentDatabase() AND name = ${predictionsTable(model)}`,
    z.object({ name: z.string() }),
  );
  return found.length > 0;
}

/** Event time, ms, up to which the store has all events; null where it has none. Where nothing came for as long as commit records are kept, all. */
async function completeUpTo(
  lane: Lane,
  { name: model, allowed_lateness }: ModelConfig,
  now: number,
): Promise<number | null> {
  const feeding = await readFeedingPartitions(lane, model);
  const watermark = watermarkOf(await readPartitionTimes(lane), feeding, allowed_lateness, now);
  if (Number.isFinite(watermark)) return watermark;
  const [newest] = await lane.query(
    sql`SELECT count() AS rows, toUnixTimestamp64Milli(max(timestamp)) AS last FROM ${name(predictionsTable(model))}`,
    z.object({ rows: z.number(), last: z.number() }),
  );
  return newest === undefined || newest.rows === 0 ? null : newest.last + 1;
}

/** The rows of a build as NDJSON, some thousand at a time. */
export async function* readBuildLines(lane: Lane, { model, build_id, rows }: ReferenceBuild): AsyncGenerator<string> {
  let atOnce = 1000;
  for (let from = 0, to = 0; from < rows; from = to) {
    to = Math.min(rows, from + atOnce);
    const some = await lane.query(
      sql`SELECT row FROM reference_build_rows FINAL WHERE model = ${model} AND build_id = ${build_id} AND number >= ${from} AND number < ${to} ORDER BY number`,
      z.object({ row: z.string() }),
    );
    const text = some.map(({ row }) => `${row}\n`).join("");
    atOnce = rowsAtOnce(text.length / Math.max(1, some.length));
    yield text;
  }
}
