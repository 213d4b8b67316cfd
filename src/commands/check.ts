/** `driftline check`: reads a configuration as the service would, then tries what it names. */
import { Command } from "commander";
import { checkConfig, type Finding } from "../config/check.ts";
import { describeConfig } from "../config/redact.ts";
import { openProbes } from "../service/probes.ts";
import { configOption, readConfig } from "./options.ts";

export const checkCommand = (): Command =>
  new Command("check")
    .description("Explain every error of a configuration, with its line, then try the connections and files it names.")
    .addOption(configOption())
    .option("--offline", "only read the configuration")
    .option("--print", "print the effective configuration, secrets masked")
    .addHelpText("after", "\nExit status 1 where anything is wrong.\n\nExample:\n  driftline check -c driftline.yaml")
    .action(async (options: { config: string; offline?: true; print?: true }) => {
      const config = readConfig(options.config);
      process.stdout.write(
        `${options.config} is valid: ${config.models.length} models, ${config.sources.length} sources\n`,
      );
      if (options.print === true) process.stdout.write(`${describeConfig(config)}\n`);
      if (options.offline === true) return;
      const probes = await openProbes();
      try {
        const findings = await checkConfig(config, probes);
        process.stdout.write(table(findings));
        if (findings.some((finding) => !finding.ok)) process.exitCode = 1;
      } finally {
        await probes.close();
      }
    });

function table(findings: readonly Finding[]): string {
  const width = Math.max(0, ...findings.map((finding) => finding.what.length));
  return findings
    .map(({ what, ok, detail }) => `${ok ? "ok    " : "FAILED"}  ${what.padEnd(width)}  ${detail}\n`)
    .join("");
}
