/** `driftline reference build | list | show | use`: through the running service where one holds the folder, else in the configured store. */
import { Command, Option } from "commander";
import { z } from "zod";
import { systemClock } from "../core/clock.ts";
import { DriftlineError } from "../core/errors.ts";
import { type ServiceCall, throughService } from "../requests/service-call.ts";
import { buildRequest, type ReferenceDesk, useRequest } from "../serve/context.ts";
import { createReferenceDesk } from "../service/reference-desk.ts";
import { configOption, readConfig } from "./options.ts";

type Options = Readonly<Record<string, string | undefined>> & { readonly config: string };

async function ask(file: string, call: ServiceCall, direct: (desk: ReferenceDesk) => Promise<unknown>): Promise<void> {
  const config = readConfig(file);
  const answer = await throughService<unknown>(config, call, JSON.parse, (store) =>
    direct(createReferenceDesk({ lane: store.lane("control"), models: config.models, clock: systemClock })),
  );
  process.stdout.write(`${JSON.stringify(answer, null, 2)}\n`);
}

function checked<Output>(schema: z.ZodType<Output>, written: Readonly<Record<string, unknown>>): Output {
  const given = Object.fromEntries(Object.entries(written).filter(([, value]) => value !== undefined));
  const result = schema.safeParse(given);
  if (result.success) return result.data;
  throw new DriftlineError("request_invalid", z.prettifyError(result.error));
}

const modelOption = () => new Option("--model <name>", "the model").makeOptionMandatory();

const buildCommand = (): Command =>
  new Command("build")
    .description("Build a reference of events in the store. It is in force only once it is used.")
    .addOption(configOption())
    .addOption(modelOption())
    .option("--first <events>", "the first so many events")
    .option("--from <time>", "events from this time on, ISO 8601")
    .option("--to <time>", "events before this time")
    .option("--version <version>", "of this version alone")
    .addHelpText("after", "\nExample:\n  driftline reference build --model fraud --from 2026-09-01 --to 2026-10-01")
    .action(({ config, model, first, from, to, version }: Options) => {
      const number = first === undefined ? undefined : Number(first);
      const request = checked(buildRequest, { model, first: number, from, to, version });
      return ask(config, { route: "/v1/references/build", body: request }, (desk) => desk.build(request));
    });

const listCommand = (): Command =>
  new Command("list")
    .description("Which reference each model has: configured, in force, chosen, built of events, and stored.")
    .addOption(configOption())
    .option("--model <name>", "only this model")
    .action(({ config, model }: Options) => {
      const query = model === undefined ? "" : `?${new URLSearchParams({ model })}`;
      return ask(config, { route: `/v1/references${query}` }, async (desk) => ({ references: await desk.list(model) }));
    });

const showCommand = (): Command =>
  new Command("show")
    .description("One build, with its first rows.")
    .argument("<build>", "its id, as list prints it")
    .addOption(configOption())
    .addOption(modelOption())
    .action((build: string, { config, model = "" }: Options) =>
      ask(config, { route: `/v1/references/${encodeURIComponent(model)}/${encodeURIComponent(build)}` }, (desk) =>
        desk.show(model, build),
      ),
    );

const useCommand = (): Command =>
  new Command("use")
    .description("Put a build in force in the place of the configured reference, or the configured one again.")
    .argument("<build>", "its id, or: configured")
    .addOption(configOption())
    .addOption(modelOption())
    .option("--version <version>", "in the place of this version's own reference (references:)")
    .addOption(new Option("--owner <name>", "who decides").makeOptionMandatory().env("DRIFTLINE_OWNER"))
    .requiredOption("--reason <text>", "why")
    .addHelpText(
      "after",
      '\nExample:\n  driftline reference use b0123456789ab --model fraud --owner ana --reason "prices are in euro from now on"',
    )
    .action((build: string, { config, model, version, owner, reason }: Options) => {
      const request = checked(useRequest, { model, build, version, owner, reason });
      return ask(config, { route: "/v1/references/use", body: request }, (desk) => desk.use(request));
    });

export const referenceCommand = (): Command =>
  new Command("reference")
    .description("What a model is compared with: build a reference of stored events, list them, put one in force.")
    .addCommand(buildCommand())
    .addCommand(listCommand())
    .addCommand(showCommand())
    .addCommand(useCommand());
