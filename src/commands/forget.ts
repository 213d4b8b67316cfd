/** `driftline forget`: an id leaves the store. */
import { Command } from "commander";
import { z } from "zod";
import { DriftlineError } from "../core/errors.ts";
import { forgetFromHere } from "../requests/forget-request.ts";
import { forgetRequestSchema } from "../serve/forget.ts";
import { configOption, ownerOption, readConfig } from "./options.ts";

export const forgetCommand = (): Command =>
  new Command("forget")
    .description("Forget an id: take its predictions, labels and dead letters out of the store. It can't be undone.")
    .argument("<id>", "the id as its events carried it")
    .addOption(configOption())
    .option("--model <name>", "only of this model; left out: of all")
    .addOption(ownerOption())
    .requiredOption("--reason <text>", "why; without the id, since it is kept")
    .addHelpText(
      "after",
      '\nNumbers that were computed stay. What a topic still holds is not touched.\n\nExample:\n  driftline forget 8f1c02 --owner ana --reason "request 4711"',
    )
    .action(async (id: string, { config, ...options }: { config: string; [name: string]: string }) => {
      const request = forgetRequestSchema.safeParse({ ...options, id });
      if (!request.success) throw new DriftlineError("request_invalid", z.prettifyError(request.error));
      const { rows } = await forgetFromHere(readConfig(config), request.data);
      const lines = Object.entries(rows).map(([table, count]) => `${table}: ${count}`);
      process.stdout.write(`${lines.length === 0 ? "nothing is stored of it" : lines.join("\n")}\n`);
    });
