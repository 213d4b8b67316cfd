/** `driftline forget`: an id, or an entity, leaves the store. */
import { Command } from "commander";
import { z } from "zod";
import { DriftlineError } from "../core/errors.ts";
import { forgetFromHere } from "../requests/forget-request.ts";
import { forgetEntitySchema, forgetIdSchema } from "../serve/forget.ts";
import { configOption, ownerOption, readConfig } from "./options.ts";

export const forgetCommand = (): Command =>
  new Command("forget")
    .description(
      "Forget an id or an entity: take its predictions, labels and dead letters out of the store. It can't be undone.",
    )
    .argument("[id]", "the id as its events carried it")
    .addOption(configOption())
    .option("--entity <key>", "instead of an id: all that is about whom this key stands for (join_labels)")
    .option("--model <name>", "only of this model; left out: of all")
    .addOption(ownerOption())
    .requiredOption("--reason <text>", "why; without the id or the key, since it is kept")
    .addHelpText(
      "after",
      '\nNumbers that were computed stay. What a topic still holds is not touched.\n\nExamples:\n  driftline forget 8f1c02 --owner ana --reason "request 4711"\n  driftline forget --entity "customer 81" --owner ana --reason "request 4711"',
    )
    .action(async (id: string | undefined, { config, ...options }: { config: string; [name: string]: string }) => {
      if ((id === undefined) === (options["entity"] === undefined))
        throw new DriftlineError("request_invalid", "name what is to be forgotten: an id, or --entity and its key");
      const request =
        id === undefined ? forgetEntitySchema.safeParse(options) : forgetIdSchema.safeParse({ ...options, id });
      if (!request.success) throw new DriftlineError("request_invalid", z.prettifyError(request.error));
      const { rows } = await forgetFromHere(readConfig(config), request.data);
      const lines = Object.entries(rows).map(([table, count]) => `${table}: ${count}`);
      process.stdout.write(`${lines.length === 0 ? "nothing is stored of it" : lines.join("\n")}\n`);
    });
