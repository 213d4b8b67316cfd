/**
 * Which reference is in force, and its change while the service runs: a build of events that has become complete, a new version that has a
 * reference of its own, what a person has put in force, or a retraining. After a retraining a new version is compared with what it was
 * trained on: where a report names a file, that one is in force from then on, over restarts too, until the configuration names another;
 * where it names none, the configured file is read again. The detectors begin anew with it: it is a new epoch.
 */
import { recordReference } from "../audit/in-force.ts";
import type { ModelConfig } from "../config/schema.ts";
import type { Clock } from "../core/clock.ts";
import type { Retraining } from "../core/retraining.ts";
import { readRetrainings } from "../deliver/retraining-store.ts";
import { type PreparedModel, prepareModel } from "../evaluate/prepare-model.ts";
import { newestChoice } from "../evaluate/references/reference-choices.ts";
import type { ReferenceState } from "../serve/context.ts";
import type { Lane } from "../store/store.ts";
import type { Log } from "../telemetry/log.ts";
import { createReferenceSources, type SourcedReference } from "./reference-sources.ts";

interface Success {
  readonly key: string;
  /** null: the configured file. */
  readonly file: string | null;
  readonly version: string;
  readonly at: number;
}

/** What the newest success of a model means for its reference; null where there was none. */
async function newestSuccess(lane: Lane, model: ModelConfig): Promise<Success | null> {
  if (model.actions.length === 0) return null;
  const succeeded = (await readRetrainings(lane, { model: model.name }))
    .filter((retraining) => retraining.succeeded_at !== null)
    .sort((a, b) => (b.succeeded_at ?? 0) - (a.succeeded_at ?? 0));
  const [newest] = succeeded;
  if (newest === undefined) return null;
  const named = succeeded.find((retraining) => fileOf(retraining, model) !== null);
  return {
    key: JSON.stringify([newest.retraining_id, newest.succeeded_at, newest.reference]),
    file: named === undefined ? null : fileOf(named, model),
    version: newest.version,
    at: newest.succeeded_at ?? 0,
  };
}

/** The file that a report named, unless the configuration has come to name another since. */
function fileOf({ events }: Retraining, model: ModelConfig): string | null {
  const detail = events.filter(({ detail: one }) => one.reference !== undefined).at(-1)?.detail;
  return detail?.replaces === model.reference?.file ? (detail?.reference ?? null) : null;
}

export interface ReferenceSwitchOptions {
  readonly lane: Lane;
  /** Sees the disk that references lie on. */
  readonly readLane: Lane;
  readonly clock: Clock;
  readonly log: Pick<Log, "info" | "warn">;
  /** Puts a model in the place of the one of its name. */
  readonly replace: (prepared: PreparedModel) => void;
}

/** The reference of a model that would be in force, for what runs beside the service. */
export function createReferenceResolver(lane: Lane, clock: Clock) {
  const sources = createReferenceSources(lane, clock);
  const find = async (config: ModelConfig) => {
    const success = await newestSuccess(lane, config);
    const sourced = await sources.find(config, success, await newestChoice(lane, config.name));
    return { success, sourced };
  };
  return {
    find,
    /** A model with its reference as something to read. */
    resolve: async (config: ModelConfig): Promise<ModelConfig> => (await find(config)).sourced.config,
    close: () => sources.close(),
  };
}

export interface ReferenceSwitch {
  /** The model made ready with the reference in force. */
  prepare(model: ModelConfig): Promise<PreparedModel>;
  /** Looks for what is new (a success, a choice, a build, a version), and puts its reference in force. */
  look(model: string): Promise<void>;
  /** A model with the reference that would be in force for it, as something to read. */
  resolve(model: ModelConfig): Promise<ModelConfig>;
  /** What is in force of a model that was made ready; null for any other. */
  state(model: string): ReferenceState | null;
  close(): Promise<void>;
}

export function createReferenceSwitch({
  lane,
  readLane,
  clock,
  log,
  replace,
}: ReferenceSwitchOptions): ReferenceSwitch {
  const { find, resolve, close } = createReferenceResolver(lane, clock);
  const known = new Map<string, Entry>();

  const ready = async (sourced: SourcedReference, success: Success | null): Promise<PreparedModel> => {
    const { config, origin, waiting } = sourced;
    const prepared = await prepareModel(lane, config, clock, { readLane, ...(origin === undefined ? {} : { origin }) });
    for (const warning of prepared.warnings) log.warn(warning, { model: config.name });
    for (const note of prepared.notes) log.info(note, { model: config.name });
    if (waiting !== null) log.info(waiting, { model: config.name });
    const { referenceId } = prepared;
    await recordReference(
      lane,
      { model: config.name, referenceId, reason: reasonOf(prepared, sourced, success) },
      clock.now(),
    );
    return prepared;
  };

  return {
    async prepare(config) {
      const { success, sourced } = await find(config);
      const prepared = await ready(sourced, success);
      known.set(config.name, { config, sourced, prepared });
      return prepared;
    },
    async look(model) {
      const entry = known.get(model);
      if (entry === undefined) return;
      const { success, sourced } = await find(entry.config);
      const isSame = sourced.key === entry.sourced.key;
      const before = entry.prepared;
      const prepared = isSame ? before : await ready(sourced, success);
      entry.sourced = sourced;
      if (prepared.referenceId === before.referenceId) return;
      entry.prepared = prepared;
      replace(prepared);
      log.info(success === null ? "another reference is in force" : "a retraining has brought a new reference", {
        model,
        ...(success === null ? {} : { version: success.version }),
        before: before.referenceId,
        reference: prepared.referenceId,
      });
      if (JSON.stringify(prepared.schema) !== JSON.stringify(before.schema))
        log.info(
          "the new reference has other features; events that cannot be read as such are told apart after a restart",
          {
            model,
          },
        );
    },
    resolve,
    state(model) {
      const entry = known.get(model);
      if (entry === undefined) return null;
      const { referenceId, reference } = entry.prepared;
      const { waiting } = entry.sourced;
      return { reference_id: referenceId, origin: reference?.origin ?? "", rows: reference?.rows ?? 0, waiting };
    },
    close,
  };
}

function reasonOf(
  { config, reference }: PreparedModel,
  { waiting, chosen }: SourcedReference,
  success: Success | null,
): string {
  if (waiting !== null) return "no reference yet";
  if (config.reference === undefined || reference === null) return "no reference is configured";
  if (chosen !== undefined) return `${reference.origin}, chosen by ${chosen.owner}: ${chosen.reason}`;
  if (success !== null && (success.file !== null || success.version !== ""))
    return `${reference.origin}, of the retraining that brought version ${success.version}`;
  return reference.origin;
}

interface Entry {
  readonly config: ModelConfig;
  sourced: SourcedReference;
  prepared: PreparedModel;
}
