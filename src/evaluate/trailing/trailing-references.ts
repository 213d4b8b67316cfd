/**
 * Trailing references: what windows are compared with where a model asks for the events some time before them. Time is cut into steps; all
 * windows that begin in one have the same reference, made of the events of [step - lag - length, step - lag) the first time that it is asked for and
 * stored then, so that a restart, a late event and a replay find the same. Window detectors alone use it: all else keeps to the fixed reference.
 */
import { createHash } from "node:crypto";
import { createWriteStream } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import os from "node:os";
import path from "node:path";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { z } from "zod";
import { canonicalJson } from "../../config/canonical-json.ts";
import { columnsOfReference, type ReferenceConfig, type TrailingConfig } from "../../config/references.ts";
import type { Clock } from "../../core/clock.ts";
import { partNames } from "../../core/vector.ts";
import { predictionsTable } from "../../store/model-tables.ts";
import { name, sql, time } from "../../store/sql.ts";
import type { Lane } from "../../store/store.ts";
import { type Span, withinSpan } from "../kept-rows.ts";
import type { PreparedModel } from "../prepare-model.ts";
import { readEventLines } from "../references/event-rows.ts";
import { type LoadedReference, loadReference, subjectKey } from "../references/load-reference.ts";
import { readReference, writeReference } from "../references/stored-reference.ts";
import { ofVersions } from "../version-scope.ts";

/** What the windows of a step are compared with. */
export interface TrailingReference {
  readonly step: number;
  /** The model under it; null where there were too few events. */
  readonly own: PreparedModel | null;
  readonly rows: number;
}

export interface TrailingReferences {
  /** Start of the step that a window begins in, ms. */
  stepOf(start: number): number;
  ofStep(prepared: PreparedModel, step: number): Promise<TrailingReference>;
  /** The same of another store, which it reads from and writes to. */
  of(lane: Lane): TrailingReferences;
}

/** Events of one at most; of more every so many-th is taken, by the hash of its id. */
const MOST_EVENTS = 50_000;
/** Fewer are no reference. */
export const LEAST_TRAILING_EVENTS = 200;
/** A column that no event has. */
const NO_LABEL = "no label";
/** Steps kept in memory; others are read again. */
const MOST_REMEMBERED = 8;

/** @param readLane sees the disk that the rows of a reference are written to for a moment */
export function openTrailing(
  lane: Lane,
  readLane: Lane,
  reference: ReferenceConfig,
  clock: Clock,
): TrailingReferences | null {
  const { trailing } = reference;
  return trailing === undefined ? null : trailingIn(lane, { readLane, reference, trailing, clock });
}

function trailingIn(lane: Lane, asked: Omit<Place, "lane" | "prepared">): TrailingReferences {
  const { every } = asked.trailing;
  const known = new Map<number, Promise<TrailingReference>>();
  return {
    stepOf: (start) => Math.floor(start / every) * every,
    ofStep(prepared, step) {
      const found = known.get(step) ?? find({ ...asked, lane, prepared }, step);
      known.delete(step);
      known.set(step, found);
      found.catch(() => known.delete(step));
      const oldest = known.size > MOST_REMEMBERED ? known.keys().next().value : undefined;
      if (oldest !== undefined) known.delete(oldest);
      return found;
    },
    of: (other) => trailingIn(other, asked),
  };
}

interface Place {
  readonly lane: Lane;
  readonly readLane: Lane;
  readonly reference: ReferenceConfig;
  readonly trailing: TrailingConfig;
  readonly clock: Clock;
  readonly prepared: PreparedModel;
}

/** What is asked for of every step: with the fixed reference, whose features it has. */
function askedOf({ reference, trailing, prepared: { config, referenceId, versions } }: Place): string {
  const { length, lag } = trailing;
  const { dedupe_within, task } = config;
  const parts = [columnsOfReference(reference), length, lag, referenceId, versions, dedupe_within, task];
  return createHash("sha256").update(canonicalJson(parts)).digest("hex").slice(0, 16);
}

