/**
 * From which rows a model's reference is read: the configured file, FEAST's, a build of events, or what a person or a retraining has put in
 * their place. Builds lie in the store, so their rows are written to a file beside the engine that reads references.
 */
import { createWriteStream } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import os from "node:os";
import path from "node:path";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { type ReferenceConfig, referenceSchema, selectionOf, selectionText } from "../config/references.ts";
import type { ModelConfig } from "../config/schema.ts";
import type { Clock } from "../core/clock.ts";
import {
  type BuildOutcome,
  buildReference,
  type ReferenceBuild,
  readBuild,
  readBuildLines,
} from "../evaluate/references/event-builds.ts";
import { type ReferenceChoice, specText } from "../evaluate/references/reference-choices.ts";
import type { Lane } from "../store/store.ts";

/** A reference that a retraining's report named, unless it named none. */
export interface ReportedFile {
  readonly file: string | null;
  /** When it succeeded, ms. */
  readonly at: number;
}

export interface SourcedReference {
  /** The model as evaluation takes it: its reference is something to read, or left out. */
  readonly config: ModelConfig;
  /** What the stored reference says of where it comes from; left out: the file's name. */
  readonly origin?: string;
  /** Why there is none yet, a sentence without a full stop; null where there is one or none is wanted. */
  readonly waiting: string | null;
  /** Who has put it in force, where a person has. */
  readonly chosen?: Pick<ReferenceChoice, "owner" | "reason">;
  /** Changes where another reference is to be read. */
  readonly key: string;
}

export interface ReferenceSources {
  /** Of `model.reference`. */
  find(model: ModelConfig, reported: ReportedFile | null, choice: ReferenceChoice | null): Promise<SourcedReference>;
  /** Removes the files that builds were written to. */
  close(): Promise<void>;
}

/** Columns of a model that names no reference. */
export const columnsFor = (model: ModelConfig): ReferenceConfig => model.reference ?? referenceSchema.parse({});

/** `{ version: "7" }` is what version 7 is compared by, where that is named. */
export function named(model: ModelConfig, reference: ReferenceConfig): ReferenceConfig {
  const { version, first, from } = reference;
  const own =
    version === undefined || first !== undefined || from !== undefined ? undefined : model.references[version];
  return own === undefined || own.version === version ? reference : own;
}

export function createReferenceSources(lane: Lane, clock: Clock): ReferenceSources {
  let folder: Promise<string> | null = null;
  const written = new Map<string, Promise<string>>();

  const write = async (build: ReferenceBuild): Promise<string> => {
    folder ??= mkdtemp(path.join(os.tmpdir(), "driftline-builds-"));
    const file = path.join(await folder, `${written.size}-${build.build_id}.ndjson`);
    await pipeline(Readable.from(readBuildLines(lane, build)), createWriteStream(file, { mode: 0o600 }));
    return file;
  };
  const fileOf = (build: ReferenceBuild): Promise<string> => {
    const key = `${build.model} ${build.build_id}`;
    const before = written.get(key) ?? write(build);
    written.set(key, before);
    before.catch(() => written.delete(key));
    return before;
  };
  const built = async (model: ModelConfig, build: ReferenceBuild): Promise<SourcedReference> => ({
    config: withSource(model, { file: await fileOf(build), format: "JSONEachRow" }),
    origin: build.origin,
    waiting: null,
    key: `build ${build.build_id}`,
  });

  return {
    async find(base, reported, choice) {
      const chosen = choice?.replaces === specText(base.reference) ? choice : null;
      if (chosen !== null && chosen.at >= (reported?.at ?? Number.NEGATIVE_INFINITY)) {
        const build = chosen.build_id === "" ? null : await readBuild(lane, base.name, chosen.build_id);
        if (build !== null) return { ...(await built(base, build)), chosen };
      } else if (reported !== null && reported.file !== null && base.reference !== undefined) {
        const config = { ...base, reference: { ...base.reference, file: reported.file } };
        return { config, waiting: null, key: JSON.stringify([reported.file, reported.at]) };
      }
      if (base.reference === undefined) return { config: base, waiting: null, key: "none" };
      const reference = named(base, base.reference);
      const selection = selectionOf(reference);
      const model = { ...base, reference };
      const key = JSON.stringify([specText(reference), reported?.at ?? null]);
      if (reference.file !== undefined || reference.feast !== undefined || selection === null)
        return { config: model, waiting: null, key };
      const outcome: BuildOutcome = await buildReference(lane, model, reference, selection, clock);
      if ("build" in outcome) return await built(model, outcome.build);
      const { reference: _, ...without } = model;
      const waiting = `no reference yet: ${outcome.missing} (wanted: ${selectionText(selection)})`;
      return { config: without, waiting, key: "waiting" };
    },
    async close() {
      if (folder !== null) await rm(await folder, { recursive: true, force: true });
    },
  };
}

/** Its columns, read from somewhere else. */
function withSource(model: ModelConfig, source: Pick<ReferenceConfig, "file" | "format">): ModelConfig {
  const { feast: _, from: __, to: ___, first: ____, version: _____, ...columns } = columnsFor(model);
  return { ...model, reference: { ...columns, ...source, as_stored: true } };
}
