/** What is asked about references, by the API and the command line: which there are, one of them, a new build, and putting one in force. */
import { z } from "zod";
import {
  type ReferenceConfig,
  referenceProblem,
  selectionOf,
  selectionText,
  withoutSource,
} from "../config/references.ts";
import type { ModelConfig } from "../config/schema.ts";
import type { Clock } from "../core/clock.ts";
import { DriftlineError } from "../core/errors.ts";
import {
  buildReference,
  type ReferenceBuild,
  readBuild,
  readBuildLines,
  readBuilds,
} from "../evaluate/references/event-builds.ts";
import {
  newestChoices,
  type ReferenceChoice,
  specText,
  writeChoice,
} from "../evaluate/references/reference-choices.ts";
import type { BuildRequest, ReferenceDesk, ReferenceState, UseRequest } from "../serve/context.ts";
import { sql } from "../store/sql.ts";
import type { Lane } from "../store/store.ts";
import { columnsFor } from "./reference-sources.ts";
import type { ReferenceSwitch } from "./reference-switch.ts";

export interface ReferenceDeskOptions {
  readonly lane: Lane;
  readonly models: readonly ModelConfig[];
  readonly clock: Clock;
  /** What is in force in the running service; left out where none runs. */
  readonly references?: Pick<ReferenceSwitch, "state">;
}

const iso = (ms: number): string => new Date(ms).toISOString();

const buildJson = ({ build_id, model, origin, rows, first_ms, last_ms, content_hash, built_ms }: ReferenceBuild) => ({
  build_id,
  model,
  origin,
  rows,
  first_event: iso(first_ms),
  last_event: iso(last_ms),
  content_hash,
  built_at: iso(built_ms),
});

const storedRow = z.object({
  reference_id: z.string(),
  origin: z.string(),
  rows: z.number(),
  features: z.number(),
  created_ms: z.number(),
});

/** The summaries that are stored, the newest first: what has been in force. */
async function storedReferences(lane: Lane, model: string) {
  const rows = await lane.query(
    sql`SELECT reference_id, any(origin) AS origin, any(rows) AS rows, countIf(subject_kind = 'feature') AS features,
        toUnixTimestamp64Milli(max(created_at)) AS created_ms FROM \`references\` FINAL WHERE model = ${model} AND NOT startsWith(reference_id, ${TRAILING})
      GROUP BY model, reference_id ORDER BY created_ms DESC, reference_id LIMIT 1000`,
    storedRow,
  );
  return rows.map(({ created_ms, ...rest }) => ({ ...rest, stored_at: iso(created_ms) }));
}

/** How ids of trailing references begin. */
const TRAILING = "t";

/** The trailing references of the newest steps. */
async function trailingReferences(lane: Lane, model: string) {
  const rows = await lane.query(
    sql`SELECT toUnixTimestamp64Milli(step) AS step_ms, reference_id, rows FROM trailing_references FINAL WHERE model = ${model} ORDER BY step DESC, reference_id LIMIT 30`,
    z.object({ step_ms: z.number(), reference_id: z.string(), rows: z.number() }),
  );
  return rows.map(({ step_ms, ...rest }) => ({ windows_from: iso(step_ms), ...rest }));
}

export function createReferenceDesk(options: ReferenceDeskOptions): ReferenceDesk {
  const { lane, models, clock, references } = options;
  const state = (model: string) => references?.state(model) ?? null;
  return {
    state,
    list: async (only) => {
      const wanted = only === undefined ? models : [modelOf(models, only)];
      return await Promise.all(wanted.map((model) => described(lane, model, state(model.name))));
    },
    async show(name, id) {
      const build = await buildOf(lane, modelOf(models, name), id);
      const examples: unknown[] = [];
      for await (const lines of readBuildLines(lane, { ...build, rows: Math.min(build.rows, EXAMPLES) }))
        for (const line of lines.split("\n")) if (line !== "") examples.push(JSON.parse(line));
      return { ...buildJson(build), used_by: usedBy(state(name), build), examples };
    },
    build: async ({ model, ...wanted }) => await build(lane, modelOf(models, model), wanted, clock),
    use: async (request) => await use(lane, modelOf(models, request.model), request, clock),
  };
}

/** What is compared with a build in the running service; null where none runs. */
function usedBy(inForce: ReferenceState | null, { build_id }: ReferenceBuild): readonly string[] | null {
  if (inForce === null) return null;
  const isIt = ({ origin }: Pick<ReferenceState, "origin">) => origin.includes(`(${build_id})`);
  const versions = Object.entries(inForce.versions).flatMap(([version, own]) =>
    isIt(own) ? [`version ${version}`] : [],
  );
  const rest = Object.keys(inForce.versions).length === 0 ? "all versions" : "all other versions";
  return [...(isIt(inForce) ? [rest] : []), ...versions];
}

