/** `driftline audit verify`: whether the chains of decisions are whole. */
import { Command } from "commander";
import { verifyStoredAudit } from "../requests/audit-request.ts";
import { configOption, readConfig } from "./options.ts";

export const auditCommand = (): Command =>
  new Command("audit").description("The chains of hashes over all decisions.").addCommand(
    new Command("verify")
      .description(
        "Verify that no decision was changed, left out or added since it was written; print the head of each chain.",
      )
      .addOption(configOption())
      .option("--head <hash...>", "hashes noted down earlier: each must be that of an entry")
      .option("--json", "print the result as JSON")
      .addHelpText(
        "after",
        "\nExit status 1 where anything is wrong.\n\nExample:\n  driftline audit verify -c driftline.yaml",
      )
      .action(async (options: { config: string; head?: string[]; json?: true }) => {
        const result = await verifyStoredAudit(readConfig(options.config), options.head ?? []);
        if (result.faults.length > 0) process.exitCode = 1;
        if (options.json === true) {
          process.stdout.write(`${JSON.stringify(result)}\n`);
          return;
        }
        const faults = result.faults.map((fault) => `WRONG  ${fault}`);
        const heads = result.heads.map(({ writer, sequence, hash }) => `head   ${hash}  ${writer}, entry ${sequence}`);
        const verdict = `${result.entries} entries in ${result.heads.length} chains: ${faults.length === 0 ? "whole" : `${faults.length} faults`}`;
        process.stdout.write(`${[...faults, ...heads, verdict].join("\n")}\n`);
      }),
  );
