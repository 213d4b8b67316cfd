/** `driftline rebuild`: a model's numbers of the past, computed again under the present configuration and reference. */
import os from "node:os";
import { Command, Option } from "commander";
import { z } from "zod";
import type { Config, ModelConfig } from "../config/schema.ts";
import { systemClock } from "../core/clock.ts";
import { DriftlineError } from "../core/errors.ts";
import { prepareModel } from "../evaluate/prepare-model.ts";
import { askRebuild, carryOut, type RebuildParts, rehearseRebuild } from "../evaluate/rebuild/rebuild.ts";
import {
  askedReport,
  doneReport,
  type RebuildReport,
  rebuildReportSchema,
  rehearsalReport,
  textOf,
} from "../requests/rebuild-report.ts";
import { throughService } from "../requests/service-call.ts";
import { type RebuildBody, rebuildRequest } from "../serve/context.ts";
import { createReferenceResolver } from "../service/reference-resolver.ts";
import { openLocalReader } from "../store/local-reader.ts";
import { ensureModelTables } from "../store/model-tables.ts";
import { readRebuilds } from "../store/rebuilds.ts";
import type { Lane, Store } from "../store/store.ts";
import { configOption, readConfig, timeOf } from "./options.ts";

interface Options {
  readonly config: string;
  readonly model: string;
  readonly from?: number;
  readonly to?: number;
  readonly owner: string;
  readonly reason?: string;
  readonly dryRun?: true;
  readonly json?: true;
}

export const rebuildCommand = (): Command =>
  new Command("rebuild")
    .description(
      "Compute a model's windows again from the stored events, under the present configuration and reference. The numbers before stay in the history; incidents stay, and nobody is told.",
    )
    .addOption(configOption())
    .addOption(new Option("--model <name>", "the model").makeOptionMandatory())
    .addOption(new Option("--from <time>", "windows that begin at or after this (ISO 8601, UTC)").argParser(timeOf))
    .addOption(new Option("--to <time>", "windows that end at or before this").argParser(timeOf))
    .addOption(new Option("--owner <name>", "who asks").env("DRIFTLINE_OWNER").default(os.userInfo().username))
    .option("--reason <text>", "why; it is shown beside the numbers")
    .option("--dry-run", "only say what would change")
    .option("--json", "print the result as JSON")
    .addHelpText(
      "after",
      '\nExample:\n  driftline rebuild --model fraud --from 2026-09-01 --reason "the reference was of the wrong country"',
    )
    .action(async (options: Options) => {
      const report = await run(options);
      process.stdout.write(options.json === true ? `${JSON.stringify(report)}\n` : textOf(report));
    });

async function run({ config: file, model, from, to, owner, reason = "", dryRun }: Options): Promise<RebuildReport> {
  const config = readConfig(file);
  const given = { model, owner, reason, dry_run: dryRun === true, from, to };
  const request = rebuildRequest.safeParse(given);
  if (!request.success) throw new DriftlineError("request_invalid", z.prettifyError(request.error));
  const body = request.data;
  return await throughService(
    config,
    { route: "/v1/rebuild", body },
    (answer) => rebuildReportSchema.parse(JSON.parse(answer)),
    (store) => direct(store, config, body),
  );
}

/** Where no service holds the store. */
async function direct(store: Store, config: Config, body: RebuildBody): Promise<RebuildReport> {
  const model = config.models.find(({ name }) => name === body.model);
  if (model === undefined) {
    const known = config.models.map(({ name }) => name).join(", ");
    throw new DriftlineError(
      "not_found",
      `there is no model ${body.model.slice(0, 100)}; the configuration has ${known}`,
    );
  }
  const live = store.lane("control");
  const request = {
    model: model.name,
    from_at: body.from ?? null,
    to_at: body.to ?? null,
    owner: body.owner,
    reason: body.reason,
  };
  // Of a server another process evaluates, and only that one may put numbers in force.
  if (!("embedded" in config.store) && !body.dry_run)
    return askedReport(await askRebuild(live, request, systemClock.now()));
  return await withModel(store, config, model, async (prepare) => {
    const parts = { store, clock: systemClock };
    if (body.dry_run) {
      const beside = async (lane: Lane) => {
        const prepared = await prepare(lane);
        // A feature that was kept aside until now is read through its column.
        await ensureModelTables(live, prepared.schema);
        return prepared;
      };
      return rehearsalReport(model.name, await rehearseRebuild({ ...parts, prepare: beside }, request));
    }
    const prepared = await prepare(live);
    const [newest] = await readRebuilds(live, model.name);
    // One that was cut off is gone on with.
    const asked = newest?.state === "asked" ? newest : await askRebuild(live, request, systemClock.now());
    const carried: RebuildParts = {
      ...parts,
      prepare: () => Promise.resolve(prepared),
      // Nothing else evaluates.
      between: (work) => work(prepared),
    };
    const { rebuild, comparison } = await carryOut(carried, asked);
    return doneReport(rebuild, comparison);
  });
}

type Prepare = (lane: Lane) => ReturnType<typeof prepareModel>;

async function withModel<Result>(
  store: Store,
  { store: place }: Config,
  model: ModelConfig,
  work: (prepare: Prepare) => Promise<Result>,
): Promise<Result> {
  const reader = await openLocalReader(store, "embedded" in place ? place.embedded : null);
  const references = createReferenceResolver(store.lane("control"), systemClock);
  try {
    const resolved = await references.resolve(model);
    return await work((lane) => prepareModel(lane, resolved, systemClock, { readLane: reader.lane }));
  } finally {
    await references.close();
    await reader.close();
  }
}
