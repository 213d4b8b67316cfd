/** The references that are to be in force of a model, as something to read: its own, and those of its versions. */
import type { ModelConfig } from "../config/schema.ts";
import type { Clock } from "../core/clock.ts";
import type { Retraining } from "../core/retraining.ts";
import { readRetrainings } from "../deliver/retraining-store.ts";
import { newestChoices, type ReferenceChoice, specText } from "../evaluate/references/reference-choices.ts";
import type { Lane } from "../store/store.ts";
import { createReferenceSources, named, type SourcedReference } from "./reference-sources.ts";
import { createVersionFirsts } from "./version-firsts.ts";
import { reportedOf, type Success, type VersionReference, versionReferences } from "./version-references.ts";

/** A version's own reference; `waiting` where it is named and not there yet. */
export type SourcedVersion = Pick<SourcedReference, "origin" | "waiting" | "chosen"> & {
  readonly version: string;
  readonly success: Success | null;
};

export interface SourcedModel extends SourcedReference {
  /** The newest retraining that has succeeded. */
  readonly success: Success | null;
  /** In the order of `config.references`. */
  readonly versions: readonly SourcedVersion[];
  /** Another one can come of choices and retrainings alone: it waits for no events and asks for no versions. */
  readonly isSettled: boolean;
}

export interface ReferenceResolver {
  readonly find: (config: ModelConfig) => Promise<SourcedModel>;
  /** The model with its references as something to read. */
  readonly resolve: (config: ModelConfig) => Promise<ModelConfig>;
  readonly close: () => Promise<void>;
}

/** What has come of a model's retrainings, the newest first. */
async function readSuccesses(lane: Lane, model: ModelConfig): Promise<Success[]> {
  if (model.actions.length === 0) return [];
  const succeeded = (await readRetrainings(lane, { model: model.name }))
    .filter((retraining) => retraining.succeeded_at !== null)
    .sort((a, b) => (b.succeeded_at ?? 0) - (a.succeeded_at ?? 0));
  return succeeded.map((one) => ({
    key: JSON.stringify([one.retraining_id, one.succeeded_at, one.reference]),
    file: fileOf(one, model),
    version: one.version,
    at: one.succeeded_at ?? 0,
  }));
}

/** The file that a report named, unless the configuration has come to name another since. */
function fileOf({ events }: Retraining, model: ModelConfig): string | null {
  const detail = events.filter(({ detail: one }) => one.reference !== undefined).at(-1)?.detail;
  return detail?.replaces === model.reference?.file ? (detail?.reference ?? null) : null;
}

export function createReferenceResolver(lane: Lane, clock: Clock): ReferenceResolver {
  const sources = createReferenceSources(lane, clock);
  const firstsOf = createVersionFirsts(lane);

  const find = async (config: ModelConfig): Promise<SourcedModel> => {
    const choices = await newestChoices(lane, config.name);
    const successes = await readSuccesses(lane, config);
    const isPlain = Object.keys(config.references).length === 0 && successes.every(({ file }) => file === null);
    const firsts = isPlain ? new Map<string, number>() : await firstsOf(config.name);
    const choiceOf = (model: ModelConfig): ReferenceChoice | null => choices.get(specText(model.reference)) ?? null;
    const main = await sources.find(config, reportedOf(successes), choiceOf(config));
    const versions: SourcedVersion[] = [];
    const references: ModelConfig["references"] = {};
    const keys: unknown[] = [main.key];
    for (const { version, reference, reported, isConfigured } of versionReferences(config, successes, firsts)) {
      const own = { ...config, reference };
      const { config: found, key, ...rest } = await sources.find(own, reported, choiceOf(own));
      // What can't be read yet stays as it is named: the version has no reference until then.
      references[version] = found.reference ?? named(config, reference);
      versions.push({ ...rest, version, success: isConfigured ? null : successOf(successes, reported) });
      keys.push([version, key, firsts.has(version)]);
    }
    const key = versions.length === 0 ? main.key : JSON.stringify(keys);
    const isSettled = isPlain && main.waiting === null;
    return { ...main, config: { ...main.config, references }, key, success: successes[0] ?? null, versions, isSettled };
  };
  return {
    find,
    resolve: async (config) => (await find(config)).config,
    close: () => sources.close(),
  };
}

const successOf = (successes: readonly Success[], reported: VersionReference["reported"]): Success | null =>
  successes.find(({ at, file }) => at === reported?.at && file === reported.file) ?? null;