async function find(place: Place, step: number): Promise<TrailingReference> {
  const { lane, prepared } = place;
  const { name: model } = prepared.config;
  const asked = askedOf(place);
  const [stored] = await lane.query(
    sql`SELECT reference_id, rows FROM trailing_references FINAL WHERE model = ${model} AND asked = ${asked} AND step = ${time(step)}`,
    z.object({ reference_id: z.string(), rows: z.number() }),
  );
  if (stored !== undefined) {
    const reference = stored.reference_id === "" ? null : await readReference(lane, model, stored.reference_id);
    return { step, own: reference === null ? null : under(prepared, reference), rows: stored.rows };
  }
  const made = await make(place, step);
  const reference_id = made.reference?.referenceId ?? "";
  // After its content, so that a crash in between makes it again.
  await lane.insertRows("trailing_references", [{ model, asked, step, reference_id, rows: made.rows }]);
  return { step, own: made.reference === null ? null : under(prepared, made.reference), rows: made.rows };
}

async function make(
  place: Place,
  step: number,
): Promise<{ readonly reference: LoadedReference | null; readonly rows: number }> {
  const { lane, trailing, clock, prepared } = place;
  const { config, versions } = prepared;
  const to = step - trailing.lag;
  const span: Span = { from: Math.max(0, to - trailing.length), to: Math.max(0, to) };
  const [counted] = await lane.query(
    sql`SELECT count() AS rows FROM ${name(predictionsTable(config.name))} WHERE ${withinSpan(span)} AND ${ofVersions(versions)}`,
    z.object({ rows: z.number() }),
  );
  const rows = counted?.rows ?? 0;
  if (rows < LEAST_TRAILING_EVENTS) return { reference: null, rows };
  const loaded = await load(place, span, Math.ceil(rows / MOST_EVENTS));
  const iso = (ms: number) => new Date(ms).toISOString();
  // Features that the fixed reference lacks have no place in a window.
  const kinds = new Map((prepared.reference?.subjects ?? []).map((subject) => [subjectKey(subject), subject.kind]));
  const reference = {
    ...loaded,
    referenceId: `t${loaded.contentHash.slice(0, 12)}`,
    origin: `trailing: events from ${iso(span.from)} to ${iso(span.to)}`,
    subjects: loaded.subjects.filter((subject) => kinds.get(subjectKey(subject)) === subject.kind),
  };
  if ((await readReference(lane, config.name, reference.referenceId)) === null)
    await writeReference(lane, reference, clock.now());
  return { reference, rows: loaded.rows };
}

/** Summaries of events of the store, by way of a file as any reference is read. */
async function load(
  { lane, readLane, reference, prepared }: Place,
  span: Span,
  every: number,
): Promise<LoadedReference> {
  const { config, versions, dedupe } = prepared;
  const vectors = prepared.reference?.projections ?? [];
  const folder = await mkdtemp(path.join(os.tmpdir(), "driftline-trailing-"));
  try {
    const file = path.join(folder, "events.ndjson");
    const wanted = {
      span,
      version: null,
      versions,
      most: Number.MAX_SAFE_INTEGER,
      every,
      // Along the fixed reference's directions: others would be other numbers.
      vectorParts: { columns: dedupe.columns ?? sql`*`, names: vectors.flatMap(partNames) },
    };
    const text = async function* () {
      for await (const lines of readEventLines(lane, config, reference, wanted))
        yield lines.map(({ line }) => `${line}\n`).join("");
    };
    await pipeline(Readable.from(text()), createWriteStream(file, { mode: 0o600 }));
    const { features: _, probabilities: __, ...columns } = columnsOfReference(reference);
    // Kinds as in the fixed reference, whatever few values would look like; and no more than window detectors need.
    const kinds = (prepared.reference?.subjects ?? []).flatMap(({ subjectKind, subject, kind }) =>
      subjectKind === "feature" ? [[subject, { kind }] as const] : [],
    );
    const asParts = vectors.map(({ feature }) => [feature, { kind: "ignore" as const }] as const);
    return await loadReference(readLane, {
      ...config,
      features: { ...Object.fromEntries(kinds), ...config.features, ...Object.fromEntries(asParts) },
      detectors: [],
      estimates: false,
      fairness: undefined,
      // Labels come when they come, and what is compared must not depend on it.
      reference: {
        ...columns,
        label: NO_LABEL,
        ignore: [...columns.ignore, reference.label],
        probabilities: {},
        file,
        format: "JSONEachRow",
        as_stored: true,
      },
    });
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** The model as its windows are compared with it. */
const under = (prepared: PreparedModel, reference: LoadedReference): PreparedModel => ({
  ...prepared,
  referenceId: reference.referenceId,
  reference,
  references: [{ referenceId: reference.referenceId, ...prepared.versions }],
  pageTier: null,
  trailing: null,
});
