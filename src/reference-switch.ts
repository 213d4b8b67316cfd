/**
 * The reference after a retraining: a new version is compared with what it was trained on. Where a report names a file, that one is in
 * force from then on, over restarts too, until the configuration names another; where it names none, the configured file is read again. The
 * detectors begin anew with it: it is a new epoch.
 */
import { recordReference } from "./audit/in-force.ts";
import type { ModelConfig } from "./config/schema.ts";
import type { Clock } from "./core/clock.ts";
import type { Retraining } from "./core/retraining.ts";
import { readRetrainings } from "./deliver/retraining-store.ts";
import { type PreparedModel, prepareModel } from "./evaluate/prepare-model.ts";
import type { Lane } from "./store/store.ts";
import type { Log } from "./telemetry/log.ts";

interface Success {
  readonly key: string;
  /** null: the configured file. */
  readonly file: string | null;
  readonly version: string;
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
  };
}

/** The file that a report named, unless the configuration has come to name another since. */
function fileOf({ events }: Retraining, model: ModelConfig): string | null {
  const detail = events.filter(({ detail: one }) => one.reference !== undefined).at(-1)?.detail;
  return detail?.replaces === model.reference?.file ? (detail?.reference ?? null) : null;
}

const withFile = (model: ModelConfig, file: string | null): ModelConfig =>
  file === null || model.reference === undefined ? model : { ...model, reference: { ...model.reference, file } };

export interface ReferenceSwitchOptions {
  readonly lane: Lane;
  /** Sees the disk that references lie on. */
  readonly readLane: Lane;
  readonly clock: Clock;
  readonly log: Pick<Log, "info" | "warn">;
  /** Puts a model in the place of the one of its name. */
  readonly replace: (prepared: PreparedModel) => void;
}

export interface ReferenceSwitch {
  /** The model made ready with the reference in force. */
  prepare(model: ModelConfig): Promise<PreparedModel>;
  /** Looks for a success that is new, and puts its reference in force. */
  look(model: string): Promise<void>;
}

export function createReferenceSwitch({
  lane,
  readLane,
  clock,
  log,
  replace,
}: ReferenceSwitchOptions): ReferenceSwitch {
  const known = new Map<string, { readonly config: ModelConfig; success: Success | null; prepared: PreparedModel }>();

  const ready = async (config: ModelConfig, success: Success | null): Promise<PreparedModel> => {
    const prepared = await prepareModel(lane, withFile(config, success?.file ?? null), clock, { readLane });
    for (const warning of prepared.warnings) log.warn(warning, { model: config.name });
    for (const note of prepared.notes) log.info(note, { model: config.name });
    const { referenceId } = prepared;
    await recordReference(lane, { model: config.name, referenceId, reason: reasonOf(prepared, success) }, clock.now());
    return prepared;
  };

  return {
    async prepare(config) {
      const success = await newestSuccess(lane, config);
      const prepared = await ready(config, success);
      known.set(config.name, { config, success, prepared });
      return prepared;
    },
    async look(model) {
      const entry = known.get(model);
      if (entry === undefined || entry.config.reference === undefined) return;
      const success = await newestSuccess(lane, entry.config);
      if (success === null || success.key === entry.success?.key) return;
      const before = entry.prepared;
      const prepared = await ready(entry.config, success);
      entry.success = success;
      if (prepared.referenceId === before.referenceId) return;
      entry.prepared = prepared;
      replace(prepared);
      log.info("a retraining has brought a new reference", {
        model,
        version: success.version,
        before: before.referenceId,
        reference: prepared.referenceId,
      });
      if (JSON.stringify(prepared.schema) !== JSON.stringify(before.schema))
        log.warn("the new reference has other features; those that are new are stored as such after a restart", {
          model,
        });
    },
  };
}

function reasonOf({ config, reference }: PreparedModel, success: Success | null): string {
  if (config.reference === undefined || reference === null) return "no reference is configured";
  if (success !== null && (success.file !== null || success.version !== ""))
    return `${reference.origin}, of the retraining that brought version ${success.version}`;
  return reference.origin;
}