/** First rows of a build that are shown. */
const EXAMPLES = 3;

function modelOf(models: readonly ModelConfig[], name: string): ModelConfig {
  const found = models.find((model) => model.name === name);
  if (found !== undefined) return found;
  const known = models.map((model) => model.name).join(", ");
  throw new DriftlineError("not_found", `there is no model ${name.slice(0, 100)}; the configuration has ${known}`);
}

async function buildOf(lane: Lane, model: ModelConfig, id: string): Promise<ReferenceBuild> {
  const found = await readBuild(lane, model.name, id);
  if (found !== null) return found;
  const builds = (await readBuilds(lane, model.name)).map(({ build_id }) => build_id);
  const known =
    builds.length === 0 ? "it has none; driftline reference build makes one" : `it has ${builds.join(", ")}`;
  throw new DriftlineError("not_found", `model ${model.name} has no build ${id.slice(0, 40)}: ${known}`);
}

const chosenJson = ({ build_id, owner, reason, at }: ReferenceChoice) => ({ build_id, owner, reason, at: iso(at) });

async function described(lane: Lane, model: ModelConfig, inForce: ReferenceState | null) {
  const choices = await newestChoices(lane, model.name);
  const chosenOf = (reference: ReferenceConfig | undefined) => {
    const choice = choices.get(specText(reference));
    return choice === undefined || choice.build_id === "" ? null : chosenJson(choice);
  };
  return {
    model: model.name,
    configured: configuredText(model.reference),
    versions: Object.fromEntries(
      Object.entries(model.references).map(([version, own]) => [version, configuredText(own)]),
    ),
    in_force: inForce,
    chosen: chosenOf(model.reference),
    chosen_of_versions: Object.fromEntries(
      Object.entries(model.references).flatMap(([version, own]) => {
        const chosen = chosenOf(own);
        return chosen === null ? [] : [[version, chosen]];
      }),
    ),
    builds: (await readBuilds(lane, model.name)).map(buildJson),
    stored: await storedReferences(lane, model.name),
    trailing: await trailingReferences(lane, model.name),
  };
}

async function build(lane: Lane, model: ModelConfig, wanted: Omit<BuildRequest, "model">, clock: Clock) {
  const reference: ReferenceConfig = { ...withoutSource(columnsFor(model)), ...defined(wanted) };
  const problem = referenceProblem(reference);
  const selection = selectionOf(reference);
  if (problem !== null || selection === null)
    throw new DriftlineError("request_invalid", problem ?? "name the events: first, from and to, or version");
  const outcome = await buildReference(lane, model, reference, selection, clock);
  if ("build" in outcome) return buildJson(outcome.build);
  throw new DriftlineError(
    "request_invalid",
    `no reference yet: ${outcome.missing} (wanted: ${selectionText(selection)})`,
  );
}

async function use(lane: Lane, model: ModelConfig, request: UseRequest, clock: Clock) {
  const { build: id, version, owner, reason } = request;
  const chosen = id === "configured" ? null : await buildOf(lane, model, id);
  const replaced = version === undefined ? model.reference : model.references[version];
  if (version !== undefined && replaced === undefined)
    throw new DriftlineError(
      "request_invalid",
      `model ${model.name} names no reference of version ${version.slice(0, 100)}`,
    );
  await writeChoice(lane, {
    model: model.name,
    at: clock.now(),
    build_id: chosen?.build_id ?? "",
    replaces: specText(replaced),
    owner,
    reason,
  });
  return {
    model: model.name,
    ...(version === undefined ? {} : { version }),
    uses: chosen === null ? "the configured reference" : chosen.build_id,
  };
}

const defined = ({ first, from, to, version }: Omit<BuildRequest, "model">) => ({
  ...(first === undefined ? {} : { first }),
  ...(from === undefined ? {} : { from }),
  ...(to === undefined ? {} : { to }),
  ...(version === undefined ? {} : { version }),
});

function configuredText(reference: ReferenceConfig | undefined): string {
  if (reference === undefined) return "none";
  if (reference.file !== undefined) return `file ${reference.file}`;
  if (reference.feast !== undefined) return `FEAST ${reference.feast.path}`;
  const selection = selectionOf(reference);
  return selection === null ? "none" : selectionText(selection);
}
