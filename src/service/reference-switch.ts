/**
 * Which references are in force, and their change while the service runs: a build of events that has become complete, a new version that has a
 * reference of its own, what a person has put in force, or a retraining. After a retraining a new version is compared with what it was
 * trained on: where a report names a file, that one is in force from then on, over restarts too, until the configuration names another;
 * where it names none, the configured file is read again. Versions that were there before keep theirs. The detectors begin anew with another one: it
 * is a new epoch.
 */
import { z } from "zod";
import { recordReference } from "../audit/in-force.ts";
import type { ModelConfig } from "../config/schema.ts";
import type { Clock } from "../core/clock.ts";
import { type PreparedModel, preparedFor, prepareModel } from "../evaluate/prepare-model.ts";
import type { ReferenceState, VersionReferenceState } from "../serve/context.ts";
import { sql } from "../store/sql.ts";
import type { Lane } from "../store/store.ts";
import type { Log } from "../telemetry/log.ts";
import { createReferenceResolver, type SourcedModel, type SourcedVersion } from "./reference-resolver.ts";
import type { SourcedReference } from "./reference-sources.ts";
import type { Success } from "./version-references.ts";

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
  /** Asks the store, once for all models, whether a person or a retraining has said anything of references: where not, most have nothing to look for. */
  ask(): Promise<void>;
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
  let said: string | null = null;

  const ready = async (sourced: SourcedModel): Promise<PreparedModel> => {
    const { config, origin, waiting, versions, success } = sourced;
    const origins = new Map(versions.flatMap((one) => (one.origin === undefined ? [] : [[one.version, one.origin]])));
    const prepared = await prepareModel(lane, config, clock, {
      readLane,
      origins,
      ...(origin === undefined ? {} : { origin }),
    });
    const model = config.name;
    for (const warning of prepared.warnings) log.warn(warning, { model });
    for (const note of [prepared, ...prepared.others].flatMap(({ notes }) => notes)) log.info(note, { model });
    if (waiting !== null) log.info(waiting, { model });
    for (const one of versions) if (one.waiting !== null) log.info(one.waiting, { model, version: one.version });
    await recordReference(
      lane,
      { model, referenceId: idOf(prepared), reason: reasonsOf(prepared, sourced, success) },
      clock.now(),
    );
    return prepared;
  };

  return {
    async prepare(config) {
      const sourced = await find(config);
      const prepared = await ready(sourced);
      known.set(config.name, { config, sourced, prepared, foundAt: null });
      return prepared;
    },
    async ask() {
      said = await readSaid(lane);
    },
    async look(model) {
      const entry = known.get(model);
      if (entry === undefined) return;
      if (entry.sourced.isSettled && said !== null && entry.foundAt === said) return;
      const asked = said;
      const sourced = await find(entry.config);
      const { success } = sourced;
      const isSame = sourced.key === entry.sourced.key;
      const before = entry.prepared;
      const prepared = isSame ? before : await ready(sourced);
      entry.sourced = sourced;
      entry.foundAt = asked;
      if (JSON.stringify(prepared.references) === JSON.stringify(before.references)) return;
      entry.prepared = prepared;
      replace(prepared);
      tell(log, before, prepared, success);
    },
    resolve,
    state(model) {
      const entry = known.get(model);
      return entry === undefined ? null : stateOfModel(entry);
    },
    close,
  };
}

function tell(log: Pick<Log, "info">, before: PreparedModel, now: PreparedModel, success: Success | null): void {
  const model = now.config.name;
  log.info(success === null ? "another reference is in force" : "a retraining has brought a new reference", {
    model,
    ...(success === null ? {} : { version: success.version }),
    before: idOf(before),
    reference: idOf(now),
  });
  if (JSON.stringify(now.schema) !== JSON.stringify(before.schema))
    log.info(
      "the new reference has other features; events that cannot be read as such are told apart after a restart",
      {
        model,
      },
    );
}

/** What is in force as one text: the model's reference, and those of versions. */
const idOf = ({ referenceId, others }: PreparedModel): string =>
  [
    referenceId,
    ...others.flatMap((one) => (one.versions.only ?? []).map((version) => `${version}: ${one.referenceId}`)),
  ].join(", ");

const stateOf = ({ referenceId, reference }: PreparedModel, waiting: string | null): VersionReferenceState => ({
  reference_id: referenceId,
  origin: reference?.origin ?? "",
  rows: reference?.rows ?? 0,
  waiting,
});

const stateOfModel = ({ prepared, sourced }: Entry): ReferenceState => ({
  ...stateOf(prepared, sourced.waiting),
  versions: Object.fromEntries(
    sourced.versions.map((one) => [one.version, versionState(preparedFor(prepared, one.version), one)]),
  ),
});

/** A reference that could not be read, of a version that has no events yet, is waited for too. */
function versionState(prepared: PreparedModel, { version, waiting }: SourcedVersion): VersionReferenceState {
  const state = stateOf(prepared, waiting);
  const isMissing = waiting === null && prepared.reference === null;
  return isMissing ? { ...state, waiting: `no reference yet: that of version ${version} could not be read` } : state;
}

function reasonsOf(prepared: PreparedModel, sourced: SourcedModel, success: Success | null): string {
  const ofVersions = sourced.versions.map((one) => {
    const own = preparedFor(prepared, one.version);
    return `version ${one.version}: ${reasonOf(own, one, one.success)}`;
  });
  return [reasonOf(prepared, sourced, success), ...ofVersions].join("; ");
}

function reasonOf(
  { config, reference }: PreparedModel,
  { waiting, chosen }: Pick<SourcedReference, "waiting" | "chosen">,
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
  sourced: SourcedModel;
  prepared: PreparedModel;
  /** What had been said when it was last looked for; null before. */
  foundAt: string | null;
}

/** A text that is another one when a choice or an event of a retraining has come. */
async function readSaid(lane: Lane): Promise<string> {
  const [row] = await lane.query(
    sql`SELECT toString(((SELECT (count(), sum(cityHash64(choice_id))) FROM reference_choices),
        (SELECT (count(), sum(cityHash64(retraining_id, event, key))) FROM retrainings))) AS mark`,
    z.object({ mark: z.string() }),
  );
  return row?.mark ?? "";
}
